-- One way in: sources, uploads, batches, rejects, and the pool tables the batches fill.
create schema aggregation;
create schema pool;
-- Staging tables live and die inside the transaction of their batch: nobody else ever sees one, and a killed process leaves none.
create schema staging;

create table aggregation.source (
  id uuid primary key,
  entry_id uuid not null,
  department_id uuid not null,
  kind text not null check (kind in ('file', 'postgres')),
  name text not null,
  -- Without the password, which is sealed in `secret` and never leaves.
  connection jsonb,
  secret text,
  mapping jsonb not null default '[]',
  keys text[] not null default '{}',
  threshold double precision not null default 0.01 check (threshold between 0 and 1),
  options jsonb not null default '{}',
  created timestamptz not null,
  created_by text not null
);
create index source_entry on aggregation.source (entry_id);
create index source_department on aggregation.source (department_id, created);

create table aggregation.upload (
  id uuid primary key,
  source_id uuid not null references aggregation.source,
  name text not null,
  bytes bigint not null,
  sha256 text not null,
  created timestamptz not null,
  created_by text not null,
  -- The file itself is gone; the record stays.
  removed timestamptz
);
create index upload_source on aggregation.upload (source_id, created);

create table aggregation.batch (
  id uuid primary key,
  no text not null unique,
  source_id uuid not null references aggregation.source,
  entry_id uuid not null,
  upload_id uuid references aggregation.upload,
  name text not null,
  state text not null check (state in ('queued', 'running', 'done', 'held', 'returned', 'drift', 'failed', 'cancelled')),
  options jsonb not null default '{}',
  threshold double precision not null,
  read bigint not null default 0,
  accepted bigint not null default 0,
  changed bigint not null default 0,
  unchanged bigint not null default 0,
  rejected bigint not null default 0,
  waiting bigint not null default 0,
  position text not null default '',
  messages jsonb not null default '[]',
  difference jsonb,
  -- What the rows were judged by: mapping, keys, entry version, rules. Two batches with one fingerprint and one file are one.
  fingerprint text,
  sha256 text,
  released boolean not null default false,
  reason text,
  attempt int not null default 0,
  actor jsonb not null,
  created timestamptz not null,
  started timestamptz,
  finished timestamptz,
  -- Every row that was read is accounted for, once.
  constraint balanced check (read = accepted + unchanged + rejected + waiting),
  constraint parts check (least(read, accepted, unchanged, rejected, waiting) >= 0 and changed between 0 and accepted),
  constraint nothing_waits_when_done check (state <> 'done' or waiting = 0),
  constraint nothing_loaded_when_stopped check (state in ('done', 'queued', 'running') or accepted + unchanged = 0)
);
create index batch_source on aggregation.batch (source_id, created desc);
create index batch_entry on aggregation.batch (entry_id, created desc);
create index batch_open on aggregation.batch (state) where state in ('queued', 'running');

create table aggregation.counter (
  day date primary key,
  n int not null
);

create table aggregation.reject (
  -- No foreign key: it would be looked up for every rejected row, of which there may be a million.
  batch_id uuid not null,
  id bigint generated always as identity,
  line bigint not null,
  item text,
  rule text not null,
  value text,
  note text,
  -- The whole row as it came, once per line: for the annotated workbook.
  row jsonb,
  primary key (batch_id, id)
);
create index reject_line on aggregation.reject (batch_id, line, id);

-- Written outside the batch's transaction, so that a page can watch it; worth nothing after a crash.
create unlogged table aggregation.progress (
  batch_id uuid primary key,
  phase text not null,
  rows bigint not null default 0,
  estimate bigint,
  taken bigint not null default 0,
  total bigint,
  started timestamptz not null,
  updated timestamptz not null,
  cancel text
);

create table aggregation.mount (
  entry_id uuid primary key,
  relation text not null,
  columns text[] not null,
  keys text[] not null,
  rows bigint not null,
  updated timestamptz not null,
  batch_id uuid not null references aggregation.batch
);

-- For the modules to the right: is the entry filled, where, with what.
create view aggregation.mount_view as
  select entry_id, true as mounted, relation, columns, keys, rows, updated, batch_id as batch from aggregation.mount;
create view aggregation.batch_view as
  select id, no, source_id, entry_id, state, read, accepted, changed, unchanged, rejected, waiting, created, started, finished from aggregation.batch;

do $$
begin
  grant usage on schema aggregation to huitong_app;
  grant select, insert, update, delete on all tables in schema aggregation to huitong_app;
  grant usage, create on schema pool, staging to huitong_app;
exception when undefined_object then null;
end $$;
