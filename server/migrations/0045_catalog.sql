create extension if not exists pg_trgm;
create schema catalog;

create table catalog.entry (
  id uuid primary key,
  code text not null unique check (code like '%/%'),
  region text not null,
  department_id uuid not null references organization.department,
  -- Number of the version in force; null until the first publication.
  published int,
  withdrawn boolean not null default false,
  created_by uuid not null,
  created timestamptz not null default now()
);
create unique index entry_path on catalog.entry (replace(code, '/', '-'));
create index entry_department on catalog.entry (department_id);

-- Versions are immutable once published; the newest may be a draft or under review.
create table catalog.version (
  entry_id uuid not null references catalog.entry on delete cascade,
  version int not null,
  state text not null check (state in ('draft', 'in_review', 'published', 'superseded')),
  content jsonb not null,
  etag text not null,
  saved_by text not null,
  saved timestamptz not null,
  submitted timestamptz,
  published timestamptz,
  case_id uuid,
  case_no text,
  primary key (entry_id, version)
);
-- Two drafts of one entry would overwrite each other at publication.
create unique index version_one_open on catalog.version (entry_id) where state in ('draft', 'in_review');

create function catalog.keep_published() returns trigger language plpgsql as $$
begin
  if old.state in ('published', 'superseded') and (new.content is distinct from old.content or new.state = 'draft') then
    raise exception '已发布的目录版本不能改动' using errcode = '42501';
  end if;
  return new;
end $$;
create trigger keep before update on catalog.version for each row execute function catalog.keep_published();

create table catalog.counter (
  prefix text primary key,
  n int not null
);
create table catalog.department_code (
  department_id uuid primary key references organization.department,
  region text not null,
  n int not null,
  unique (region, n)
);

-- What search reads: the published version, or the draft for its own department.
create table catalog.search (
  entry_id uuid primary key references catalog.entry on delete cascade,
  title text not null,
  items text[] not null,
  tokens tsvector not null
);
create index search_tokens on catalog.search using gin (tokens);
create index search_title on catalog.search using gin (title gin_trgm_ops);

-- Told by the modules to the right: filled or not, used by whom.
create table catalog.mount (
  entry_id uuid primary key references catalog.entry on delete cascade,
  rows bigint not null,
  updated timestamptz not null
);
create table catalog.use (
  ref uuid primary key,
  entry_id uuid not null references catalog.entry on delete cascade,
  kind text not null check (kind in ('grant', 'open')),
  label text not null,
  items text[] not null,
  active boolean not null
);
create index use_entry on catalog.use (entry_id) where active;

create view catalog.entry_view as
  select e.id, e.code, v.content ->> 'title' as title, e.region, e.department_id, d.name as department, d.credit_code,
         case when e.withdrawn then 'withdrawn' else 'published' end as state, e.published as version, v.content,
         v.content ->> 'shareClass' as share_class, v.content ->> 'openClass' as open_class, v.published
  from catalog.entry e
  join catalog.version v on v.entry_id = e.id and v.version = e.published
  join organization.department d on d.id = e.department_id;

do $$
begin
  grant usage on schema catalog to huitong_app;
  grant select, insert, update, delete on all tables in schema catalog to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
