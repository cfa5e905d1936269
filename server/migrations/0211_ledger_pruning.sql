-- Records older than the place keeps them may lose their content: leaf, root and chain stay, so that every proof given before stays valid.
-- One order is one region and one day, approved by two people.
create table audit.pruning (
  no int primary key check (no > 0),
  -- Null: records that belong to no region.
  region text,
  before timestamptz not null,
  months int not null,
  cite jsonb not null,
  reason text not null,
  at timestamptz not null,
  count bigint not null
);
create table audit.pruning_approval (
  no int not null references audit.pruning,
  person_id uuid not null,
  person text not null,
  at timestamptz not null,
  -- The same person twice is one approval.
  primary key (no, person_id)
);
-- What an order took, by block: positions from 1.
create table audit.pruned (
  order_no int not null references audit.pruning,
  height bigint not null references audit.block,
  indexes int[] not null,
  primary key (order_no, height)
);
create index pruned_height on audit.pruned (height);

-- The order that the current transaction carries out, when it is approved by two and older than half a year by the database's own clock
-- (no log may be thrown away earlier: 网络安全法第二十一条). Only the owner can use it; the application's role may not update or delete.
create function audit.current_pruning() returns audit.pruning language sql stable set search_path = pg_catalog as $$
  select p from audit.pruning p
  where p.no = nullif(current_setting('huitong.pruning', true), '')::int
    and (select count(*) from audit.pruning_approval a where a.no = p.no) >= 2
    and p.before <= now() - interval '6 months'
$$;

create function audit.only_pruning() returns trigger language plpgsql set search_path = pg_catalog as $$
declare
  o audit.pruning := audit.current_pruning();
begin
  if tg_op = 'UPDATE' and o.no is not null
    and (new.height, new.first_seq, new.count, new.leaves, new.root, new.previous, new.hash, new.at)
      = (old.height, old.first_seq, old.count, old.leaves, old.root, old.previous, old.hash, old.at)
    and not exists (
      select from unnest(old.records, new.records) u(was, is_now)
      where is_now is distinct from was
        and (is_now is not null or (was::jsonb ->> 'at')::timestamptz >= o.before or was::jsonb ->> 'region' is distinct from o.region
          or was::jsonb ->> 'action' like 'audit.%')
    )
  then
    return new;
  end if;
  raise exception 'log-append-only: 审计账本只能追加' using errcode = '42501';
end $$;
drop trigger keep on audit.block;
create trigger keep before update or delete on audit.block for each row execute function audit.only_pruning();

create function audit.only_pruned_entry() returns trigger language plpgsql set search_path = pg_catalog as $$
declare
  o audit.pruning := audit.current_pruning();
begin
  if tg_op = 'DELETE' and o.no is not null and old.at < o.before and old.region is not distinct from o.region and old.action not like 'audit.%' then
    return old;
  end if;
  raise exception 'log-append-only: 审计账本只能追加' using errcode = '42501';
end $$;

do $$
declare
  name text;
begin
  -- On the parent, so that every partition has it, also one that somebody makes by hand.
  for name in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'audit.entry'::regclass loop
    execute format('drop trigger if exists keep on audit.%I', name);
  end loop;
end $$;
create trigger keep before update or delete on audit.entry for each row execute function audit.only_pruned_entry();

create or replace function audit.ensure_month(day date) returns void language plpgsql security definer set search_path = pg_catalog as $$
declare
  first date := date_trunc('month', day)::date;
  name text := 'entry_' || to_char(first, 'YYYYMM');
begin
  if to_regclass('audit.' || name) is null then
    execute format('create table audit.%I partition of audit.entry for values from (%L) to (%L)', name,
      first::text || ' 00:00:00+08', (first + interval '1 month')::date::text || ' 00:00:00+08');
    execute format('create trigger keep_all before truncate on audit.%I for each statement execute function audit.append_only()', name);
  end if;
end $$;

do $$
declare
  name text;
begin
  foreach name in array array['pruning', 'pruning_approval', 'pruned'] loop
    execute format('create trigger keep before update or delete on audit.%I for each row execute function audit.append_only()', name);
    execute format('create trigger keep_all before truncate on audit.%I for each statement execute function audit.append_only()', name);
  end loop;
  for name in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'audit.entry'::regclass loop
    execute format('create trigger keep_all before truncate on audit.%I for each statement execute function audit.append_only()', name);
  end loop;
end $$;

do $$
begin
  grant select, insert on audit.pruning, audit.pruning_approval to huitong_app;
  grant select on audit.pruned to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
