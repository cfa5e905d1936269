-- Delivery: the one way out. Grants, what each call took, and the masks that values pass through.
create schema delivery;

create table delivery.grant (
  id uuid primary key,
  no text not null unique,
  -- Grows with every change. Data statements check it, so that a change holds for the next request in every process.
  version int not null default 1,
  state text not null default 'active' check (state in ('active', 'suspended', 'revoked')),
  state_reason text,
  state_cite jsonb,
  state_at timestamptz,
  entry_id uuid not null,
  entry_version int not null,
  grantee_department_id uuid not null,
  system_id uuid,
  -- [{ key, name, treatment, semantic, type }] as granted; names stay those of the granted version.
  items jsonb not null check (jsonb_array_length(items) > 0),
  purpose text not null,
  basis text not null default '',
  approver text not null,
  valid_from date not null,
  valid_until date check (valid_until >= valid_from),
  quota_per_day int check (quota_per_day > 0),
  case_id uuid,
  case_no text,
  method text not null,
  cite jsonb not null,
  allowed_ips text[] not null default '{}',
  client_id text unique,
  secret_hash bytea,
  credential int not null default 0,
  created timestamptz not null default now(),
  check ((client_id is null) = (secret_hash is null))
);
create index grant_entry on delivery.grant (entry_id);
create index grant_grantee on delivery.grant (grantee_department_id);
-- One case grants once, whoever clicks twice.
create unique index grant_case on delivery.grant (case_id) where case_id is not null;

create table delivery.number (year int primary key, last int not null);

-- What pages show about calls. The ledger is the proof; this is its index by grant, written a moment later.
create table delivery.call (
  id bigint generated always as identity primary key,
  -- No foreign key: rows come in lots from calls that already found their grant, and checking each would cost more than the row.
  grant_id uuid not null,
  at timestamptz not null,
  day date not null,
  seq bigint,
  operator text not null,
  case_ref text not null,
  method text not null,
  rows int not null,
  status int not null,
  code text,
  milliseconds real not null
);
create index call_grant on delivery.call (grant_id, id desc);
create index call_day on delivery.call (grant_id, day);

-- Calls of a day taken from the quota. Processes take them in small lots, so that the limit is never passed.
create table delivery.quota (
  grant_id uuid not null references delivery.grant,
  day date not null,
  taken int not null,
  -- What the last taker got, told back to it by the same statement.
  lot int not null,
  primary key (grant_id, day)
);

create view delivery.grant_view as
  select id, no, version, state, entry_id, entry_version, grantee_department_id, system_id, items, purpose, approver,
         valid_from, valid_until, case_id, case_no, method
  from delivery.grant;

-- ── Masks ──
-- A mask never shows a whole value, however short it is; null stays null.
create function delivery.keep(value text, head int, tail int) returns text
  language sql immutable strict parallel safe
  return case
    when length(value) <= head + tail then repeat('*', greatest(length(value), 3))
    else left(value, head) || repeat('*', length(value) - head - tail) || right(value, tail)
  end;

create function delivery.mask_default(value text) returns text language sql immutable strict parallel safe return '***';

-- Two stars whatever the length: the length of a given name narrows a search.
create function delivery.mask_name(value text) returns text language sql immutable strict parallel safe
  return case when length(btrim(value)) < 2 then '***' else left(btrim(value), 1) || '**' end;

create function delivery.mask_id_number(value text) returns text language sql immutable strict parallel safe
  return case when length(value) in (15, 18) then delivery.keep(value, 1, 2) else '***' end;

create function delivery.mask_mobile(value text) returns text language sql immutable strict parallel safe
  return case when value ~ '^1\d{10}$' then delivery.keep(value, 3, 4) when length(value) > 10 then delivery.keep(value, 0, 4) else '***' end;

create function delivery.mask_phone(value text) returns text language sql immutable strict parallel safe
  return case when length(value) > 9 then delivery.keep(value, 4, 2) when length(value) > 6 then delivery.keep(value, 0, 2) else '***' end;

-- At least the last eight characters go; what stays ends at the township where one is named.
create function delivery.mask_address(value text) returns text language sql immutable strict parallel safe
  return case
    when length(value) <= 8 then '********'
    else coalesce(substring(left(value, length(value) - 8) from '^.*?(?:街道|镇|乡)'), left(value, length(value) - 8)) || '********'
  end;

create function delivery.mask_bank_card(value text) returns text language sql immutable strict parallel safe
  return case when length(value) >= 12 then delivery.keep(value, 4, 4) else '***' end;

create function delivery.mask_plate(value text) returns text language sql immutable strict parallel safe
  return delivery.keep(value, 3, 1);

create function delivery.mask_email(value text) returns text language sql immutable strict parallel safe
  return case when value ~ '^[^@]{2,}@[^@]+$' then left(value, 1) || '****@' || split_part(value, '@', 2) else '***' end;

-- A company's code is public. 92… belongs to a one-person business, whose nine subject characters can stand for a person.
create function delivery.mask_credit_code(value text) returns text language sql immutable strict parallel safe
  return case
    when length(value) <> 18 then '***'
    when value like '92%' then left(value, 8) || '*********' || right(value, 1)
    else value
  end;

do $$
begin
  grant usage on schema delivery to huitong_app;
  grant select, insert, update, delete on all tables in schema delivery to huitong_app;
  grant usage, select on all sequences in schema delivery to huitong_app;
exception when undefined_object then null;
end $$;
