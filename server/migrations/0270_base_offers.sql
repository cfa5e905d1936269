-- 基础数据库接口: what the builder gives every department of the region without a case of its own, item by item. Null: only by application.
alter table aggregation.derived add offer jsonb;
create view aggregation.database_view as
  select id, kind, region, theme, title, department_id, entry_id, refreshed, case when kind = 'base' then offer end as offer from aggregation.derived;
do $$
begin
  grant select on aggregation.database_view to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
