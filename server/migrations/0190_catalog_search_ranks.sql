-- A page of search is made from one index per rank: sorting all hits by what of them matched read the words of every one of them.
create index search_titles on catalog.search using gin (title_words) with (fastupdate = off);
create index search_names on catalog.search using gin (name_words) with (fastupdate = off);

-- Now nobody reads words from rows: they stand beside them, so that counting over all entries reads a fifth of what it did.
-- The job that makes words writes every row anew (wordsVersion in search.ts).
alter table catalog.search alter column title_words set storage external, alter column name_words set storage external,
  alter column title set storage main, alter column etag set storage main, set (toast_tuple_target = 128);

-- Written out where it is called, like a macro.
create function catalog.may_be_found(s catalog.search, seen_department uuid, seen_region text, in_department uuid, in_region text)
returns boolean language sql immutable as $$
  select (s.published or s.department_id = seen_department or s.region like seen_region)
    and (in_department is null or s.department_id = in_department) and (in_region is null or s.region like in_region)
$$;

-- Title before items before the rest, the exact before the longer; a month of age weighs like one character of title.
create or replace function catalog.found_page(q tsquery, exact text, seen_department uuid, seen_region text, in_department uuid,
  in_region text, mask bigint, wanted bigint, today timestamptz, skip int, most int)
returns setof uuid language plpgsql stable set enable_seqscan = off set jit = off as $$
declare
  ids uuid[];
begin
  ids := array(
    select s.entry_id from catalog.search s
    where s.title_words @@ q and catalog.may_be_found(s, seen_department, seen_region, in_department, in_region) and s.facets & mask = wanted
    order by case when s.title = exact then 3 when starts_with(s.title, exact) then 2 when strpos(s.title, exact) > 0 then 1 else 0 end desc,
      length(s.title) + least(12, extract(epoch from today - s.changed) / 2592000), s.entry_id desc
    limit skip + most);
  if cardinality(ids) < skip + most then
    ids := ids || array(
      select s.entry_id from catalog.search s
      where s.name_words @@ q and catalog.may_be_found(s, seen_department, seen_region, in_department, in_region) and s.facets & mask = wanted
        and s.entry_id <> all (ids)
      order by length(s.title) + least(12, extract(epoch from today - s.changed) / 2592000), s.entry_id desc
      limit skip + most - cardinality(ids));
  end if;
  if cardinality(ids) < skip + most then
    ids := ids || array(
      select s.entry_id from catalog.search s
      where s.words @@ q and catalog.may_be_found(s, seen_department, seen_region, in_department, in_region) and s.facets & mask = wanted
        and s.entry_id <> all (ids)
      order by length(s.title) + least(12, extract(epoch from today - s.changed) / 2592000), s.entry_id desc
      limit skip + most - cardinality(ids));
  end if;
  return query select unnest(ids[skip + 1 : skip + most]);
end $$;
