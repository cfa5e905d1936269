import type { StaffContext } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { Faults, notFound, Problem, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { readYear } from './calendar-file.ts'
import { countsOn, type LawRecord, type OverrideTopic } from './law.ts'
import { RegulationError, readRegulation } from './load.ts'
import { govern, knownEffects } from './public.ts'
import type { GateMode } from './schema.ts'
import { announce, law, reloadLaw } from './state.ts'

/** The region's own authority changes its law; the administrator of the platform may do it for any. */
export const mayGovern = (actor: StaffContext['actor'], region: string): boolean =>
  actor.roles.includes('system_admin') ||
  (actor.roles.includes('bureau') && actor.region === region && actor.departmentRoles.includes('authority'))

export function competent(ctx: StaffContext, region: string): void {
  const place = law().regions.get(region) ?? notFound('region', '地区')
  if (!mayGovern(ctx.actor, region))
    refuse('regulation.not_competent', {
      status: 403,
      reason: 'not-competent',
      detail: `${place.name}的规定和平台约定，由${place.name}的数据主管部门或系统管理员登记和切换。`,
      remedy: `请联系${place.name}的数据主管部门。`,
    })
}

/** One change of the law: in one transaction with its ledger record, told to every process, in force here when it returns. */
export async function changeLaw<T>(ctx: StaffContext, change: (tx: Tx) => Promise<T>): Promise<T> {
  const result = await ctx.db.transaction().execute(async tx => {
    const made = await change(tx)
    await announce(tx)
    return made
  })
  await reloadLaw(ctx.db, ctx.log)
  return result
}

export async function switchGate(
  ctx: StaffContext,
  region: string,
  key: string,
  { mode, reason }: { mode: GateMode; reason: string },
): Promise<void> {
  competent(ctx, region)
  const gate = law().regulations.get('platform')!.gates[key] ?? notFound('regulation.gate', '平台约定')
  const place = law().regions.get(region)!
  await changeLaw(ctx, async tx => {
    const row = { region, key, mode, reason, changed: ctx.now, changed_by: `${ctx.actor.department} ${ctx.actor.name}` }
    await tx
      .insertInto('regulation.gate')
      .values(row)
      .onConflict(c => c.columns(['region', 'key']).doUpdateSet(row))
      .execute()
    await record(tx, ctx, {
      action: 'gate.switched',
      region,
      subject: `${place.name} ${gate.label}`,
      content: `${mode === 'block' ? '阻断' : '提醒并记录'}：${reason}`,
      data: { gate: key, mode },
    })
  })
}

const who = (ctx: StaffContext): string => `${ctx.actor.department} ${ctx.actor.name}`
const kindLabels: Record<LawRecord['kind'], string> = { adoption: '采用', continuation: '延用', layer: '上位法' }
export const kindLabel = (kind: LawRecord['kind']): string => kindLabels[kind]

type NewRecord = {
  kind: LawRecord['kind']
  regulation: string
  version?: string
  from: string
  until?: string
  document: string
  note: string
}

/** Records an adoption, a continuation or a layer. Whether a text may be used then is judged day by day; see `adoptedBy`. */
export async function recordLaw(ctx: StaffContext, region: string, r: NewRecord): Promise<string> {
  competent(ctx, region)
  return changeLaw(ctx, tx => insertRecord(tx, ctx, region, r))
}

async function insertRecord(tx: Tx, ctx: StaffContext, region: string, r: NewRecord): Promise<string> {
  const text = r.version ? law().versions.get(r.version) : law().regulations.get(r.regulation)
  if (!text || text.id !== r.regulation || text.id === 'platform')
    refuse('regulation.unknown_text', { detail: '平台里没有这部规定，或没有这个版本。', remedy: '先导入规定的文件，再登记采用。' })
  const own = law().records.get(region) ?? []
  const asOf = own.filter(o => o.regulation === r.regulation && countsOn(o, r.from))
  if (r.kind === 'continuation' && !asOf.some(o => o.kind === 'adoption'))
    refuse('regulation.unknown_text', {
      detail: `${regionName(region)}没有采用${text.title}，不能登记延用。`,
      remedy: '先登记采用这部规定。',
    })
  if (r.until && r.until < r.from) refusePeriod('终止日期早于开始日期。', '/until')
  if (r.kind !== 'continuation' && text.effective.from && r.from < text.effective.from)
    refusePeriod(`${text.title}自 ${text.effective.from} 起施行，采用日不能更早。`, '/from')
  if (
    asOf.some(
      o =>
        o.kind === r.kind &&
        o.version === (r.version ?? null) &&
        (r.kind !== 'adoption' || o.origin === 'file' || o.from === r.from) &&
        !o.until,
    )
  )
    refuse('regulation.recorded', { status: 409, detail: `${regionName(region)}已有${text.title}的${kindLabels[r.kind]}登记，还在有效。` })
  const id = newId()
  await tx
    .insertInto('regulation.adoption')
    .values({
      id,
      kind: r.kind,
      region,
      regulation: r.regulation,
      version: r.version ?? null,
      from_day: r.from as never,
      until_day: (r.until ?? null) as never,
      document: r.document,
      note: r.note,
      recorded: ctx.now,
      recorded_by: who(ctx),
    })
    .execute()
  await record(tx, ctx, {
    action: 'regulation.adopt',
    region,
    subject: text.title,
    content: `${regionName(region)} ${kindLabels[r.kind]}：${r.document}，自 ${r.from}${r.until ? ` 至 ${r.until}` : ''}`,
    data: { kind: r.kind, version: text.version, ...(r.note && { note: r.note }) },
  })
  return id
}

const regionName = (code: string): string => law().regions.get(code)?.name ?? code
function refusePeriod(detail: string, pointer: string): never {
  refuse('regulation.period', { detail, errors: [{ pointer, code: 'period', message: detail }] })
}

export async function endLaw(
  ctx: StaffContext,
  region: string,
  id: string,
  { from, reason }: { from?: string; reason: string },
): Promise<void> {
  competent(ctx, region)
  const r =
    law()
      .records.get(region)
      ?.find(one => one.id === id) ?? notFound('regulation.record', '登记')
  if (r.ended) refuse('regulation.decided', { status: 409, detail: `这条登记已自 ${r.ended.on} 终止。` })
  const on = from ?? ctx.day
  if (r.from && on < r.from) refusePeriod('终止日期早于登记开始的日期。', '/from')
  const ended = { ended_on: on as never, ended_reason: reason, ended_by: who(ctx) }
  await changeLaw(ctx, async tx => {
    if (r.origin === 'file')
      await tx
        .insertInto('regulation.adoption')
        .values({ id, kind: r.kind, region, regulation: r.regulation, document: '', recorded: ctx.now, recorded_by: '', ...ended })
        .execute()
    else await tx.updateTable('regulation.adoption').set(ended).where('id', '=', id).execute()
    await record(tx, ctx, {
      action: 'regulation.end',
      region,
      subject: law().regulations.get(r.regulation)?.title ?? r.regulation,
      content: `${regionName(region)} 终止${kindLabels[r.kind]}，自 ${on}：${reason}`,
    })
  })
}

const rank = { province: 3, city: 2, county: 1 } as const
export async function addRegion(
  ctx: StaffContext,
  r: { code: string; name: string; level: 'province' | 'city' | 'county'; parent: string | null },
): Promise<void> {
  if (law().regions.has(r.code)) refuse('regulation.region_exists', { status: 409, detail: `已有代码为 ${r.code} 的地区。` })
  const parent = r.parent ? law().regions.get(r.parent) : undefined
  // Without a parent the place has nobody above it here, and what its own law leaves open falls to the platform's convention.
  if (r.parent && !(parent && rank[parent.level] > rank[r.level]))
    refuse('regulation.parent', {
      detail: '上级应当是平台里已有的、层级更高的地区。',
      errors: [{ pointer: '/parent', code: 'parent', message: '上级地区不对' }],
    })
  await changeLaw(ctx, async tx => {
    await tx
      .insertInto('regulation.region')
      .values({ ...r, recorded: ctx.now, recorded_by: who(ctx) })
      .onConflict(c => c.doNothing())
      .execute()
    await record(tx, ctx, { action: 'regulation.region', region: r.code, subject: r.name })
  })
}

/** Checks a text whole, with every problem named, and keeps it until somebody decides. Nothing is in force by it. */
export async function importRegulation(ctx: StaffContext, text: string): Promise<string> {
  const read = readChecked(() => readRegulation('', text, law().regulations.get('platform'), knownEffects))
  if (read.id === 'platform' || Object.keys(read.gates).length)
    refuse('regulation.invalid', { detail: '平台约定随平台发布，不能导入；`gates` 只能写在平台约定里。' })
  const same = law().versions.get(read.version)
  if (same) refuse('regulation.recorded', { status: 409, detail: `与平台里的${same.title}逐字相同，不需要导入。` })
  const id = newId()
  return ctx.db.transaction().execute(async tx => {
    const done = await tx
      .insertInto('regulation.import')
      .values({
        id,
        regulation: read.id,
        version: read.version,
        title: read.title,
        source: text,
        recorded: ctx.now,
        recorded_by: who(ctx),
        recorded_region: ctx.actor.region,
      })
      .onConflict(c => c.doNothing())
      .returning('id')
      .executeTakeFirst()
    // The same file again is the same import.
    if (!done)
      return (
        await tx
          .selectFrom('regulation.import')
          .select('id')
          .where('version', '=', read.version)
          .where('state', '<>', 'refused')
          .executeTakeFirstOrThrow()
      ).id
    await record(tx, ctx, { action: 'regulation.import', subject: read.title, data: { regulation: read.id, version: read.version } })
    return id
  })
}

/** Problems of a file as faults of the request, each with its path. */
function readChecked<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof RegulationError)) throw error
    // The parser's own message draws the place over several lines.
    const lines = error.message.includes('不是有效的 YAML') ? [error.message.split('\n')[0]!.replace(/^: /, '')] : error.message.split('\n')
    const errors = lines.map(line => {
      const [path, ...rest] = line.replace(/^:? ?/, '').split(': ')
      return rest.length
        ? { pointer: `/${path!.replaceAll('.', '/')}`, code: 'regulation.invalid', message: `${path}：${rest.join(': ')}` }
        : { pointer: '/text', code: 'regulation.invalid', message: path! }
    })
    throw new Problem('regulation.invalid', {
      status: 422,
      detail: `文件有 ${errors.length} 处不对，没有保存：${errors
        .slice(0, 3)
        .map(e => e.message)
        .join('；')}${errors.length > 3 ? '……' : ''}`,
      remedy: '改好后重新上传。每一处都列在下面。',
      errors,
    })
  }
}

const waitingImport = async (tx: Tx, id: string) =>
  (await tx.selectFrom('regulation.import').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()) ??
  notFound('regulation.import', '导入')

/** From that day the place is governed by this version; what began earlier keeps the version it began with. */
export async function adoptImport(
  ctx: StaffContext,
  id: string,
  a: { region: string; from: string; document: string; note: string },
): Promise<string> {
  competent(ctx, a.region)
  return changeLaw(ctx, async tx => {
    const i = await waitingImport(tx, id)
    if (i.state === 'refused') refuse('regulation.decided', { status: 409, detail: '这次导入已经决定不采用。', remedy: '请重新导入。' })
    const read = readChecked(() => readRegulation('', i.source, law().regulations.get('platform'), knownEffects))
    // Known from here on, so that the record below finds it; reading the law again puts it in force.
    law().versions.set(read.version, read)
    await tx
      .insertInto('regulation.version')
      .values({ version: read.version, regulation: read.id, content: JSON.stringify(read) })
      .onConflict(c => c.column('version').doNothing())
      .execute()
    await tx
      .updateTable('regulation.import')
      .set({ state: 'adopted', decided: ctx.now, decided_by: who(ctx) })
      .where('id', '=', id)
      .execute()
    return insertRecord(tx, ctx, a.region, { kind: 'adoption', regulation: i.regulation, version: i.version, ...a })
  })
}

export async function refuseImport(ctx: StaffContext, id: string, reason: string): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    const i = await waitingImport(tx, id)
    competent(ctx, i.recorded_region)
    if (i.state !== 'checked') refuse('regulation.decided', { status: 409, detail: '这次导入已经采用或不采用。' })
    await tx
      .updateTable('regulation.import')
      .set({ state: 'refused', decided: ctx.now, decided_by: who(ctx), note: reason })
      .where('id', '=', id)
      .execute()
    await record(tx, ctx, { action: 'regulation.refuse', subject: i.title, content: reason, data: { version: i.version } })
  })
}

export async function importCalendar(ctx: StaffContext, text: string): Promise<string> {
  const year = readChecked(() => readYear(text))
  const id = newId()
  await ctx.db.transaction().execute(async tx => {
    await tx
      .insertInto('regulation.calendar')
      .values({
        id,
        year: year.year,
        document: year.document,
        holidays: JSON.stringify(year.holidays),
        workdays: JSON.stringify(year.workdays),
        recorded: ctx.now,
        recorded_by: who(ctx),
      })
      .execute()
    await record(tx, ctx, { action: 'calendar.import', subject: `${year.year} 年放假安排`, content: year.document })
  })
  return id
}

/** In force at once; the duties that were counted with other days are counted again by a job of the same transaction. */
export async function adoptCalendar(ctx: StaffContext, id: string): Promise<void> {
  await changeLaw(ctx, async tx => {
    const c =
      (await tx.selectFrom('regulation.calendar').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()) ??
      notFound('regulation.import', '导入')
    if (c.state !== 'checked') refuse('regulation.decided', { status: 409, detail: '这次导入已经采用或不采用。' })
    await tx
      .updateTable('regulation.calendar')
      .set({ state: 'adopted', adopted: ctx.now, adopted_by: who(ctx) })
      .where('id', '=', id)
      .execute()
    await ctx.jobs.enqueue(tx, 'duties.recalculate', { year: c.year })
    await record(tx, ctx, { action: 'calendar.adopt', subject: `${c.year} 年放假安排`, content: c.document })
  })
}

export async function addOverride(
  ctx: StaffContext,
  region: string,
  o: { entry: string; topic: OverrideTopic; value: string; instrument: string; article: string; text: string },
): Promise<string> {
  competent(ctx, region)
  const local = govern(region, o.topic, ctx.day)
  const faults = new Faults()
  const missing = (pointer: string, what: string) =>
    faults.add(pointer, 'citation-required', `优先适用的法律没有写明${what}。`, {
      cite: local.cite,
      remedy: '写明法律名称和条款；没有条款依据的，仍按本地规定。',
    })
  if (!o.instrument) missing('/instrument', '名称')
  if (!o.article) missing('/article', '条款')
  faults.throwIfAny('regulation.citation')
  if (!(o.value in local.value.values))
    refuse('regulation.value', {
      reason: o.topic === 'open-types' ? 'open-type-invalid' : 'share-type-invalid',
      detail: `${regionName(region)}的分类里没有 ${o.value}。`,
      cite: local.cite,
      errors: [{ pointer: '/value', code: 'value', message: '不在规定的分类里' }],
    })
  const id = newId()
  await changeLaw(ctx, async tx => {
    const done = await tx
      .insertInto('regulation.override')
      .values({
        id,
        region,
        entry_id: o.entry,
        topic: o.topic,
        value: o.value,
        instrument: o.instrument,
        article: o.article,
        text: o.text || `${o.instrument}对这类数据另有规定，先于本地规定适用。`,
        recorded: ctx.now,
        recorded_by: who(ctx),
      })
      .onConflict(c => c.doNothing())
      .returning('id')
      .executeTakeFirst()
    if (!done) refuse('regulation.recorded', { status: 409, detail: '这条目录在这一事项上已登记优先适用的法律。' })
    await record(tx, ctx, {
      action: 'regulation.override',
      region,
      subject: o.entry,
      content: `${o.topic === 'open-types' ? '开放类型' : '共享类型'}：${local.value.values[o.value]}，依据 ${o.instrument}${o.article}`,
    })
  })
  return id
}

export async function endOverride(ctx: StaffContext, region: string, id: string): Promise<void> {
  competent(ctx, region)
  await changeLaw(ctx, async tx => {
    const done = await tx
      .updateTable('regulation.override')
      .set({ ended: ctx.now, ended_by: who(ctx) })
      .where('id', '=', id)
      .where('region', '=', region)
      .where('ended', 'is', null)
      .returning('entry_id')
      .executeTakeFirst()
    if (!done) notFound('regulation.override', '登记')
    await record(tx, ctx, { action: 'regulation.override-end', region, subject: done.entry_id })
  })
}
