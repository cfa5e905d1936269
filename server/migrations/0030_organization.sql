create schema organization;

create table organization.department (
  id uuid primary key,
  region text not null,
  name text not null,
  credit_code text not null,
  -- What the department is in procedures: authority, data-centre … Providers and applicants need no mark.
  roles text[] not null default '{}',
  created timestamptz not null default now(),
  unique (region, name)
);
-- A role such as `authority` has one bearer in a region; two would split every decision.
create unique index department_one_authority on organization.department (region) where 'authority' = any (roles);

create table organization.person (
  id uuid primary key,
  username text not null unique,
  name text not null,
  department_id uuid not null references organization.department,
  phone text,
  password_hash text not null,
  must_change_password boolean not null default false,
  roles text[] not null default '{}',
  disabled boolean not null default false,
  failures int not null default 0,
  locked_until timestamptz,
  last_sign_in timestamptz,
  created timestamptz not null default now()
);
-- 三员分立: system, security and audit administrators exclude each other and all working roles.
alter table organization.person add constraint administrators_apart check (
  not (roles && array['system_admin', 'security_admin', 'audit_admin']) or cardinality(roles) = 1
);
create index person_department on organization.person (department_id);

create table organization.session (
  -- SHA-256 of the cookie: a copy of this table opens no session.
  digest bytea primary key,
  public_id text not null unique,
  person_id uuid not null references organization.person on delete cascade,
  created timestamptz not null,
  last_seen timestamptz not null,
  expires timestamptz not null,
  ip text not null,
  agent text not null
);
create index session_person on organization.session (person_id);

-- One-time token for the first administrators of an empty installation.
create table organization.setup_token (
  digest bytea primary key,
  expires timestamptz not null
);

create table organization.system (
  id uuid primary key,
  department_id uuid not null references organization.department,
  name text not null,
  address text not null default '',
  created timestamptz not null default now(),
  unique (department_id, name)
);

create view organization.department_view as select id, region, name, credit_code, roles from organization.department;
create view organization.system_view as select s.id, s.department_id, s.name, s.address, d.name as department, d.region from organization.system s join organization.department d on d.id = s.department_id;
create view organization.person_view as select id, name, department_id, roles, phone, disabled from organization.person;

do $$
begin
  grant usage on schema organization to huitong_app;
  grant select, insert, update, delete on all tables in schema organization to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
