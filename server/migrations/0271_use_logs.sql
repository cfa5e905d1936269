-- Use logs that a department has pushed to a system of its own: what others use of its entries, or what it uses itself.
create table delivery.use_subscription (
  id uuid primary key,
  no text not null unique,
  department_id uuid not null,
  side text not null check (side in ('given', 'received')),
  -- One of its entries; null: all of them.
  entry_id uuid,
  url text not null,
  secret text not null,
  state text not null check (state in ('active', 'paused', 'stopped', 'ended')),
  -- Up to this record of the ledger everything was pushed and received.
  position bigint not null,
  attempts int not null default 0,
  next_try timestamptz not null,
  trouble text,
  created timestamptz not null,
  created_by text not null,
  check (side = 'given' or entry_id is null)
);
-- The same log twice to one department would only be noise.
create unique index use_subscription_one on delivery.use_subscription (department_id, side, coalesce(entry_id, '00000000-0000-0000-0000-000000000000'))
  where state <> 'ended';

-- Each attempt, with what the receiver answered.
create table delivery.use_push (
  id uuid primary key,
  subscription_id uuid not null references delivery.use_subscription,
  at timestamptz not null,
  first bigint not null,
  last bigint not null,
  uses int not null,
  -- Ledger record written before anything was sent.
  seq bigint not null,
  status int,
  receipt text not null default '',
  error text
);
create index use_push_of on delivery.use_push (subscription_id, id);

-- The whole use record: who approved it and by what medium.
create or replace view audit.entry_view as
  select seq, at, action, subject, case_no, data, department_id, region, content, method, purpose, person, department, approver, medium from audit.entry;

do $$
begin
  grant select, insert, update on delivery.use_subscription, delivery.use_push to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
