-- What is found, with the planner told that the index on words is the way however many rows have them: it does not know that reading the
-- words themselves, row by row, takes a hundred times as long. `seen_*`: what the person may see unpublished; `in_*`: where to look.
create function catalog.found_facets(q tsquery, seen_department uuid, seen_region text, in_department uuid, in_region text)
returns bytea language plpgsql stable set enable_seqscan = off set jit = off as $$
begin
  return (
    select string_agg(int8send(s.facets), '') from catalog.search s
    where s.words @@ q and (s.published or s.department_id = seen_department or s.region like seen_region)
      and (in_department is null or s.department_id = in_department) and (in_region is null or s.region like in_region));
end $$;

-- One page of it. Title before items before the rest, the exact before the longer; a month of age weighs like one character of title.
create function catalog.found_page(q tsquery, exact text, seen_department uuid, seen_region text, in_department uuid, in_region text,
  mask bigint, wanted bigint, today timestamptz, skip int, most int)
returns setof uuid language plpgsql stable set enable_seqscan = off set jit = off as $$
begin
  return query
    select s.entry_id from catalog.search s
    where s.words @@ q and (s.published or s.department_id = seen_department or s.region like seen_region)
      and (in_department is null or s.department_id = in_department) and (in_region is null or s.region like in_region)
      and s.facets & mask = wanted
    order by
      case when s.title = exact then 6 when starts_with(s.title, exact) then 5 when strpos(s.title, exact) > 0 then 4
        when s.title_words @@ q then 3 when s.name_words @@ q then 2 else 1 end desc,
      length(s.title) + least(12, extract(epoch from today - s.changed) / 2592000) asc, s.entry_id desc
    limit most offset skip;
end $$;

-- Names among which a mistake of one character is looked for.
create function catalog.near_names(q tsquery, seen_department uuid, seen_region text, in_department uuid, in_region text)
returns table (title text, items text[]) language plpgsql stable set enable_seqscan = off set jit = off as $$
begin
  return query
    select s.title, s.items from catalog.search s
    where s.words @@ q and (s.published or s.department_id = seen_department or s.region like seen_region)
      and (in_department is null or s.department_id = in_department) and (in_region is null or s.region like in_region)
    limit 300;
end $$;

-- What entries under review or published are compared by: `i` and the plain name of an item, `t` and the plain title. Finds who may be a
-- double of an entry without looking at every pair.
create table catalog.trait (
  key text not null,
  region text not null,
  entry_id uuid not null references catalog.entry on delete cascade,
  department_id uuid not null,
  primary key (key, region, entry_id)
);
create index trait_entry on catalog.trait (entry_id);
-- Of which version, and by which words, the traits are, and since when the doubles found by them are noted.
create table catalog.compared (
  entry_id uuid primary key references catalog.entry on delete cascade,
  etag text not null
);

-- Two entries of different departments that seem to hold the same. Settled pairs stay settled until the items of one of them change.
create table catalog.duplicate (
  a uuid not null references catalog.entry on delete cascade,
  b uuid not null references catalog.entry on delete cascade,
  score real not null,
  evidence jsonb not null,
  -- Of names and items of both, as they were compared.
  signature text not null,
  found timestamptz not null,
  settled text check (settled in ('source', 'different')),
  settled_signature text,
  settled_on date,
  case_no text,
  reason text,
  primary key (a, b),
  check (a < b),
  check ((settled is null) = (settled_signature is null))
);
create index duplicate_b on catalog.duplicate (b);
create index duplicate_open on catalog.duplicate (score desc, a) where settled is null or settled_signature <> signature;

do $$
begin
  grant select, insert, update, delete on catalog.trait, catalog.compared, catalog.duplicate to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
