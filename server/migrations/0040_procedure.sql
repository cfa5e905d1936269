create schema procedure;

create table procedure.counter (
  prefix text not null,
  year int not null,
  n int not null,
  primary key (prefix, year)
);

create table procedure.case (
  id uuid primary key,
  no text not null unique,
  procedure text not null,
  region text not null,
  -- The rule the case runs under, as it was when it began.
  regulation text not null,
  regulation_version text not null references regulation.version,
  adopter text not null,
  ruling jsonb not null,
  subject_type text not null,
  subject_id uuid not null,
  subject_code text,
  subject_title text not null,
  title text not null,
  state text not null,
  -- Raised by every act: who decides on an older one is told what happened meanwhile.
  version int not null default 1,
  parties jsonb not null,
  departments uuid[] not null,
  form jsonb not null,
  opened_by uuid,
  applicant_id uuid not null,
  opened_at timestamptz not null,
  ended_at timestamptz,
  outcome text,
  result jsonb
);
create index case_departments on procedure.case using gin (departments);
create index case_subject on procedure.case (subject_type, subject_id);
create index case_region on procedure.case (region, opened_at);
-- A department has one open application per entry; a second one would split the approval trail.
create unique index case_one_open on procedure.case (procedure, subject_id, applicant_id) where ended_at is null;

create table procedure.event (
  case_id uuid not null references procedure.case,
  seq int not null,
  at timestamptz not null,
  action text not null,
  label text not null,
  system boolean not null default false,
  person_id uuid,
  person text,
  department_id uuid,
  department text,
  role text,
  from_state text,
  to_state text,
  form jsonb not null default '{}',
  cite jsonb,
  primary key (case_id, seq)
);

-- 义务台账: who owes what to whom by when, under which article.
create table procedure.duty (
  id uuid primary key,
  case_id uuid references procedure.case,
  step text,
  name text,
  what text not null,
  debtor_id uuid not null,
  debtor text not null,
  role text not null,
  creditor text not null default '',
  title text not null,
  href text not null,
  opened date not null,
  days int check (days > 0),
  word text,
  origin text not null check (origin in ('law', 'platform')),
  due date,
  estimated boolean not null default false,
  until text[] not null default '{}',
  stopped_on date,
  ended date,
  outcome text check (outcome in ('fulfilled', 'void')),
  cite jsonb not null,
  inherited text,
  check ((days is null) <> (word is null))
);
create index duty_debtor on procedure.duty (debtor_id) where ended is null;
create index duty_case on procedure.duty (case_id);

create table procedure.notice (
  id uuid primary key,
  department_id uuid not null,
  at timestamptz not null,
  text text not null,
  href text not null,
  read_by uuid[] not null default '{}'
);
create index notice_department on procedure.notice (department_id, at desc);

create view procedure.case_view as
  select id, no, procedure, region, subject_type, subject_id, state, applicant_id, opened_at, ended_at, outcome from procedure.case;

-- Approving acts with what they decided: the grant is made from them.
create view procedure.decision_view as
  select case_id, seq, at, action, person_id, person, department, form from procedure.event where form ? 'treatments' and action = 'approve';

do $$
begin
  grant usage on schema procedure to huitong_app;
  grant select, insert, update, delete on all tables in schema procedure to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
