-- Before PostgreSQL 16 a check has to catch the error of the server's input function, which no parallel worker may do.
do $$
declare f regprocedure;
begin
  if current_setting('server_version_num')::int >= 160000 then return; end if;
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'quality' and p.prokind = 'f' loop
    execute format('alter function %s parallel restricted', f);
  end loop;
end $$;
