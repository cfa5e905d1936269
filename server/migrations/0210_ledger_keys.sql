-- Keys that sign checkpoints, one after the other. A new key is introduced by the one before it, so that whoever trusts the first can check
-- all of them; the change is a record of the ledger as well.
create table audit.key (
  no int primary key check (no > 0),
  at timestamptz not null,
  public jsonb not null,
  hash bytea not null check (length(hash) = 32),
  signatures jsonb not null
);
alter table audit.checkpoint add column key_no int not null default 1;

-- Another level or organisation that keeps our checkpoints and signs that it has seen them.
create table audit.witness (
  name text primary key,
  public jsonb not null,
  at timestamptz not null
);
create table audit.statement (
  id bigint generated always as identity primary key,
  witness text not null references audit.witness,
  no int not null,
  height bigint not null,
  hash bytea not null check (length(hash) = 32),
  at timestamptz not null,
  signatures jsonb not null,
  unique (witness, no)
);

do $$
declare
  name text;
begin
  foreach name in array array['key', 'witness', 'statement', 'verification'] loop
    execute format('create trigger keep before update or delete on audit.%I for each row execute function audit.append_only()', name);
  end loop;
  foreach name in array array['key', 'witness', 'statement', 'verification', 'checkpoint', 'entry', 'outbox'] loop
    execute format('create trigger keep_all before truncate on audit.%I for each statement execute function audit.append_only()', name);
  end loop;
end $$;

-- The sealer takes records out of the outbox; nobody takes one out that is not in the newest block.
create function audit.only_sealed() returns trigger language plpgsql as $$
begin
  if exists (
    select record from gone
    except all
    select unnest(records) from (select records from audit.block order by height desc limit 1) newest
  ) then
    raise exception 'log-append-only: 还没有写进区块的记录不能删除' using errcode = '42501';
  end if;
  return null;
end $$;
create trigger only_sealed after delete on audit.outbox referencing old table as gone for each statement execute function audit.only_sealed();
create trigger keep before update on audit.outbox for each row execute function audit.append_only();

do $$
begin
  grant select, insert on audit.key, audit.witness, audit.statement to huitong_app;
  grant usage on all sequences in schema audit to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
