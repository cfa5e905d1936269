-- How often a source delivers, from which system, and how far the data are behind when they arrive.
alter table aggregation.source
  add column system_id uuid,
  add column cadence text not null default 'real-time'
    check (cadence in ('real-time', 'hourly', 'daily', 'weekly', 'monthly', 'quarterly', 'yearly', 'cycle')),
  -- The item that says when a record was produced; without it the time of the file counts, if it is given.
  add column produced_item text,
  add column active boolean not null default true;
-- Sources from before this table knew of promises keep the cycle of their entry.
update aggregation.source set cadence = 'cycle';

alter table aggregation.batch
  add column produced timestamptz,
  -- Seconds between production and arrival; null: not measured.
  add column lag bigint,
  add column late boolean not null default false;

-- 校核确认: somebody has looked at the delivery and answers for it.
create table aggregation.verification (
  batch_id uuid primary key references aggregation.batch,
  method text not null,
  result text not null,
  person text not null,
  department_id uuid not null,
  at timestamptz not null
);

-- 备案: an entry that cannot be real-time, with the interval that still meets the needs of sharing.
create table aggregation.filing (
  case_no text primary key,
  entry_id uuid not null,
  cadence text not null,
  reason text not null,
  needs text not null,
  filed_with uuid,
  filed timestamptz not null
);
create index filing_entry on aggregation.filing (entry_id, filed desc);

-- 基础数据库: built by the body the place names.
create table aggregation.base_database (
  id uuid primary key,
  region text not null,
  theme text not null,
  title text not null,
  department_id uuid not null,
  created timestamptz not null,
  unique (region, theme)
);

create or replace view aggregation.batch_view as
  select id, no, source_id, entry_id, state, read, accepted, changed, unchanged, rejected, waiting, created, started, finished, produced, lag, late
  from aggregation.batch;
create view aggregation.source_view as
  select id, entry_id, department_id, system_id, kind, name, cadence, active, created from aggregation.source;
create view aggregation.filing_view as
  select case_no, entry_id, cadence, filed_with, filed from aggregation.filing;

do $$
begin
  grant select, insert, update, delete on all tables in schema aggregation to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
