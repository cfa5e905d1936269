-- 数据处置: what a consumer did with the data it has, once its grant has ended. Statements are only added; the newest one stands.
alter table delivery.grant add column disposal_asked date;

create table delivery.disposal (
  id uuid primary key,
  grant_id uuid not null references delivery.grant,
  at timestamptz not null,
  person text not null,
  person_id uuid,
  -- Who carried it out, and on which day.
  by_person text not null,
  done_on date not null,
  -- [{ way, done, basis, grant }], one for each way in which data were received.
  done jsonb not null check (jsonb_array_length(done) > 0),
  note text not null default '',
  attachment jsonb,
  late boolean not null
);
create index disposal_grant on delivery.disposal (grant_id, at desc);
-- Grants that have ended and were not asked about.
create index grant_unasked on delivery.grant (valid_until) where disposal_asked is null;

-- Neighbours learn when a duty without a case is due, and whose it is.
create or replace view procedure.reminder_view as
  select name, href, ended, due, what, title, debtor_id, debtor, origin, outcome, opened from procedure.duty where case_id is null;

do $$
begin
  grant select, insert on delivery.disposal to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
