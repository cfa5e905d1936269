-- When the owner of an entry that is not shared was last asked to look at its class again.
create table sharing.class_reminder (
  entry_id uuid primary key,
  asked timestamptz not null
);
do $$
begin
  grant select, insert, update, delete on sharing.class_reminder to huitong_app;
exception when undefined_object then null;
end $$;
