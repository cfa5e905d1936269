-- File packages under a grant: made in the background, fetched by a link that works once, gone after some days.
create table delivery.package (
  id uuid primary key,
  -- Stands in the watermark of every row.
  n int generated always as identity unique,
  grant_id uuid not null references delivery.grant,
  format text not null check (format in ('csv', 'xlsx', 'json', 'parquet')),
  encoding text not null check (encoding in ('utf-8', 'gb18030')),
  fields text[],
  as_of date,
  state text not null default 'queued' check (state in ('queued', 'ready', 'failed', 'gone')),
  -- Why it was not made.
  problem jsonb,
  operator text not null,
  person_id uuid not null,
  case_ref text not null,
  rows int,
  bytes bigint,
  sha256 text,
  -- The ledger record under which it was made.
  seq bigint,
  manifest jsonb,
  created timestamptz not null,
  expires timestamptz,
  -- Digest of the link that is open now; used up by the first download.
  link_hash bytea unique,
  link_until timestamptz,
  downloads int not null default 0
);
create index package_grant on delivery.package (grant_id, created desc);
create index package_expires on delivery.package (expires) where state = 'ready';

do $$
begin
  grant select, insert, update, delete on delivery.package to huitong_app;
exception when undefined_object then null;
end $$;
