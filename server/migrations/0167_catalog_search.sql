-- Search over the catalog: one narrow row per entry, so that counting facets over all of 100,000 hits reads a few megabytes.
-- Where an entry stands (facets) is kept by triggers, whoever writes; its words are made in code (segment.ts) in the same transaction.
drop table catalog.search;

-- Numbers of departments, themes and regions, for the packed facets.
create table catalog.facet (
  facet text not null,
  value text not null,
  id int not null,
  primary key (facet, value),
  unique (facet, id)
);
create function catalog.facet_id(f text, v text, most int) returns int language plpgsql as $$
declare n int;
begin
  if v is null or v = '' then return 0; end if;
  select id into n from catalog.facet where facet = f and value = v;
  if n is null then
    -- One at a time: two numbers for one value would count it twice.
    perform pg_advisory_xact_lock(hashtext('catalog.facet'));
    select id into n from catalog.facet where facet = f and value = v;
    if n is null then
      insert into catalog.facet (facet, value, id)
        select f, v, coalesce(max(id), 0) + 1 from catalog.facet where facet = f returning id into n;
    end if;
  end if;
  return case when n > most then 0 else n end;
end $$;

create table catalog.search (
  entry_id uuid primary key references catalog.entry on delete cascade,
  region text not null,
  department_id uuid not null,
  published boolean not null,
  changed timestamptz not null,
  -- Numbers side by side in one, see catalog.packed and find.ts.
  facets bigint not null,
  -- Of the version that is shown.
  etag text not null,
  -- Of which version, department name and way of making words the words are; differs from what it should be: to be made again.
  indexed text not null default '',
  title text not null default '',
  items text[] not null default '{}',
  title_words tsvector not null default '',
  name_words tsvector not null default '',
  words tsvector not null default ''
) with (toast_tuple_target = 512);
-- Only the index reads them; beside the row they would make every count read ten times as much.
alter table catalog.search alter column words set storage external, alter column items set storage external;
-- Without the list of pending insertions, which every search would read through.
create index search_words on catalog.search using gin (words) with (fastupdate = off);
create index search_region on catalog.search (region text_pattern_ops);
create index search_department on catalog.search (department_id);

create function catalog.packed(department bigint, theme bigint, region bigint, state int, mounted boolean, cycle int, share int, open int, kind int)
returns bigint language sql immutable as $$
  select (department << 46) + (theme << 32) + (region << 14)
    + ((state << 11) + (mounted::int << 10) + (cycle << 6) + (share << 4) + (open << 2) + kind)
$$;

create function catalog.place_in_search(which uuid) returns void language plpgsql as $$
declare
  e catalog.entry;
  v record;
begin
  select * into e from catalog.entry where id = which;
  if e.id is null or e.withdrawn then
    delete from catalog.search where entry_id = which;
    return;
  end if;
  select state, etag, coalesce(published, saved) as at, content ->> 'theme' as theme, content ->> 'shareClass' as share,
         content ->> 'openClass' as open, content ->> 'updateCycle' as cycle, (content ->> 'kind')::int as kind
    into v from catalog.version where entry_id = which
    order by (version = e.published) desc nulls last, version desc limit 1;
  if v.etag is null then return; end if;
  insert into catalog.search (entry_id, region, department_id, published, changed, facets, etag)
  values (which, e.region, e.department_id, e.published is not null, v.at, catalog.packed(
    catalog.facet_id('department', e.department_id::text, 131071), catalog.facet_id('theme', v.theme, 16383),
    catalog.facet_id('region', e.region, 131071),
    case when e.published is not null then 3 when v.state = 'in_review' then 2 else 1 end,
    exists (select from catalog.mount m where m.entry_id = which),
    coalesce(array_position('{realtime,daily,weekly,monthly,quarterly,halfyearly,yearly,irregular}', v.cycle), 0),
    coalesce(array_position('{unconditional,conditional,denied}', v.share), 0),
    coalesce(array_position('{open,conditional,closed}', v.open), 0),
    case when v.kind between 1 and 3 then v.kind else 0 end), v.etag)
  on conflict (entry_id) do update set region = excluded.region, department_id = excluded.department_id, published = excluded.published,
    changed = excluded.changed, facets = excluded.facets, etag = excluded.etag;
end $$;

create function catalog.keep_search() returns trigger language plpgsql as $$
begin
  perform catalog.place_in_search(case when tg_table_name = 'entry' then (to_jsonb(coalesce(new, old)) ->> 'id')::uuid
    else (to_jsonb(coalesce(new, old)) ->> 'entry_id')::uuid end);
  return null;
end $$;
create trigger search after insert or delete or update of state, content, etag on catalog.version
  for each row execute function catalog.keep_search();
create trigger search after update of region, department_id, published, withdrawn on catalog.entry
  for each row execute function catalog.keep_search();
create trigger search after insert or delete on catalog.mount for each row execute function catalog.keep_search();

select catalog.place_in_search(id) from catalog.entry;

do $$
begin
  grant select, insert, update, delete on all tables in schema catalog to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
