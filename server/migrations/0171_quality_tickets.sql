-- 质量问题单: a case against the owner, opened by what a rule found or by a score. The case itself is in procedure.
create table quality.ticket (
  case_no text primary key,
  case_id uuid not null unique,
  entry_id uuid not null,
  -- null: the score of the entry
  rule_id uuid references quality.rule,
  department_id uuid not null,
  region text not null,
  what text not null,
  opened date not null
);
create index ticket_entry on quality.ticket (entry_id);
create index ticket_opened on quality.ticket (opened);

-- For the assessment: 整改率 is counted from these. Closed by the owner's act; in time when not after the date it had.
create view quality.ticket_view as
  select t.case_no, t.case_id, t.entry_id, t.rule_id, t.department_id, t.region, t.what, t.opened, d.due,
    case when d.open then null else d.ended end as closed, c.ended_at is not null as ended, c.state
  from quality.ticket t
  join procedure.case_view c on c.id = t.case_id
  left join lateral (
    select max(due) as due, max(ended) as ended, bool_or(ended is null) as open from procedure.duty_view where case_id = t.case_id and debtor_id = t.department_id
  ) d on true;

do $$
begin
  grant select, insert, update, delete on all tables in schema quality to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
