-- Systems that push their data, and what each push became.
create table aggregation.push_key (
  id uuid primary key,
  source_id uuid not null references aggregation.source,
  name text not null,
  -- SHA-256 of 256 random bits: nothing to guess.
  secret_hash bytea not null,
  ips text[] not null default '{}',
  -- In whose name its batches run: who issued it.
  actor jsonb not null,
  created timestamptz not null,
  used timestamptz,
  revoked timestamptz
);
create index push_key_source on aggregation.push_key (source_id);

-- The same key with the same body is one push, whatever happens to the connection or the process in between.
create table aggregation.push (
  source_id uuid not null references aggregation.source,
  key text not null,
  sha256 text not null,
  batch_id uuid not null references aggregation.batch,
  -- Records that asked for a deletion nobody has approved: { line, raw }.
  refused jsonb,
  -- The upload in pieces it was, if so.
  incoming_id uuid,
  at timestamptz not null,
  primary key (source_id, key)
);
create unique index push_batch on aggregation.push (batch_id);
create index push_at on aggregation.push (at);

-- A large body on its way in pieces. `received` moves only after the bytes are on disk.
create table aggregation.incoming (
  id uuid primary key,
  source_id uuid not null references aggregation.source,
  name text not null,
  type text not null,
  gzip boolean not null,
  bytes bigint not null check (bytes > 0),
  received bigint not null default 0 check (received between 0 and bytes),
  created timestamptz not null
);

do $$
begin
  grant select, insert, update, delete on aggregation.push_key, aggregation.push, aggregation.incoming to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
