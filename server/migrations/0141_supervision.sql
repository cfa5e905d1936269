-- What supervision reads of its neighbours: whose case it is and what it is called, who read.
create or replace view procedure.case_view as
  select id, no, procedure, region, subject_type, subject_id, state, applicant_id, opened_at, ended_at, outcome, title, departments
  from procedure.case;
create or replace view audit.entry_view as
  select seq, at, action, subject, case_no, data, department_id, region, content, method, purpose, person, department
  from audit.entry;
