-- A grant may serve several matters beside its purpose; and how long it took from the approval until it delivers is measured.
alter table delivery.grant
  add column matters text[] not null default '{}',
  add column approved timestamptz,
  add column effective timestamptz;
