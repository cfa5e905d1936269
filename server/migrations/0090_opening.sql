-- Opening: what the public may take, how it came to be open, and what was taken.
create schema opening;

create table opening.proposal (
  id uuid primary key,
  entry_id uuid not null,
  entry_version int not null,
  case_id uuid unique,
  case_no text,
  -- [{ key, treatment: plain | masked }]
  items jsonb not null check (jsonb_array_length(items) > 0),
  theme text not null,
  description text not null,
  processing text not null default '',
  proposed_by uuid not null,
  state text not null default 'pending' check (state in ('pending', 'opened', 'refused')),
  at timestamptz not null
);
-- One review at a time; a second would let two answers open two different sets of items.
create unique index proposal_one_pending on opening.proposal (entry_id) where state = 'pending';

create table opening.listing (
  entry_id uuid primary key,
  -- Grows with every opening and withdrawal. Data statements check it, so that a withdrawal holds for the next request.
  version int not null default 1,
  state text not null check (state in ('open', 'withdrawn')),
  items jsonb not null check (jsonb_array_length(items) > 0),
  theme text not null,
  description text not null,
  published date not null,
  case_no text,
  approver text not null,
  cite jsonb not null,
  withdrawn_at timestamptz,
  withdrawn_reason text,
  withdrawn_cite jsonb,
  -- Search words of the entry version that was indexed last.
  words tsvector not null default '',
  indexed_version int not null default 0,
  -- Fill rates and frequent values of what leaves, at `profile_mark`.
  profile jsonb,
  profile_mark text
);
create index listing_words on opening.listing using gin (words);
create index listing_state on opening.listing (state, published desc);

-- What a scan of the pool table found, for the state of the table named by `mark`; data of another state is not served unscanned.
create table opening.scan (
  entry_id uuid primary key,
  mark text not null,
  findings jsonb not null,
  at timestamptz not null default now()
);

create table opening.counter (
  entry_id uuid not null,
  day date not null,
  downloads int not null default 0,
  calls int not null default 0,
  previews int not null default 0,
  primary key (entry_id, day)
);

create view opening.listing_view as
  select entry_id, version, state, theme, published, case_no, withdrawn_at from opening.listing;

do $$
begin
  grant usage on schema opening to huitong_app;
  grant select, insert, update, delete on all tables in schema opening to huitong_app;
exception when undefined_object then null;
end $$;
