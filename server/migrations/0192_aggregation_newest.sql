-- A delivery that waits (held, failed, cancelled) may be loaded after ones that came later. Which rows those spoke of cannot be seen in the
-- pool table: a row they brought unchanged keeps its older batch, a row they removed is not there. So each key is noted here while one waits.
create table aggregation.newest (
  source_id uuid not null references aggregation.source,
  key text collate "C" not null,
  batch_id uuid not null,
  primary key (source_id, key)
);
-- Asked for every batch: those of a source that can still come late.
create index batch_waiting on aggregation.batch (source_id, id) where upload_id is not null and state not in ('done', 'returned');
create index batch_loaded on aggregation.batch (source_id, id) where state = 'done';
do $$ begin
  grant select, insert, update, delete on aggregation.newest to huitong_app;
end $$;
