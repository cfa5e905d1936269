-- Calls for another purpose than the one applied for, and what the authority found when it followed up.
alter table opening.access add column exceeded int not null default 0, add column follow_up_due date;
create table opening.follow_up (
  id uuid primary key,
  access_id uuid not null references opening.access,
  at timestamptz not null,
  result text not null,
  findings text not null default '',
  measures text not null default '',
  by text not null
);
create index follow_up_access on opening.follow_up (access_id, at desc);

do $$
begin
  grant select, insert, update, delete on opening.follow_up to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
