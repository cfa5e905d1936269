-- A grant may wait for something (a signed agreement, a filing, an agreed way) before it delivers; both sides see the conditions it stands under.
alter table delivery.grant
  -- [{ key, reason, what, who, cite, gate }]; empty: it delivers.
  add column awaits jsonb not null default '[]',
  add column conditions text not null default '',
  add column agreed_way text not null default '';

create schema sharing;

-- 平台外交换: what two departments say they exchange beside the platform. Without an approved exception it is a finding.
create table sharing.exchange (
  id uuid primary key,
  no text not null unique,
  region text not null,
  department_id uuid not null,
  partner_id uuid not null check (partner_id <> department_id),
  data text not null,
  reason text not null default '',
  state text not null check (state in ('allowed', 'finding')),
  -- The case that approved the exception.
  exception_no text,
  cite jsonb not null,
  at timestamptz not null,
  by_person text not null
);
create index exchange_department on sharing.exchange (department_id, at desc);

-- 政务服务事项 and the material each asks for, as far as it can be had from the platform.
create table sharing.matter (
  id uuid primary key,
  region text not null,
  department_id uuid not null,
  name text not null,
  -- [{ name, source: 'applicant' | 'platform', basis }]
  materials jsonb not null,
  state text not null default 'draft' check (state in ('draft', 'published')),
  changed timestamptz not null,
  unique (department_id, name)
);

create table sharing.counter (year int primary key, last int not null);

create view sharing.exchange_view as
  select id, no, region, department_id, partner_id, data, reason, state, exception_no, cite, at from sharing.exchange;

do $$
begin
  grant usage on schema sharing to huitong_app;
  grant select, insert, update, delete on all tables in schema sharing to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
