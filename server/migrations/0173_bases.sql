-- Base and theme databases: made of several entries, each kept in the pool table of an entry of its own.
create table aggregation.derived (
  id uuid primary key,
  kind text not null check (kind in ('base', 'theme')),
  region text not null,
  theme text not null,
  title text not null,
  department_id uuid not null,
  -- The entry that holds the result; one database per entry.
  entry_id uuid unique,
  -- Sources and attributes of a base, joins and columns of a theme.
  plan jsonb,
  version int not null default 0,
  -- What the rows were last made by; another one asks for all of them anew.
  built text,
  -- Everything is to be made anew.
  stale boolean not null default false,
  refreshed timestamptz,
  -- Why it is not refreshed now, in words.
  trouble text,
  created timestamptz not null,
  check ((entry_id is null) = (plan is null))
);
create unique index derived_one on aggregation.derived (kind, region, theme);
insert into aggregation.derived (id, kind, region, theme, title, department_id, created)
  select id, 'base', region, theme, title, department_id, created from aggregation.base_database;
drop table aggregation.base_database;

-- The entries it is made of, numbered as the plan has them.
create table aggregation.derived_source (
  derived_id uuid not null references aggregation.derived,
  place smallint not null,
  entry_id uuid not null,
  primary key (derived_id, place),
  unique (derived_id, entry_id)
);
create index derived_source_entry on aggregation.derived_source (entry_id);

-- Batches (or approved cases) that changed a source and are not taken up yet; written in their transaction.
create table aggregation.derived_change (
  id bigint generated always as identity primary key,
  derived_id uuid not null,
  entry_id uuid not null,
  batch_id uuid not null
);
create index derived_change_of on aggregation.derived_change (derived_id);

-- What a batch is to an ordinary entry: `_batch` of the rows it made.
create table aggregation.refresh (
  id uuid primary key,
  derived_id uuid not null references aggregation.derived,
  no int not null,
  "full" boolean not null,
  batches uuid[] not null default '{}',
  touched bigint not null,
  added bigint not null,
  changed bigint not null,
  removed bigint not null,
  started timestamptz not null,
  finished timestamptz not null,
  unique (derived_id, no)
);
-- Rows of a derived table come from a refresh.
alter table aggregation.mount drop constraint mount_batch_id_fkey;

-- Two sources that say different things about the same attribute of the same record.
create table aggregation.conflict (
  derived_id uuid not null references aggregation.derived,
  id text collate "C" not null,
  item text not null,
  chosen_entry uuid not null,
  chosen_value text not null,
  other_entry uuid not null,
  other_value text not null,
  refresh_id uuid not null,
  since timestamptz not null,
  -- They agree, or one of them says nothing any more.
  closed timestamptz,
  case_no text,
  primary key (derived_id, id, item, other_entry)
);
create index conflict_open on aggregation.conflict (derived_id, item) where closed is null;
create index conflict_case on aggregation.conflict (case_no) where case_no is not null;

-- Identifiers as records are matched by them; null: not usable. Spaces, hyphens, full width and a small x do not matter.
create function aggregation.identifier_text(v text) returns text language sql immutable parallel safe
  return upper(regexp_replace(normalize(v, nfkc), '[\s-]', '', 'g'));

-- 15-digit numbers (until 1999) become 18: the century, and the check character of GB 11643.
create function aggregation.person_id(v text) returns text language plpgsql immutable parallel safe as $$
declare
  t text := v;
  sum int := 0;
  weights constant int[] := '{7,9,10,5,8,4,2,1,6,3,7,9,10,5,8,4,2}';
begin
  if octet_length(t) is distinct from 18 or t !~ '^[0-9]{17}[0-9X]$' then
    t := aggregation.identifier_text(v);
    if t ~ '^[0-9]{15}$' then
      t := left(t, 6) || '19' || substr(t, 7);
      for i in 1..17 loop
        sum := sum + weights[i] * substr(t, i, 1)::int;
      end loop;
      t := t || substr('10X98765432', sum % 11 + 1, 1);
    end if;
  end if;
  return case when quality.id_number_fault(t, '99991231') is null then t end;
end $$;

-- 18 characters of the 统一社会信用代码, or the 9 of an old 组织机构代码 (GB 11714); null: neither.
create function aggregation.organisation_code(v text) returns text language plpgsql immutable parallel safe as $$
declare
  t text := aggregation.identifier_text(v);
  sum int := 0;
  weights constant int[] := '{3,7,9,10,5,8,4,2}';
begin
  if length(t) = 18 then return case when quality.credit_code_fault(t) is null then t end; end if;
  if t !~ '^[0-9A-Z]{8}[0-9X]$' then return null; end if;
  for i in 1..8 loop
    sum := sum + weights[i] * (strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', substr(t, i, 1)) - 1);
  end loop;
  return case when right(t, 1) = substr('0X987654321', sum % 11 + 1, 1) then t end;
end $$;
-- The 组织机构代码 stands in the credit code as characters 9 to 17: old and new codes of one body meet in it.
create function aggregation.organisation_id(v text) returns text language sql immutable parallel safe
  return right(left(v, 17), 9);

-- Values as they are compared: spaces, width, capitals and the dots in names do not make a difference.
create function aggregation.plain_text(v text) returns text language sql immutable parallel safe
  return lower(regexp_replace(translate(normalize(v, nfkc), '•・‧∙⋅', '·····'), '\s', '', 'g'));

do $$
begin
  grant select, insert, update, delete on all tables in schema aggregation to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
