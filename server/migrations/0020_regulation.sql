create schema regulation;

-- Every text of a regulation file that was ever in use: a case keeps the version it began with.
create table regulation.version (
  version text primary key,
  regulation text not null,
  content jsonb not null,
  first_used timestamptz not null default now()
);

do $$
begin
  grant usage on schema regulation to huitong_app;
  grant select, insert on regulation.version to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
