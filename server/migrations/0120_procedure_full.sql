-- Cases about anything, started by anybody the regulation names, also from outside the administration.
alter table procedure.case
  -- What later acts have stated; conditions and set deadlines look here after the application itself.
  add column said jsonb not null default '{}',
  add column after_no text,
  -- SHA-256 of the code handed out with a receipt to somebody without an account.
  add column code_digest bytea;
create index case_after on procedure.case (after_no) where after_no is not null;

alter table procedure.duty
  alter column debtor_id drop not null,
  -- Working days granted beyond the first term.
  add column extended int not null default 0,
  -- due = counted_days working days after counted_from; null where a date was set or the row is older than this.
  add column counted_from date,
  add column counted_days int,
  -- The article that gave way to a shorter limit, or beside which this one stands.
  add column also jsonb,
  add column reminded text;

create table procedure.attachment (
  id uuid primary key,
  case_id uuid references procedure.case,
  department_id uuid not null,
  name text not null,
  media text not null,
  content bytea not null,
  sha256 text not null,
  uploaded_by uuid not null,
  at timestamptz not null
);

alter table procedure.notice add column kind text not null default 'news', add column routed boolean not null default false;

create view procedure.duty_view as
  select id, case_id, name, what, debtor_id, debtor, role, opened, days, word, origin, due, extended, stopped_on, ended, outcome, cite from procedure.duty;

do $$
begin
  grant select, insert, update, delete on all tables in schema procedure to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
