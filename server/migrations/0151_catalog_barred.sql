-- An entry found to be secret after registration: no page shows it any more, and only this note stays.
alter table catalog.entry add column barred text;

-- A published version never changes, except that it may be erased whole.
create or replace function catalog.keep_published() returns trigger language plpgsql as $$
begin
  if old.state in ('published', 'superseded') and (new.content is distinct from old.content or new.state = 'draft')
    and not (new.state = old.state and coalesce(new.content ->> 'erased', '') = 'true') then
    raise exception '已发布的目录版本不能改动' using errcode = '42501';
  end if;
  return new;
end $$;
