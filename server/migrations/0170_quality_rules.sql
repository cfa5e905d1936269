-- Rules a department sets for its own entry, as data. What a check looks like is described in contract/quality.ts.
create table quality.rule (
  id uuid primary key,
  entry_id uuid not null,
  title text not null,
  "check" jsonb not null,
  dimension text not null,
  severity text not null check (severity in ('reject', 'mark')),
  weight int not null check (weight between 1 and 10),
  threshold double precision not null check (threshold between 0 and 1),
  article text not null default '',
  active boolean not null,
  changed timestamptz not null,
  changed_by text not null,
  -- Its results stay, so the rule stays with them.
  removed timestamptz
);
create index rule_entry on quality.rule (entry_id) where removed is null;

-- What each rule found in each delivery, with the weight and dimension it had then: scores can be worked out again from these.
create table quality.rule_result (
  rule_id uuid not null references quality.rule,
  batch_id uuid not null,
  entry_id uuid not null,
  checked bigint not null,
  failed bigint not null check (failed between 0 and checked),
  title text not null,
  dimension text not null,
  weight int not null,
  -- Why it could not be checked; nothing is counted then.
  fault text not null default '',
  primary key (rule_id, batch_id)
);
create index rule_result_batch on quality.rule_result (batch_id);

-- One score per delivery. `facts` are what it is made of beside the counts of quality.measure and quality.rule_result.
create table quality.score (
  entry_id uuid not null,
  batch_id uuid not null,
  batch_no text not null,
  at timestamptz not null,
  loaded boolean not null,
  total double precision,
  dimensions jsonb not null,
  facts jsonb not null,
  primary key (entry_id, batch_id)
);
create index score_latest on quality.score (entry_id, at desc);

-- A total under it opens a ticket. No row: 60 where the entry has rules.
create table quality.score_limit (
  entry_id uuid primary key,
  score double precision
);

create view quality.score_view as select entry_id, batch_id, batch_no, at, loaded, total, dimensions from quality.score;

do $$
begin
  grant select, insert, update, delete on all tables in schema quality to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
