-- The day a delivery was or is due for which a duty stands open in the book; null: none.
alter table aggregation.source add column owed date;
