-- 经办人: who answers for a grant in the department that uses it. Whoever handed it over no longer counts as an operator.
alter table delivery.grant
  add column officer_id uuid,
  add column officer text not null default '',
  -- [{ id, name, until }]
  add column former_officers jsonb not null default '[]';
update delivery.grant g set officer_id = p.id, officer = p.name
  from procedure.case c join organization.person p on p.id = c.opened_by
  where c.id = g.case_id and p.department_id = g.grantee_department_id;
