-- Sources prepared with the draft of their entry (从数据库编目), until the entry is published and its first batch begins.
create table aggregation.prepared (
  entry_id uuid primary key,
  department_id uuid not null,
  -- As confirmed; the entry's own counts once it is published.
  title text not null,
  kind text not null check (kind in ('postgres', 'mysql')),
  -- Without its secrets, which are sealed in `secret`.
  connection jsonb not null,
  secret text not null,
  secret_names text[] not null,
  system_id uuid,
  mapping jsonb not null,
  created timestamptz not null,
  created_by text not null
);
create index prepared_department on aggregation.prepared (department_id, created);

do $$
begin
  grant select, insert, update, delete on aggregation.prepared to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
