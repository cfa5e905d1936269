-- What is usual for a grant, hour by hour in Beijing's time, summed from the list of calls; and what was found unusual.
create table delivery.hour (
  grant_id uuid not null,
  hour timestamptz not null,
  calls int not null,
  rows bigint not null,
  primary key (grant_id, hour)
);
-- How far the list of calls has been summed.
create table delivery.summed (id bigint not null);
insert into delivery.summed values (0);

create table delivery.alert (
  id uuid primary key,
  grant_id uuid not null references delivery.grant,
  kind text not null check (kind in ('volume', 'hours', 'scan')),
  day date not null,
  at timestamptz not null,
  what text not null,
  suspended boolean not null
);
create index alert_grant on delivery.alert (grant_id, at desc);
-- Trying keys out is told of in each window; what a whole day shows, once.
create unique index alert_once on delivery.alert (grant_id, kind, day) where kind <> 'scan';

do $$
begin
  grant select, insert, update, delete on delivery.hour, delivery.summed to huitong_app;
  grant select, insert on delivery.alert to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
