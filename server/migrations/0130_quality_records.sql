-- What the checks of each delivery found, by kind of check. A place's dimensions are read from these; a kind nobody checked has no row.
create table quality.measure (
  entry_id uuid not null,
  kind text not null,
  batch_id uuid not null,
  batch_no text not null,
  at timestamptz not null,
  -- The rows are in the pool; false: the delivery was held or returned.
  loaded boolean not null,
  checked bigint not null check (checked > 0),
  failed bigint not null check (failed between 0 and checked),
  note text not null default '',
  primary key (entry_id, kind, batch_id)
);
create index measure_latest on quality.measure (entry_id, at desc);

-- A failure on record against the department that answers for the data; closed by a later delivery that passes the same check.
create table quality.finding (
  id uuid primary key,
  entry_id uuid not null,
  department_id uuid not null,
  region text not null,
  dimension text not null,
  label text not null,
  kind text not null,
  failed bigint not null,
  text text not null,
  batch_id uuid not null,
  batch_no text not null,
  found timestamptz not null,
  closed timestamptz,
  case_no text
);
create index finding_open on quality.finding (department_id) where closed is null;
-- One open finding per entry and check; a second delivery that fails renews it.
create unique index finding_one on quality.finding (entry_id, kind) where closed is null;

-- 异议标注: shown to everybody who uses the record, or the whole entry when no record is named, until the case is settled.
create table quality.mark (
  case_no text primary key,
  entry_id uuid not null,
  record text not null default '',
  ground text not null,
  since timestamptz not null,
  cleared timestamptz
);
create index mark_entry on quality.mark (entry_id) where cleared is null;

-- Reports about single records: what the board and the scores need of a case beside its state.
create table quality.report (
  case_no text primary key,
  case_id uuid not null unique,
  procedure text not null,
  entry_id uuid not null,
  department_id uuid not null,
  region text not null,
  record text not null,
  -- null: not decided
  wrong boolean,
  decided timestamptz,
  told int
);
create index report_entry on quality.report (entry_id);

create view quality.mark_view as
  select case_no, entry_id, record, ground, since from quality.mark where cleared is null;
create view quality.finding_view as
  select id, entry_id, department_id, region, dimension, label, kind, failed, text, batch_no, found, closed, case_no from quality.finding;
create view quality.report_view as
  select case_no, case_id, procedure, entry_id, department_id, region, record, wrong, decided, told from quality.report;
create view quality.measure_view as
  select entry_id, kind, batch_id, batch_no, at, loaded, checked, failed from quality.measure;

do $$
begin
  grant usage on schema quality to huitong_app;
  grant select, insert, update, delete on all tables in schema quality to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
