-- Many entries at once: a template read in, or one change to many. First looked at as a whole (`checked`), then saved entry by entry.
create table catalog.run (
  id uuid primary key,
  kind text not null check (kind in ('import', 'bulk')),
  name text not null,
  actor jsonb not null,
  department_id uuid not null references organization.department,
  region text not null,
  -- What a bulk edit changes in which entries; a workbook lies beside the database.
  input jsonb not null default '{}',
  state text not null check (state in ('checking', 'checked', 'saving', 'done', 'failed')),
  problem jsonb,
  -- Rows of the workbook read so far; entries found in the check, and entries dealt with in the present phase.
  read int not null default 0,
  total int not null default 0,
  done int not null default 0,
  created timestamptz not null,
  finished timestamptz,
  -- Database time of the last sign of life: a run whose process was killed is taken up again.
  beat timestamptz not null default clock_timestamp()
);
create index run_department on catalog.run (department_id, created desc);

create table catalog.run_entry (
  run_id uuid not null references catalog.run on delete cascade,
  n int not null,
  sheet text not null,
  line int not null,
  lines int not null,
  code text not null,
  title text not null,
  outcome text not null check (outcome in ('create', 'change', 'same', 'fault')),
  -- Written in the transaction that changed the entry: after a crash nothing is done twice.
  saved boolean not null default false,
  case_no text,
  primary key (run_id, n)
);
create table catalog.run_note (
  run_id uuid not null references catalog.run on delete cascade,
  -- 0 where a note is about the file and not about one entry.
  n int not null,
  seq int not null,
  sheet text not null,
  line int not null,
  cell text not null,
  field text not null,
  level text not null check (level in ('fault', 'todo', 'note')),
  code text not null,
  message text not null,
  remedy text,
  cite jsonb,
  primary key (run_id, n, seq)
);

-- The entry of a level above that an entry implements, for finding them from above.
create index version_upper on catalog.version ((content ->> 'upperCode')) where content ? 'upperCode';

do $$
begin
  grant select, insert, update, delete on all tables in schema catalog to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
