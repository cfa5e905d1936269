-- More kinds of sources, fetched on a schedule, by increments or followed live.
alter table aggregation.source drop constraint source_kind_check;
alter table aggregation.source
  add constraint source_kind_check check (kind in ('file', 'folder', 'sftp', 'postgres', 'mysql', 'http', 'push')),
  -- Names of the connection's fields sealed in `secret`; null: it is the bare password, as before.
  add column secret_names text[],
  add column mode text not null default 'snapshot' check (mode in ('snapshot', 'increment', 'capture')),
  -- The source column an increment goes by.
  add column cursor text,
  add column schedule jsonb,
  add column next_run timestamptz,
  -- Up to where the pool holds the source, in the connector's own words; written in the transaction of the rows.
  add column position jsonb,
  add column deletes text not null default 'keep' check (deletes in ('keep', 'follow')),
  -- The person in whose name the platform fetches: who set the schedule last.
  add column run_as jsonb,
  -- Reads at the department's own machine and connects out; null: the platform reads.
  add column agent_id uuid,
  -- What keeps it from working now: { code, text, remedy, since }.
  add column trouble jsonb,
  add column contact timestamptz;
update aggregation.source set connection = connection || jsonb_build_object('kind', kind) where connection is not null;
create index source_next on aggregation.source (next_run) where next_run is not null;

-- Files of a folder or a server that were taken, so that each is taken once.
create table aggregation.taken (
  source_id uuid not null references aggregation.source,
  name text not null,
  -- Size and time of change, as the server states them.
  stamp text not null,
  upload_id uuid not null references aggregation.upload,
  at timestamptz not null,
  primary key (source_id, name, stamp)
);

create or replace view aggregation.source_view as
  select id, entry_id, department_id, system_id, kind, name, cadence, active, created, mode, deletes, next_run, trouble, contact from aggregation.source;

do $$
begin
  grant select, insert, update, delete on all tables in schema aggregation to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
