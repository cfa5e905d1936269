-- An order to prune that has not been carried out can be withdrawn by either kind of administrator; the order stays in the list.
create table audit.pruning_withdrawal (
  no int primary key references audit.pruning,
  person_id uuid not null,
  person text not null,
  reason text not null,
  at timestamptz not null
);

-- As before, and not withdrawn.
create or replace function audit.current_pruning() returns audit.pruning language sql stable set search_path = pg_catalog as $$
  select p from audit.pruning p
  where p.no = nullif(current_setting('huitong.pruning', true), '')::int
    and (select count(*) from audit.pruning_approval a where a.no = p.no) >= 2
    and not exists (select from audit.pruning_withdrawal w where w.no = p.no)
    and p.before <= now() - interval '6 months'
$$;

create trigger keep before update or delete on audit.pruning_withdrawal for each row execute function audit.append_only();
create trigger keep_all before truncate on audit.pruning_withdrawal for each statement execute function audit.append_only();

do $$
begin
  grant select, insert on audit.pruning_withdrawal to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
