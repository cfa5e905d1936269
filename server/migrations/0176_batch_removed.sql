-- Rows that a delivery of the whole no longer held, where the source's removals are followed; they are no part of what was read.
alter table aggregation.batch add column removed bigint not null default 0 check (removed >= 0);
