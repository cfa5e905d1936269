-- Kept as asked; whether they are carried out is decided when the batch runs, by what its source may do then.
alter table aggregation.push rename column refused to deletions;
