-- Once a party has signed, the terms stand.
alter table opening.access add column signed boolean not null default false;
