-- Where a notice goes beside the workbench. Filled in by the person or by an administrator.
alter table organization.person add column email text;
create or replace view organization.person_view as select id, name, department_id, roles, phone, disabled, email from organization.person;

-- One row per notice and way out: retried until it is through or has failed for a day.
create table procedure.dispatch (
  notice_id uuid not null references procedure.notice,
  way text not null check (way in ('mail', 'webhook')),
  target text not null,
  attempts int not null default 0,
  next_try timestamptz not null,
  done timestamptz,
  error text,
  primary key (notice_id, way, target)
);
create index dispatch_open on procedure.dispatch (next_try) where done is null;

do $$
begin
  grant select, insert, update, delete on procedure.dispatch to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
