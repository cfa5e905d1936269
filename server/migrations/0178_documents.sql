-- Files that are the data of an entry (PDF, images, OFD …): what was taken, beside the row that the batch made of it.
-- The content stands once in the data directory under its digest, whatever entries it belongs to.
create table aggregation.document (
  entry_id uuid not null,
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  name text not null,
  kind text not null,
  bytes bigint not null,
  -- Values that people gave with it; they hold until others are given.
  given jsonb not null,
  batch_id uuid not null references aggregation.batch,
  created timestamptz not null,
  created_by text not null,
  primary key (entry_id, digest)
);
create index document_newest on aggregation.document (entry_id, created desc, digest);

-- The source through which the files of an entry become rows; two stewards who begin at once share it.
alter table aggregation.source add column documents boolean not null default false;
create unique index source_documents on aggregation.source (entry_id) where documents;

do $$
begin
  grant select, insert, update on aggregation.document to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
