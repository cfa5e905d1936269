-- A doubt of a department about a record is shown like an objection of the public, and may name the item it is about.
alter table quality.mark
  add column kind text not null default 'objection' check (kind in ('objection', 'doubt')),
  add column item text not null default '';
create or replace view quality.mark_view as
  select case_no, entry_id, record, ground, since, kind, item from quality.mark where cleared is null;

-- 更正清单: records put right after a doubt, for everybody who has obtained data of the entry.
create table quality.correction (
  case_no text primary key,
  entry_id uuid not null,
  record text not null,
  item text not null,
  batch_no text not null,
  at timestamptz not null,
  -- Departments that hold the data and were told.
  told uuid[] not null default '{}'
);
create index correction_entry on quality.correction (entry_id, at desc);
create view quality.correction_view as select case_no, entry_id, record, item, batch_no, at from quality.correction;

do $$
begin
  grant select, insert, update, delete on all tables in schema quality to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
