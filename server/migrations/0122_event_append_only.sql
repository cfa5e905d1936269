-- 全程留痕: what happened in a case is written once. Even the owner of the tables has to take the trigger away first.
create function procedure.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'procedure.event is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger event_append_only before update or delete or truncate on procedure.event
  for each statement execute function procedure.refuse_change();

do $$
begin
  revoke update, delete on procedure.event from huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
