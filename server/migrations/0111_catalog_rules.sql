-- Under which regulation, in which version, and by which compilation guide an entry was submitted.
alter table catalog.version
  add column regulation text,
  add column regulation_version text,
  add column guide int;

-- 编制指南: the elements an entry must have, beside those the regulation names. Only the competent body issues a version.
create table catalog.guide (
  region text not null,
  version int not null,
  title text not null,
  required text[] not null,
  issued date not null,
  issued_by text not null,
  cite jsonb not null,
  primary key (region, version)
);

-- 数源部门: who collects what several departments had registered.
create table catalog.collector (
  entry_id uuid not null references catalog.entry on delete cascade,
  department_id uuid not null,
  case_no text not null,
  settled date not null,
  primary key (entry_id)
);

-- The catalog of a place as it was published on a day.
create table catalog.release (
  region text not null,
  version int not null,
  released date not null,
  released_by text not null,
  entries jsonb not null,
  cite jsonb not null,
  primary key (region, version)
);

-- What was obtained, entrusted or bought, and the entry it belongs to.
create table catalog.acquisition (
  id uuid primary key,
  department_id uuid not null references organization.department,
  kind text not null,
  title text not null,
  obtained date not null,
  evidence text not null default '',
  entry_id uuid references catalog.entry on delete set null
);
create index acquisition_department on catalog.acquisition (department_id);

alter table catalog.use add column grantee uuid;

do $$
begin
  grant select, insert, update, delete on all tables in schema catalog to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
