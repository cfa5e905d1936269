-- 工作程序、管理制度、责任追究制度: the documents a department sets for itself, newest version per kind.
create table organization.document (
  department_id uuid not null references organization.department,
  key text not null,
  title text not null,
  version text not null,
  issued date not null,
  primary key (department_id, key)
);
create table organization.profile (
  department_id uuid primary key references organization.department,
  confirmed date not null,
  confirmed_by text not null
);

do $$
begin
  grant select, insert, update, delete on all tables in schema organization to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
