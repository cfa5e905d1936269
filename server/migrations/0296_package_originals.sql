-- A package may hold the files that an entry consists of (原件), all of them or those named here.
alter table delivery.package drop constraint package_format_check;
alter table delivery.package add check (format in ('csv', 'xlsx', 'json', 'parquet', 'originals'));
alter table delivery.package add column digests text[];
