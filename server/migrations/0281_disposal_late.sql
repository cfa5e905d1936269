-- The authority is told once of a grant whose consumer has not said in time what became of the data.
alter table delivery.grant add column disposal_late_told date;
