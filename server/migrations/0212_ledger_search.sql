-- What people search by, so that ten million records answer in less than a second: department, person, entry, case, key, provider.
-- `key` is a commitment (HMAC-SM3 under a key of the platform) to the key of one record that was asked for, never the key itself.
alter table audit.entry add column key bytea, add column provider_id uuid;
drop index audit.entry_person;
create index entry_person on audit.entry (person, seq);
create index entry_department_name on audit.entry (department, seq);
create index entry_key on audit.entry (key, seq) where key is not null;
create index entry_provider on audit.entry (provider_id, seq) where provider_id is not null;

-- Names that occur, to find 某某局 by a part of it without reading the ledger.
create table audit.name (
  kind text not null check (kind in ('person', 'department')),
  name text not null,
  primary key (kind, name)
);
insert into audit.name
  select distinct 'person', person from audit.entry where person is not null
  union select distinct 'department', department from audit.entry where department is not null;
create trigger keep before update or delete on audit.name for each row execute function audit.append_only();
create trigger keep_all before truncate on audit.name for each statement execute function audit.append_only();

do $$
begin
  grant select, insert on audit.name to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
