-- What a unit is in law: a place says which kinds are its departments and which need the provision that authorises them.
alter table organization.department
  add column kind text not null default 'agency'
    check (kind in ('agency', 'institution', 'social', 'authorised', 'utility', 'company', 'government', 'court', 'other')),
  add column authorisation jsonb,
  -- 参照执行: joined by a clause that applies the rules to it by reference.
  add column by_reference boolean not null default false;

create or replace view organization.department_view as
  select id, region, name, credit_code, roles, kind, authorisation, by_reference from organization.department;

-- 备案: who answers for data in a department. A filing is a record with a receipt; the officers it names are current until replaced or gone.
create table organization.officer_filing (
  id uuid primary key,
  department_id uuid not null references organization.department,
  scope text not null check (scope in ('data', 'opening')),
  filed_with uuid references organization.department,
  filed date not null,
  receipt text not null unique,
  -- The written report of a change; the first filing has none.
  report text not null default '',
  cite jsonb not null
);
create index officer_filing_department on organization.officer_filing (department_id, scope);
create table organization.officer (
  id uuid primary key,
  filing_id uuid not null references organization.officer_filing,
  department_id uuid not null references organization.department,
  scope text not null,
  post text not null,
  holder text not null,
  -- The account of the same name in the department: when it is disabled the officer is no longer current.
  person_id uuid references organization.person,
  since date not null,
  until date,
  left_because text
);
-- A post has one current holder; two would leave open who answers.
create unique index officer_current on organization.officer (department_id, scope, post) where until is null;
create index officer_person on organization.officer (person_id) where until is null;

-- 考核对象: who is assessed in a year. Units the plan names are ranked, others of their kind are listed apart.
create table organization.assessment_member (
  region text not null,
  year int not null,
  department_id uuid not null references organization.department,
  apart boolean not null,
  added timestamptz not null,
  primary key (year, department_id)
);

create table organization.counter (
  prefix text not null,
  year int not null,
  n int not null,
  primary key (prefix, year)
);

alter table organization.system
  add column hosting text not null default '',
  add column network text not null default '',
  add column protection_level int check (protection_level between 1 and 5),
  add column certificate text not null default '',
  add column certified_until date;
create or replace view organization.system_view as
  select s.id, s.department_id, s.name, s.address, d.name as department, d.region,
         s.hosting, s.network, s.protection_level, s.certificate, s.certified_until, s.created::date as created
  from organization.system s join organization.department d on d.id = s.department_id;
create view organization.officer_view as
  select o.id, o.department_id, o.scope, o.post, o.holder, o.since, o.until, o.left_because, f.receipt, f.filed, f.filed_with
  from organization.officer o join organization.officer_filing f on f.id = o.filing_id;

create view organization.assessment_member_view as select region, year, department_id, apart from organization.assessment_member;

do $$
begin
  grant select, insert, update, delete on all tables in schema organization to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
