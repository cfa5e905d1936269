-- 库表推送: what a grant gives, kept up to date in a table of the consumer's own database. Where a push stands is written there, with the rows.
create table delivery.table_push (
  id uuid primary key,
  grant_id uuid not null unique references delivery.grant,
  connection jsonb not null,
  secret text not null,
  every int not null check (every between 1 and 1440),
  state text not null check (state in ('active', 'paused')),
  run_as jsonb not null,
  next_run timestamptz,
  -- Since when a push is under way; null: none is.
  began timestamptz,
  last_run timestamptz,
  -- When the table last held everything.
  caught_up timestamptz,
  upserts bigint not null default 0,
  removes bigint not null default 0,
  trouble jsonb,
  created timestamptz not null
);
create index table_push_due on delivery.table_push (next_run) where state = 'active';

do $$
begin
  grant select, insert, update, delete on delivery.table_push to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
