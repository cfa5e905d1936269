import { sql } from 'kysely'
import type { Form, Startable } from '../../../contract/procedure.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { isId, newId, newSecret } from '../../platform/id.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { departmentFor, digestOf } from '../organization/public.ts'
import { governProcedure, type Procedure, platformFields, proceduresOf, type Ruled, regionOf } from '../regulation/public.ts'
import { attach, type CaseRecord, fieldsOf, ruleFor, startCase } from './engine.ts'
import type { Party } from './rules.ts'
import { fieldView, hooksOf, mayKnow } from './view.ts'

/** What a case can be about, found by the reference a person gives. */
export type Subject = {
  type: string
  id: string
  code: string | null
  title: string
  region: string
  /** Departments by role, e.g. the provider of an entry. */
  parties: Record<string, string>
}
type Finder = (db: Database | Tx, ctx: Context, reference: string) => Promise<Subject | undefined>
const finders = new Map<string, Finder>()
/** Registers how a kind of subject is found; the finder says nothing about what the caller may not see. */
export const registerSubject = (kind: Procedure['about'], find: Finder): void => void finders.set(kind, find)

registerSubject('department', async (db, _, id) => {
  if (!isId(id)) return undefined
  const d = await db.selectFrom('organization.department_view').select(['id', 'name', 'region']).where('id', '=', id).executeTakeFirst()
  return d && { type: 'department', id: d.id!, code: null, title: d.name!, region: d.region!, parties: { department: d.id! } }
})
registerSubject('system', async (db, _, id) => {
  if (!isId(id)) return undefined
  const s = await db
    .selectFrom('organization.system_view')
    .select(['id', 'name', 'region', 'department_id'])
    .where('id', '=', id)
    .executeTakeFirst()
  return s && { type: 'system', id: s.id!, code: null, title: s.name!, region: s.region!, parties: { provider: s.department_id! } }
})

export type Request = { procedure: string; about?: string; after?: string; form: Form }

/** Starts any procedure on behalf of a department. Procedures with a start of their own (hooks.closed) are sent there. */
export async function startAny(ctx: StaffContext, r: Request): Promise<CaseRecord> {
  return ctx.db.transaction().execute(async tx => {
    const after = r.after ? await earlier(tx, r.after, mayKnow(ctx)) : undefined
    const { ruled, subject } = await place(tx, ctx, r, after, ctx.actor.region)
    await mayStart(tx, ctx, ruled, after)
    const starter = await departmentParty(tx, ctx.actor.departmentId)
    return open(tx, ctx, r, ruled, subject, after, starter)
  })
}

/** Files something from outside. The code is handed out once; only its digest is kept. */
export async function startOutside(ctx: Context, r: Request & { region?: string; code?: string }): Promise<{ no: string; code: string }> {
  const code = newSecret().slice(0, 16)
  const made = await ctx.db.transaction().execute(async tx => {
    const after = r.after ? await earlier(tx, r.after, c => holdsCode(c, r.code ?? '')) : undefined
    const { ruled, subject } = await place(tx, ctx, r, after, r.region)
    const who = ruled.value.who
    if (!who?.public)
      refuse('procedure.not_public', {
        status: 403,
        reason: 'not-competent',
        detail: `“${ruled.value.label}”由部门在工作台办理，不在门户受理。`,
        cite: ruled.cite,
      })
    const known = (after?.form ?? {}) as Record<string, unknown>
    const form = { ...pick(known, ['applicantName', 'applicantKind', 'contact']), ...r.form } as Form & Record<string, unknown>
    if (form.applicantKind !== undefined && !who.public.includes(String(form.applicantKind)))
      refuse('procedure.not_eligible', {
        status: 403,
        reason: who.reason ?? 'applicant-not-eligible',
        detail: who.text ?? `“${ruled.value.label}”不受理这一类申请人的申请。`,
        cite: who.cite ? { ...ruled.cite, article: who.cite, text: who.text ?? ruled.cite.text } : ruled.cite,
        remedy: `可以申请的有：${who.public.map(kindLabel).join('、')}。`,
      })
    const starter: Party = {
      departmentId: null,
      department: String(form.applicantName ?? '').slice(0, 60) || '匿名提出人',
      label: '',
      outside: true,
      ...(form.applicantKind !== undefined && { kind: String(form.applicantKind) }),
    }
    return open(tx, ctx, { ...r, form }, ruled, subject, after, starter, digestOf(code))
  })
  return { no: made.no, code }
}

async function open(
  tx: Tx,
  ctx: Context,
  r: Request,
  ruled: Ruled<Procedure>,
  subject: Subject,
  after: CaseRecord | undefined,
  starter: Party,
  code?: Buffer,
): Promise<CaseRecord> {
  const hooks = hooksOf(r.procedure)
  if (hooks.closed)
    refuse('procedure.own_start', {
      status: 409,
      reason: 'step-skipped',
      detail: `“${ruled.value.label}”从${hooks.closed}提出。`,
      cite: ruled.cite,
    })
  await knownFields(tx, ruled, r.form)
  await hooks.begin?.(tx, ctx, { subject, form: r.form, region: subject.region, cite: ruled.cite, ...(after && { after }) })
  const inherited = after
    ? Object.fromEntries(Object.entries(after.parties).filter(([role, p]) => role !== 'applicant' && !p.appointed))
    : {}
  const name = starter.outside ? starter.department : ((ctx.actor as { department?: string } | null)?.department ?? '')
  const c = await startCase(tx, ctx, {
    procedure: r.procedure,
    region: subject.region,
    subject,
    parties: { ...inherited, ...subject.parties, applicant: { ...starter, label: '' } },
    form: r.form,
    title: subject.title ? `${ruled.value.label}：${subject.title}` : `${name} ${ruled.value.label}`,
    ...(after && { after }),
    ...(code && { code }),
  })
  await attach(tx, ctx, { fields: await fieldsOf(tx, ruled.regulation, ruled.version) }, c, r.form)
  return c
}

/** A misspelt field must not vanish: what no file knows is told. */
async function knownFields(tx: Tx, ruled: Ruled<Procedure>, form: Form): Promise<void> {
  const known = await fieldsOf(tx, ruled.regulation, ruled.version)
  const unknown = Object.keys(form).filter(name => !known[name])
  if (unknown.length)
    refuse('procedure.incomplete', {
      reason: 'field-unknown',
      detail: `没有名为 ${unknown.join('、')} 的字段。`,
      errors: unknown.map(name => ({ pointer: `/form/${name}`, code: 'field-unknown', message: '没有这个字段。' })),
    })
}

async function earlier(tx: Tx, no: string, may: (c: CaseRecord) => boolean): Promise<CaseRecord> {
  const c = (await tx.selectFrom('procedure.case').selectAll().where('no', '=', no).executeTakeFirst()) as unknown as CaseRecord | undefined
  return c && may(c) ? c : notFound('procedure.case', '办件')
}

/** Which rule, about what, where. */
async function place(
  tx: Tx,
  ctx: Context,
  r: Request,
  after: CaseRecord | undefined,
  region: string | undefined,
): Promise<{ ruled: Ruled<Procedure>; subject: Subject }> {
  const from = (c: CaseRecord): Subject => ({
    type: c.subject_type,
    id: c.subject_id,
    code: c.subject_code,
    title: c.subject_title,
    region: c.region,
    parties: {},
  })
  let subject = after && !r.about ? from(after) : undefined
  let home = subject?.region ?? region
  let ruled = home ? governProcedure(home, r.procedure, ctx.day) : undefined
  // Before the subject is known its region is not: any region's word on what the procedure is about will do.
  const about = ruled?.value.about ?? aboutAnywhere(r.procedure)
  if (!subject && about !== 'region' && about !== 'case') {
    const find = finders.get(about)
    if (!r.about || !find)
      refuse('procedure.incomplete', {
        reason: 'record-incomplete',
        detail: `请写明是关于哪${aboutWords[about]}。`,
        errors: [{ pointer: '/about', code: 'record-incomplete', message: `请写明是关于哪${aboutWords[about]}。` }],
      })
    subject = (await find(tx, ctx, r.about)) ?? notFound('procedure.subject', aboutWords[about]!.slice(1))
    home = subject.region
  }
  if (!home || !regionOf(home))
    refuse('procedure.incomplete', {
      reason: 'jurisdiction-required',
      detail: '请写明是哪个地区的事。',
      errors: [{ pointer: '/region', code: 'jurisdiction-required', message: '请选择地区。' }],
    })
  ruled = ruleFor(home, r.procedure, ctx.day)
  const rule = ruled.value.after
  if (rule && !after && !rule.optional)
    refuse('procedure.needs_earlier', {
      status: 409,
      reason: rule.reason ?? 'step-skipped',
      detail: `“${ruled.value.label}”要在前一件办件有结果之后提出。`,
      cite: ruled.cite,
      remedy: '请从那件办件的页面提出。',
    })
  if (rule && after && (!rule.procedures.includes(after.procedure) || !rule.ends.includes(after.state)))
    refuse('procedure.needs_earlier', {
      status: 409,
      reason: rule.reason ?? 'step-skipped',
      detail: `办件 ${after.no} 现在不能提出“${ruled.value.label}”。`,
      cite: ruled.cite,
    })
  return { ruled, subject: subject ?? { type: 'region', id: newId(), code: null, title: '', region: home, parties: {} } }
}

const aboutWords: Record<string, string> = {
  entry: '条目录',
  grant: '个授权',
  batch: '个批次',
  department: '个部门',
  system: '个信息系统',
  case: '件办件',
}
const aboutAnywhere = (procedure: string): Procedure['about'] => proceduresOf(procedure)[0]?.about ?? 'region'

/** Is this department one of those the procedure is for? Refuses with the article. */
async function mayStart(tx: Tx, ctx: StaffContext, ruled: Ruled<Procedure>, after: CaseRecord | undefined): Promise<void> {
  const who = ruled.value.who
  const no = (detail: string, reason = 'not-competent'): never =>
    refuse('procedure.not_competent', {
      status: 403,
      reason: who?.reason ?? reason,
      detail: who?.text ?? detail,
      cite: who?.cite ? { ...ruled.cite, article: who.cite, text: who.text ?? ruled.cite.text } : ruled.cite,
    })
  if (after && !Object.values(after.parties).some(p => p.departmentId === ctx.actor.departmentId))
    no(`只有办件 ${after.no} 的当事部门可以提出“${ruled.value.label}”。`)
  if (!who) return
  if (who.roles) {
    const bodies = await bodiesOf(tx, ruled, who.roles)
    const mine = bodies.filter(b => b.id === ctx.actor.departmentId)
    if (!mine.length || !ctx.actor.roles.some(r => r === 'bureau' || r === 'leader'))
      no(`“${ruled.value.label}”由 ${bodies.map(b => b.name).join('、') || who.roles.map(r => ruled.roleLabels[r] ?? r).join('、')} 提出。`)
  } else if (who.kinds) {
    const kind = (await departmentParty(tx, ctx.actor.departmentId)).kind
    if (!kind || !who.kinds.includes(kind))
      no(`“${ruled.value.label}”只对${who.kinds.map(kindLabel).join('、')}开放。`, 'not-a-government-department')
  } else if (who.public) no(`“${ruled.value.label}”由公众在门户提出。`)
}

async function bodiesOf(tx: Tx, ruled: Ruled<Procedure>, roles: string[]): Promise<{ id: string; name: string }[]> {
  const found = []
  for (const role of roles) {
    const d = await departmentFor(tx, ruled.adopter, role, ruled.roleLabels[role] ?? role).catch(() => null)
    if (d) found.push({ id: d.id, name: d.name })
  }
  return found
}

async function departmentParty(tx: Tx, id: string): Promise<Party> {
  const d = await tx
    .selectFrom('organization.department_view as d')
    .select(['name', 'region', sql<string | null>`to_jsonb(d) ->> 'kind'`.as('kind')])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return { departmentId: id, department: d.name!, label: '', region: d.region!, ...(d.kind && { kind: d.kind }) }
}

const pick = (from: Record<string, unknown>, keys: string[]) =>
  Object.fromEntries(keys.flatMap(k => (from[k] === undefined ? [] : [[k, from[k]]])))
export const holdsCode = (c: Pick<CaseRecord, 'code_digest'>, code: string): boolean =>
  !!c.code_digest && c.code_digest.equals(digestOf(code))

const kindLabel = (kind: string): string => {
  const options = (platformFields().applicantKind?.options ?? []) as [string, string][]
  return options.find(([key]) => key === kind)?.[1] ?? kind
}

/** What may be started here, with the form it asks for; for the page that offers it. */
export async function startableIn(
  ctx: Context,
  q: { region: string; kind?: string; outside: boolean; after?: CaseRecord; about?: string },
): Promise<Startable[]> {
  const rows: Startable[] = []
  for (const name of new Set(proceduresOf().map(p => p.name))) {
    const ruled = governProcedure(q.region, name, ctx.day)
    if (!ruled || hooksOf(name).closed) continue
    const p = ruled.value
    if (!!p.who?.public !== q.outside) continue
    if (q.kind && p.about !== q.kind && !(q.after && p.after)) continue
    if (q.after ? !p.after?.procedures.includes(q.after.procedure) || !p.after.ends.includes(q.after.state) : p.after && !p.after.optional)
      continue
    const known = await fieldsOf(ctx.db, ruled.regulation, ruled.version)
    const ask = { cite: ruled.cite }
    const names = [
      ...new Set([...(q.outside ? ['applicantKind', 'applicantName', 'contact'] : []), ...p.requires.map(r => r.field), ...p.offers]),
    ]
    rows.push({
      procedure: name,
      label: p.label,
      text: p.text,
      about: p.about,
      cite: ruled.cite,
      origin: ruled.origin,
      inherited: ruled.inherited,
      follows: p.after?.procedures ?? [],
      who:
        p.who?.roles?.map(r => ruled.roleLabels[r] ?? r).join('、') ??
        (p.who?.kinds ?? p.who?.public)?.map(kindLabel).join('、') ??
        '各部门',
      fields: names
        .filter(n => !(q.after && ['applicantKind', 'applicantName', 'contact'].includes(n)))
        .map(n => {
          const required = p.requires.some(r => r.field === n && !r.when) || (n === 'applicantKind' && q.outside)
          // The article of the whole stands above the form; a field names only its own.
          const own = p.requires.find(r => r.field === n)?.cite
          const field = { ...fieldView(n, known[n]!, required, ask, null, []), help: own ? `${ruled.cite.title} ${own}` : null }
          return n === 'applicantKind' && p.who?.public
            ? { ...field, options: p.who.public.map(value => ({ value, label: kindLabel(value) })) }
            : field
        }),
    })
  }
  return rows.sort((a, b) => a.label.localeCompare(b.label, 'zh'))
}
