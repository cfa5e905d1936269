-- Live capture: what a source is about to do, what it made at the source, and what was deleted there.
alter table aggregation.source
  -- { phase, lag, retained, at }: lag in milliseconds behind the source's own time, retained in bytes.
  add column live jsonb,
  -- The connection, without secrets, at which a slot and a publication of ours stand; null: nothing to take away.
  add column slot jsonb;

-- A live batch gathers what comes within an hour, is complete after every transaction, and is closed at this moment.
alter table aggregation.batch add column open_until timestamptz;
create unique index batch_live on aggregation.batch (source_id) where open_until is not null;
-- "Rows of this source" are found by their batches.
create index batch_of_source on aggregation.batch (source_id, id);

-- Deleted at the source, kept here until somebody with the right to do so has approved the list.
create table aggregation.gone (
  entry_id uuid not null,
  key text collate "C" not null,
  source_id uuid not null references aggregation.source,
  at timestamptz not null,
  -- The list it was put on for approval.
  list text,
  primary key (entry_id, key)
);
create index gone_source on aggregation.gone (source_id, list);

do $$
begin
  grant select, insert, update, delete on all tables in schema aggregation to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
