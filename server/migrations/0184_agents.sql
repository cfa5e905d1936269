-- Agents: programs at departments' own machines (前置机) that read there and connect out to here.
create table aggregation.agent (
  id uuid primary key,
  department_id uuid not null,
  name text not null,
  -- Ed25519; the private half never leaves the machine.
  public_key text not null,
  -- In whose name its batches run: who paired it.
  actor jsonb not null,
  version text not null default '',
  contact timestamptz,
  -- What it told of itself last; host and table names, never a password.
  report jsonb not null default '{"sources": [], "spool": 0, "error": null}',
  paired timestamptz not null,
  revoked timestamptz
);
create index agent_department on aggregation.agent (department_id);

-- Typed on the agent's machine within ten minutes, once.
create table aggregation.pairing (
  code_hash bytea primary key,
  department_id uuid not null,
  name text not null,
  actor jsonb not null,
  expires timestamptz not null,
  agent_id uuid references aggregation.agent
);

-- Requests that were answered; the same again is a replay. Older ones are refused by their time. Not worth the disk after a crash.
create unlogged table aggregation.agent_nonce (
  agent_id uuid not null,
  nonce text not null,
  at timestamptz not null,
  primary key (agent_id, nonce)
);

alter table aggregation.source
  add constraint source_agent foreign key (agent_id) references aggregation.agent,
  -- What the agent calls it.
  add column agent_source text,
  -- A reading that is asked for and not delivered yet; it is also the key that makes its delivery one batch.
  add column agent_run uuid,
  add column agent_run_at timestamptz;
create index source_agent on aggregation.source (agent_id) where agent_id is not null;

-- Up to where the source has been read once this batch is loaded, told by who read it.
alter table aggregation.batch add column reached jsonb;

do $$
begin
  grant select, insert, update, delete on aggregation.agent, aggregation.pairing, aggregation.agent_nonce to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
