-- 登记号: given when an entry is accepted for the first time, and never again. Until then it has its working code only.
alter table catalog.entry add column registration text unique;
create table catalog.registration_counter (
  region text not null,
  year int not null,
  n int not null,
  primary key (region, year)
);
with first as (
  select e.id, e.region, extract(year from min(v.published))::int as year, min(v.published) as at
  from catalog.entry e join catalog.version v on v.entry_id = e.id
  where v.published is not null group by e.id, e.region
), numbered as (
  select id, region, year, row_number() over (partition by region, year order by at, id)::int as n from first
)
update catalog.entry e set registration = format('%s-%s-%s', n.region, n.year, lpad(n.n::text, 5, '0')) from numbered n where n.id = e.id;
insert into catalog.registration_counter (region, year, n)
  select region, split_part(registration, '-', 2)::int, count(*)::int from catalog.entry where registration is not null group by 1, 2;

-- The level of the place whose rules an entry was checked by.
alter table catalog.version add column level text;

do $$
begin
  grant select, insert, update, delete on all tables in schema catalog to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
