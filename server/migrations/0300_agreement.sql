-- 使用协议: the text that both sides sign. It comes with the grant and is never changed: the application may add it and read it.
create table delivery.agreement (
  grant_id uuid primary key references delivery.grant,
  text text not null,
  -- SM3 of the text, in the ledger as well.
  digest text not null,
  made timestamptz not null
);

do $$
begin
  grant select, insert on delivery.agreement to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
