import { createHash, randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { Item } from '../../../contract/catalog.ts'
import type { Cite } from '../../../contract/common.ts'
import type { GrantedItem } from '../../../contract/procedure.ts'
import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { newId, newSecret } from '../../platform/id.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { noteUse } from '../catalog/public.ts'
import { registerUsers } from '../quality/public.ts'
import { askDisposal } from './disposal.ts'
import type { OutgoingItem, RowLimit } from './projection.ts'
import { lockGrant } from './queries.ts'
import { type Await, type GrantRecord, grantStateLabels, outgoingOf } from './rules.ts'
import { secretHash } from './tokens.ts'

export type NewGrant = {
  entryId: string
  entryVersion: number
  granteeDepartmentId: string
  systemId: string | null
  items: GrantedItem[]
  purpose: string
  basis: string
  approver: string
  from: string
  until: string | null
  quotaPerDay: number | null
  caseId: string | null
  caseNo: string | null
  method: string
  cite: Cite
  awaits?: Await[]
  conditions?: string
  agreedWay?: string
  /** The text that both sides are to sign, where they do. */
  agreement?: (made: { no: string; items: OutgoingItem[]; limits: RowLimit[] }) => string
  /** What else a call may state as its purpose. */
  matters?: string[]
  /** Who answers for it at the grantee: who applied. */
  officer?: { id: string; name: string } | null
  /** When it was approved; now, unless the decision came earlier. */
  approved?: Date
}

/** Makes a grant of published items. Names and kinds are kept as granted, so that a later version cannot widen what leaves. */
export async function createGrant(tx: Tx, ctx: Context, g: NewGrant): Promise<{ id: string; no: string }> {
  const entry = (
    await sql<{ code: string; title: string; region: string; items: Item[] }>`select code, title, region, content -> 'items' as items
      from catalog.entry_view where id = ${g.entryId} and state = 'published'`.execute(tx)
  ).rows[0]
  if (!entry) notFound('catalog.entry', '已发布的目录')
  const { items, limits } = outgoingOf(entry.title, entry.items, g.items)

  const id = newId(ctx.now.getTime())
  const year = Number(ctx.day.slice(0, 4))
  const last = (
    await sql<{ last: number }>`insert into delivery.number as n (year, last) values (${year}, 1)
      on conflict (year) do update set last = n.last + 1 returning last`.execute(tx)
  ).rows[0]!.last
  const no = `SQ-${year}-${String(last).padStart(4, '0')}`
  await sql`insert into delivery.grant (id, no, entry_id, entry_version, grantee_department_id, system_id, items, purpose, basis, approver,
      valid_from, valid_until, quota_per_day, case_id, case_no, method, cite, awaits, conditions, agreed_way, created, matters, approved, effective, row_filter, officer_id, officer)
    values (${id}, ${no}, ${g.entryId}, ${g.entryVersion}, ${g.granteeDepartmentId}, ${g.systemId}, ${JSON.stringify(items)}, ${g.purpose}, ${g.basis},
      ${g.approver}, ${g.from}, ${g.until}, ${g.quotaPerDay}, ${g.caseId}, ${g.caseNo}, ${g.method}, ${JSON.stringify(g.cite)}, ${JSON.stringify(g.awaits ?? [])},
      ${g.conditions ?? ''}, ${g.agreedWay ?? ''}, ${ctx.now}, ${g.matters ?? []},
      ${g.caseId ? (g.approved ?? ctx.now) : null}, ${g.awaits?.length ? null : ctx.now}, ${JSON.stringify(limits)}, ${g.officer?.id ?? null}, ${g.officer?.name ?? ''})`.execute(
    tx,
  )
  const text = g.agreement?.({ no, items, limits })
  const digest = text && createHash('sm3').update(text).digest('hex')
  if (text)
    await sql`insert into delivery.agreement (grant_id, text, digest, made) values (${id}, ${text}, ${digest}, ${ctx.now})`.execute(tx)
  await tellCatalog(tx, id)
  await record(tx, ctx, {
    action: 'grant.create',
    subject: no,
    purpose: g.purpose,
    approver: g.approver,
    content: `${entry.title}（${entry.code}）：${items.map(i => i.name).join('、')}${limits.length ? `；只限${limits.map(l => l.name).join('、')}符合的行` : ''}`,
    ...(g.caseNo && { caseNo: g.caseNo }),
    cite: g.cite,
    data: {
      entry: entry.code,
      version: g.entryVersion,
      items: items.map(i => [i.key, i.treatment, ...(i.profile ? [i.profile] : [])]),
      from: g.from,
      until: g.until,
      ...(digest && { agreement: digest }),
    },
  })
  return { id, no }
}

/** Suspends, resumes or revokes. The version grows, so that the next data statement in any process no longer matches. */
export async function setGrantState(
  tx: Tx,
  ctx: Context,
  id: string,
  state: GrantRecord['state'],
  reason: string,
  cite: Cite,
): Promise<void> {
  const grant = (await lockGrant(tx, id)) ?? notFound('grant', '授权')
  if (grant.state === state || grant.state === 'revoked') {
    refuse('grant.wrong_state', {
      status: 409,
      reason: 'wrong-state',
      detail: `授权 ${grant.no} 现在是「${grantStateLabels[grant.state]}」，不能再办这一步。`,
      remedy: '请刷新页面查看最新状态。',
    })
  }
  await sql`update delivery.grant set state = ${state}, state_reason = ${reason}, state_cite = ${JSON.stringify(cite)}, state_at = ${ctx.now},
    version = version + 1 where id = ${id}`.execute(tx)
  await tellCatalog(tx, id)
  const action = state === 'active' ? 'grant.resume' : state === 'suspended' ? 'grant.suspend' : 'grant.revoke'
  await record(tx, ctx, { action, subject: grant.no, content: reason, cite })
  if (state === 'revoked') await askDisposal(tx, ctx, id)
}

/** Gives less than before; the next data statement in any process no longer matches. Files that hold a dropped item cannot be fetched any more. */
export async function narrowGrant(
  tx: Tx,
  ctx: Context,
  id: string,
  version: number,
  to: { drop: string[]; quotaPerDay: number | null; until: string | null },
  said: { reason: string; content: string; cite: Cite },
): Promise<void> {
  const grant = (await lockGrant(tx, id)) ?? notFound('grant', '授权')
  // Two people who narrow at once must not undo each other, nor leave nothing together.
  if (grant.version !== version)
    refuse('grant.wrong_state', {
      status: 409,
      reason: 'wrong-state',
      detail: `授权 ${grant.no} 刚刚有了变化，没有收窄。`,
      remedy: '请刷新页面查看最新状态，再办理。',
    })
  await sql`update delivery.grant set version = version + 1,
      items = (select jsonb_agg(i order by n) from jsonb_array_elements(items) with ordinality x(i, n) where not (i ->> 'key' = any(${to.drop}))),
      quota_per_day = coalesce(${to.quotaPerDay}, quota_per_day), valid_until = coalesce(${to.until}, valid_until) where id = ${id}`.execute(
    tx,
  )
  if (to.drop.length)
    await sql`update delivery.package set expires = ${ctx.now}, link_hash = null, link_until = null where grant_id = ${id} and state = 'ready'`.execute(
      tx,
    )
  await tellCatalog(tx, id)
  await record(tx, ctx, {
    action: 'grant.narrow',
    subject: grant.no,
    content: `${said.content}：${said.reason}`,
    cite: said.cite,
    data: { drop: to.drop, quotaPerDay: to.quotaPerDay, until: to.until },
  })
}

/** Another person answers for the grant; who did before is refused from the next request on. Says who that was. */
export async function setOfficer(
  tx: Tx,
  ctx: Context,
  id: string,
  to: { id: string; name: string },
  reason: string,
  cite: Cite,
): Promise<string | null> {
  const grant = (await lockGrant(tx, id)) ?? notFound('grant', '授权')
  const { rows } = await sql<{
    id: string | null
    name: string
  }>`select officer_id as id, officer as name from delivery.grant where id = ${id}`.execute(tx)
  const before = rows[0]!
  const left = before.id ? JSON.stringify([{ ...before, until: ctx.day }]) : '[]'
  await sql`update delivery.grant set officer_id = ${to.id}, officer = ${to.name}, version = version + 1, former_officers = ${left}::jsonb ||
      coalesce((select jsonb_agg(f) from jsonb_array_elements(former_officers) f where f ->> 'id' <> ${to.id}), '[]') where id = ${id}`.execute(
    tx,
  )
  // A table that is kept up to date in the old name goes on in the new one.
  await sql`update delivery.table_push set run_as = run_as || ${JSON.stringify({ name: to.name, personId: to.id })}::jsonb
    where grant_id = ${id} and run_as ->> 'name' = ${before.name}`.execute(tx)
  await record(tx, ctx, {
    action: 'grant.officer',
    subject: grant.no,
    content: `经办人${before.name ? `由 ${before.name} ` : ''}变更为 ${to.name}：${reason}`,
    cite,
    data: { from: before.id, to: to.id },
  })
  return before.name || null
}

/** What the grant waited for is there; the next request is delivered unless something else is missing. */
export async function settleAwait(tx: Tx, ctx: Context, id: string, key: string, content: string): Promise<boolean> {
  const grant = (await lockGrant(tx, id)) ?? notFound('grant', '授权')
  const { rows } = await sql<{ awaits: Await[] }>`select awaits from delivery.grant where id = ${id}`.execute(tx)
  const open = rows[0]!.awaits.find(a => a.key === key)
  if (!open) return false
  const left = JSON.stringify(rows[0]!.awaits.filter(a => a.key !== key))
  await sql`update delivery.grant set awaits = ${left}, version = version + 1,
    effective = case when ${left} = '[]' then coalesce(effective, ${ctx.now}) else effective end,
    agreed_way = case when ${key} = 'agreed-way' then ${content} else agreed_way end where id = ${id}`.execute(tx)
  await record(tx, ctx, { action: 'grant.settle', subject: grant.no, content: `${open.what}：${content}`, cite: open.cite })
  return true
}

/** The grant a case made. */
export const grantOfCase = async (tx: Tx, caseId: string): Promise<string | undefined> =>
  (await tx.selectFrom('delivery.grant').select('id').where('case_id', '=', caseId).executeTakeFirst())?.id

/** New credentials; tokens made with the old ones end at once. The secret is not kept, only its digest. */
export async function rotateCredentials(tx: Tx, ctx: Context, id: string): Promise<{ clientId: string; clientSecret: string }> {
  const grant = (await lockGrant(tx, id)) ?? notFound('grant', '授权')
  const clientSecret = newSecret()
  const fresh = `htc_${randomBytes(12).toString('base64url')}`
  const { rows } = await sql<{ client_id: string }>`update delivery.grant set client_id = coalesce(client_id, ${fresh}),
      secret_hash = ${secretHash(clientSecret)}, credential = credential + 1, version = version + 1 where id = ${id} returning client_id`.execute(
    tx,
  )
  await record(tx, ctx, { action: 'grant.credentials', subject: grant.no })
  return { clientId: rows[0]!.client_id, clientSecret }
}

export async function setAllowedIps(tx: Tx, ctx: Context, id: string, ips: string[]): Promise<void> {
  const grant = (await lockGrant(tx, id)) ?? notFound('grant', '授权')
  await sql`update delivery.grant set allowed_ips = ${ips}, version = version + 1 where id = ${id}`.execute(tx)
  await record(tx, ctx, { action: 'grant.ips', subject: grant.no, content: ips.join('、') || '不限制' })
}

/** The catalog shows who uses which items before a version changes them. */
async function tellCatalog(tx: Tx, id: string): Promise<void> {
  const { rows } = await sql<{
    entryId: string
    no: string
    department: string
    grantee: string
    system: string | null
    items: { key: string }[]
    active: boolean
  }>`
    select g.entry_id as "entryId", g.no, d.name as department, d.id as grantee, s.name as system, g.items, g.state <> 'revoked' as active
    from delivery.grant g join organization.department_view d on d.id = g.grantee_department_id
    left join organization.system_view s on s.id = g.system_id where g.id = ${id}`.execute(tx)
  const g = rows[0]
  if (!g) return
  const label = `${g.no} ${g.department}${g.system ? `·${g.system}` : ''}`
  await noteUse(tx, {
    kind: 'grant',
    entryId: g.entryId,
    ref: id,
    label,
    items: g.items.map(i => i.key),
    active: g.active,
    grantee: g.grantee,
  })
}

/** Who has obtained data of an entry: those whose calls were answered with rows. */
registerUsers(async (db, entryId, since) => {
  const { rows } = await sql<{ id: string }>`
    select distinct g.grantee_department_id as id from delivery.grant g join delivery.call c on c.grant_id = g.id
    where g.entry_id = ${entryId} and c.status = 200 and c.rows > 0 and (${since}::timestamptz is null or c.at >= ${since})`.execute(db)
  return rows.map(r => r.id)
})
