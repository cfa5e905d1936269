-- Up to which record of the ledger the list of calls has been compared with it: what a killed process had recorded and not listed is marked.
create table delivery.compared (one boolean primary key default true check (one), seq bigint not null);
insert into delivery.compared (seq) values (0);
create index call_seq on delivery.call (seq) where seq is not null;

do $$
begin
  grant select, update on delivery.compared to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
