-- A rejected row that a later batch of the same source brought in, corrected in its rejects workbook: which batch that was.
alter table aggregation.reject add column mended uuid;
create index reject_mended on aggregation.reject (mended) where mended is not null;
