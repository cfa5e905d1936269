-- What a review looked at, what follows a withdrawal, and the conditions of authorised use as the law behind them changes.

-- The attributes of the open list as they were reviewed; the public reads these until an update has passed the same review.
alter table opening.proposal add column attributes jsonb;
alter table opening.listing add column attributes jsonb;

-- What was found about a data set that was taken down.
create table opening.assessment (
  id uuid primary key,
  entry_id uuid not null,
  findings text not null,
  measures text not null,
  conclusion text not null check (conclusion in ('reopen', 'keep-down')),
  by text not null,
  at timestamptz not null
);
create index assessment_entry on opening.assessment (entry_id, at desc);

-- A law, regulation or policy that changed, recorded by the authority of a place or found when a place adopts another text of it.
create table opening.law_change (
  id uuid primary key,
  region text not null,
  instrument text not null,
  change text not null,
  effective date not null,
  -- The adoption it comes from; once each.
  adoption text unique,
  recorded_by text not null,
  at timestamptz not null
);

-- What came of looking at the conditions of an entry again.
create table opening.condition_review (
  id uuid primary key,
  entry_id uuid not null,
  entry_version int not null,
  conclusion text not null check (conclusion in ('keep', 'adjusted')),
  reason text not null,
  by text not null,
  at timestamptz not null
);
create index condition_review_entry on opening.condition_review (entry_id, at desc);

-- Conditions of use version by version, each with its basis.
create view catalog.condition_view as
  select entry_id, version, published, coalesce(content ->> 'openConditions', '') as conditions, content -> 'openBasis' as basis
  from catalog.version where state in ('published', 'superseded');

do $$
begin
  grant select, insert, update, delete on opening.assessment, opening.law_change, opening.condition_review to huitong_app;
  grant select on catalog.condition_view to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
