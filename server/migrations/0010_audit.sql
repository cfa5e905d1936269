-- The ledger. Requests run as huitong_app, which can add to it and read it, nothing else.
do $$
begin
  if not exists (select 1 from pg_roles where rolname = 'huitong_app') then
    create role huitong_app nologin;
  end if;
  -- PostgreSQL 16+ gives the creator admin but not always membership; without membership the pool could not drop to the role.
  execute format('grant huitong_app to %I', current_user);
exception
  when insufficient_privilege then raise notice 'no right to create roles: the application runs as the owner, and triggers alone guard the ledger';
  when duplicate_object then null;
end $$;

create schema audit;

-- State changes leave their record here in their own transaction; the sealer moves it into the next block.
create table audit.outbox (
  id bigint generated always as identity primary key,
  record text not null
);

-- One row per group commit: the records as text, their SM3 leaves, the RFC 9162 root and the hash of the block before.
create table audit.block (
  height bigint primary key,
  first_seq bigint not null unique,
  count int not null check (count > 0),
  records text[] not null check (cardinality(records) = count),
  leaves bytea not null check (length(leaves) = 32 * count),
  root bytea not null check (length(root) = 32),
  previous bytea not null check (length(previous) = 32),
  hash bytea not null check (length(hash) = 32),
  at timestamptz not null
);

create table audit.checkpoint (
  no int primary key,
  height bigint not null references audit.block,
  seq bigint not null,
  hash bytea not null,
  at timestamptz not null,
  signatures jsonb not null
);

-- Blocks opened up for queries; can be thrown away and rebuilt from audit.block.
create table audit.entry (
  seq bigint not null,
  at timestamptz not null,
  action text not null,
  person text,
  person_id uuid,
  department text,
  department_id uuid,
  region text,
  purpose text,
  approver text,
  content text,
  method text,
  medium text,
  subject text,
  case_no text,
  cite jsonb,
  data jsonb,
  primary key (seq, at)
) partition by range (at);
create index entry_department on audit.entry (department_id, seq);
create index entry_region on audit.entry (region, seq);
create index entry_subject on audit.entry (subject, seq);
create index entry_case on audit.entry (case_no, seq) where case_no is not null;
create index entry_action on audit.entry (action, seq);
create index entry_person on audit.entry (person_id, seq);

-- Runs as the owner, because the application role may not create tables here.
create function audit.ensure_month(day date) returns void language plpgsql security definer set search_path = pg_catalog as $$
declare
  first date := date_trunc('month', day)::date;
  name text := 'entry_' || to_char(first, 'YYYYMM');
begin
  if to_regclass('audit.' || name) is null then
    execute format('create table audit.%I partition of audit.entry for values from (%L) to (%L)', name,
      first::text || ' 00:00:00+08', (first + interval '1 month')::date::text || ' 00:00:00+08');
    execute format('create trigger keep before update or delete on audit.%I for each row execute function audit.append_only()', name);
  end if;
end $$;

create function audit.append_only() returns trigger language plpgsql as $$
begin
  raise exception 'log-append-only: 审计账本只能追加' using errcode = '42501';
end $$;
create trigger keep before update or delete on audit.block for each row execute function audit.append_only();
create trigger keep_all before truncate on audit.block execute function audit.append_only();
create trigger keep before update or delete on audit.checkpoint for each row execute function audit.append_only();

create table audit.verification (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  result jsonb not null
);

create view audit.entry_view as select seq, at, action, subject, case_no, data, department_id, region, content, method, purpose from audit.entry;

do $$
begin
  grant usage on schema audit to huitong_app;
  grant select, insert on audit.block, audit.checkpoint, audit.entry, audit.verification, audit.entry_view to huitong_app;
  grant select, insert, delete on audit.outbox to huitong_app;
  grant usage on all sequences in schema audit to huitong_app;
  grant execute on function audit.ensure_month(date) to huitong_app;
exception when undefined_object then null;
end $$;
