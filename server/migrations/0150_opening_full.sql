-- Opening under each place's rules: what a proposal must bring, lists, grounds and their re-evaluation, authorised use, conduct, status.

alter table opening.proposal
  add column audience text[] not null default '{citizens,legal-persons,other-organisations}',
  add column use_requirements text not null default '',
  add column focus text not null default '',
  -- { risk, preprocessing, desensitization } as declared
  add column records jsonb not null default '{}',
  add column open_class text not null default 'open' check (open_class in ('open', 'conditional'));
alter table opening.proposal drop constraint proposal_state_check;
-- reviewed: passed, waits for publication by the body that publishes.
alter table opening.proposal add constraint proposal_state_check check (state in ('pending', 'reviewed', 'opened', 'refused'));
drop index opening.proposal_one_pending;
create unique index proposal_one_pending on opening.proposal (entry_id) where state in ('pending', 'reviewed');

alter table opening.listing
  add column open_class text not null default 'open' check (open_class in ('open', 'conditional')),
  add column use_requirements text not null default '',
  add column records jsonb not null default '{}';

-- The open lists of a department, version by version; an entry left out of a new version is no longer released.
create table opening.list (
  department_id uuid not null,
  class text not null check (class in ('open', 'conditional')),
  version int not null,
  region text not null,
  department text not null,
  entries uuid[] not null,
  published timestamptz not null,
  published_by text not null,
  cite jsonb not null,
  primary key (department_id, class, version)
);

-- What makes an excluded entry fit to be opened after all.
create table opening.unlock (
  id uuid primary key,
  entry_id uuid not null,
  how text not null check (how in ('desensitised', 'consent')),
  method text not null,
  reviewer text not null,
  result text not null,
  at timestamptz not null
);
create index unlock_entry on opening.unlock (entry_id, at desc);

-- Re-evaluations of what is not opened; each ends with a conclusion.
create table opening.evaluation (
  id uuid primary key,
  entry_id uuid not null,
  conclusion text not null check (conclusion in ('open', 'keep')),
  reason text not null,
  ground text,
  evidence jsonb not null default '{}',
  reviewer text not null,
  at timestamptz not null
);
create index evaluation_entry on opening.evaluation (entry_id, at desc);

-- An entry found secret: blocked at once; recorded when the determination is named.
create table opening.exclusion (
  entry_id uuid primary key,
  ground text not null,
  state text not null check (state in ('blocked', 'recorded')),
  determination text,
  blocked_at timestamptz not null,
  blocked_by text not null,
  recorded_at timestamptz,
  check ((state = 'recorded') = (determination is not null))
);

-- Who may use conditionally opened data, for what. `version` grows with every change, data statements check it.
create table opening.access (
  id uuid primary key,
  no text not null unique,
  version int not null default 1,
  entry_id uuid not null,
  region text not null,
  holder text not null,
  holder_kind text not null,
  contact text not null,
  purpose text not null,
  scenario text not null,
  use_kind text not null,
  public_benefit boolean not null default false,
  terms text not null default '',
  state text not null check (state in ('approved', 'active', 'limited', 'closed', 'ended')),
  state_reason text,
  state_cite jsonb,
  case_id uuid not null unique,
  case_no text not null,
  approver text not null,
  cite jsonb not null,
  key_hash bytea unique,
  key_number int not null default 0,
  granted date not null,
  until date,
  report_due date
);
create index access_entry on opening.access (entry_id);

create table opening.use_report (
  id uuid primary key,
  access_id uuid not null references opening.access,
  at timestamptz not null,
  scenario text not null,
  content text not null,
  result_kind text not null default '',
  exceeded boolean not null
);
create index use_report_access on opening.use_report (access_id, at desc);

create table opening.product (
  id uuid primary key,
  access_id uuid not null references opening.access,
  title text not null,
  kind text not null,
  source text not null,
  acquired date not null,
  at timestamptz not null
);

-- Public notices about misconduct of users.
create table opening.notice (
  id uuid primary key,
  region text not null,
  case_no text not null,
  holder text not null,
  measure text not null check (measure in ('limit', 'close')),
  reason text not null,
  cite jsonb not null,
  at timestamptz not null
);

create table opening.plan (
  region text not null,
  year int not null,
  version int not null,
  items jsonb not null,
  focus text not null default '',
  published timestamptz not null,
  published_by text not null,
  cite jsonb not null,
  primary key (region, year, version)
);

-- One line a minute while the platform is up: a minute without a line was an outage.
create table opening.probe (
  at timestamptz primary key,
  ok boolean not null,
  parts jsonb not null
);
create table opening.release (
  version text primary key,
  since timestamptz not null,
  notes text not null
);

-- The digest of the code that somebody outside holds for a case.
create view procedure.outside_view as select id, no, code_digest from procedure.case where code_digest is not null;
-- Duties by the page they lead to, so that one is not opened twice.
create view procedure.reminder_view as select name, href, ended from procedure.duty where case_id is null;

do $$
begin
  grant select on procedure.reminder_view to huitong_app;
  grant select on procedure.outside_view to huitong_app;
  grant select, insert, update, delete on all tables in schema opening to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
