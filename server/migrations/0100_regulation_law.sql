-- The files are the built-in stock of the law. What people change lies over it, in these tables; each change is also in the ledger.

create table regulation.region (
  code text primary key check (code ~ '^[0-9]{6}$'),
  name text not null,
  level text not null check (level in ('province', 'city', 'county')),
  parent text,
  recorded timestamptz not null,
  recorded_by text not null
);

-- A text somebody brought in. It becomes law of a place only by an adoption.
create table regulation.import (
  id uuid primary key,
  regulation text not null,
  version text not null,
  title text not null,
  source text not null,
  state text not null default 'checked' check (state in ('checked', 'adopted', 'refused')),
  recorded timestamptz not null,
  recorded_by text not null,
  recorded_region text not null,
  decided timestamptz,
  decided_by text,
  note text
);
create unique index import_waiting on regulation.import (version) where state <> 'refused';

-- What a place says about its law: it adopts a text from a day, goes on using one that is not (or no longer) in force, or takes a higher
-- law as a layer. Records shipped with the files get a row here only when they are ended.
create table regulation.adoption (
  id text primary key,
  kind text not null check (kind in ('adoption', 'continuation', 'layer')),
  region text not null,
  regulation text not null,
  version text,
  from_day date,
  until_day date check (until_day >= from_day),
  document text not null,
  note text not null default '',
  recorded timestamptz not null,
  recorded_by text not null,
  ended_on date,
  ended_reason text,
  ended_by text
);
create index adoption_region on regulation.adoption (region);

create table regulation.gate (
  region text not null,
  key text not null,
  mode text not null check (mode in ('block', 'remind')),
  reason text not null,
  changed timestamptz not null,
  changed_by text not null,
  primary key (region, key)
);

-- The official days of a year; the newest adopted row of a year is in force.
create table regulation.calendar (
  id uuid primary key,
  year int not null,
  document text not null,
  holidays jsonb not null,
  workdays jsonb not null,
  state text not null default 'checked' check (state in ('checked', 'adopted', 'refused')),
  recorded timestamptz not null,
  recorded_by text not null,
  adopted timestamptz,
  adopted_by text
);

-- A law that goes before the local rule for one catalog entry.
create table regulation.override (
  id uuid primary key,
  region text not null,
  entry_id uuid not null,
  topic text not null,
  value text not null,
  instrument text not null,
  article text not null,
  text text not null,
  recorded timestamptz not null,
  recorded_by text not null,
  ended timestamptz,
  ended_by text
);
create unique index override_one on regulation.override (entry_id, topic) where ended is null;

do $$
begin
  grant select, insert, update on all tables in schema regulation to huitong_app;
exception when undefined_object then null;
end $$;
