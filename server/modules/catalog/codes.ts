import { sql } from 'kysely'
import type { CodeClass, CodePattern } from '../../../contract/catalog-runs.ts'
import type { StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { govern, regionName, regionOf } from '../regulation/public.ts'

/** The code table as one place sees it: its own rows first, then those of the places above, last those for everywhere. */
export type CodeTable = { patterns: Map<number, string>; classes: CodeRow[] }
export type CodeRow = { region: string; code: string; parent: string | null; name: string; usual: boolean }

const upwards = (region: string): string[] => {
  const list: string[] = []
  for (let at = regionOf(region); at; at = at.parent ? regionOf(at.parent) : undefined) list.push(at.code)
  return [...list, '']
}

export async function codeTable(db: Database | Tx, region: string): Promise<CodeTable> {
  const near = upwards(region)
  const patterns = await db.selectFrom('catalog.code_pattern').selectAll().where('region', 'in', near).execute()
  const classes = await db.selectFrom('catalog.code_class').selectAll().where('region', 'in', near).orderBy('code').execute()
  const nearest = (a: { region: string }, b: { region: string }) => near.indexOf(a.region) - near.indexOf(b.region)
  return {
    patterns: new Map(
      patterns
        .sort(nearest)
        .toReversed()
        .map(p => [p.kind, p.pattern]),
    ),
    // One code means what the nearest place says.
    classes: [
      ...new Map(
        classes
          .sort(nearest)
          .toReversed()
          .map(c => [c.code, c]),
      ).values(),
    ].sort((a, b) => nearest(a, b) || (a.code < b.code ? -1 : 1)),
  }
}

const plain = (name: string) => name.normalize('NFKC').replace(/[\s（()）]/g, '')

/** 类, 项, 目 and 细目 of an entry as digits: each level by its name, else the usual one, else zeros. Pure. */
export function classDigits(table: CodeTable, kind: number, classification: string[]): string {
  let at = String(kind)
  // Some write the 类 again before the 项.
  const names = classification.filter(name => plain(name) !== plain(table.classes.find(c => c.code === at)?.name ?? ''))
  for (const name of [...names, ...Array<string>(3).fill('')]) {
    const children = table.classes.filter(c => c.parent === at)
    const next = children.find(c => plain(c.name) === plain(name)) ?? children.find(c => c.usual)
    if (next) at = next.code
  }
  return at.padEnd(6, '0')
}

const parts = /\{(class|region|department|seq)(?::(\d{1,2}))?\}/g
type Values = { class: string; region: string; department: string; seq: string }
/** A pattern with its places filled; `{seq:6}` is padded to six digits. Pure. */
export const fillPattern = (pattern: string, values: Values): string =>
  pattern.replace(parts, (_, name: keyof Values, width = '0') => values[name].padStart(Number(width), '0'))

/** The next code of a department; numbers are never used twice, not even after a withdrawal. */
export async function nextCode(
  tx: Tx,
  e: { kind: 1 | 2 | 3; region: string; departmentId: string; classification: string[] },
  table?: CodeTable,
): Promise<string> {
  const known = table ?? (await codeTable(tx, e.region))
  const pattern = known.patterns.get(e.kind)!
  const department = pattern.includes('{department') ? String(await departmentNumber(tx, e.region, e.departmentId)) : ''
  const values = { class: classDigits(known, e.kind, e.classification), region: e.region, department }
  const prefix = fillPattern(pattern.split('/')[0]!, { ...values, seq: '' })
  for (;;) {
    const { n } = await tx
      .insertInto('catalog.counter')
      .values({ prefix, n: 1 })
      .onConflict(c => c.column('prefix').doUpdateSet({ n: sql`counter.n + 1` }))
      .returning('n')
      .executeTakeFirstOrThrow()
    const code = `${prefix}/${fillPattern(pattern.split('/')[1]!, { ...values, seq: String(n) })}`
    // A code brought along from elsewhere may stand in the way.
    const taken = await tx.selectFrom('catalog.entry').select('id').where('code', '=', code).executeTakeFirst()
    if (!taken) return code
  }
}

/** 登记号: region, year and number, given once, when the entry is accepted. */
export async function nextRegistration(tx: Tx, region: string, day: string): Promise<string> {
  const year = Number(day.slice(0, 4))
  const { n } = await tx
    .insertInto('catalog.registration_counter')
    .values({ region, year, n: 1 })
    .onConflict(c => c.columns(['region', 'year']).doUpdateSet({ n: sql`registration_counter.n + 1` }))
    .returning('n')
    .executeTakeFirstOrThrow()
  return `${region}-${year}-${String(n).padStart(5, '0')}`
}

/** 类(1) 项(2) 目(3) 细目 "/" sequence, as the national guide has it. */
export const isCode = (code: string): boolean => /^[123]\d{5}[0-9A-Z]{0,40}\/[0-9A-Z]{1,20}$/.test(code)

/**
 * Takes a code that an entry brings along. Holding the counter of its beginning, so that the next number given is a later one, and two
 * who bring the same code come one after the other.
 */
export async function adoptCode(tx: Tx, code: string, e: { kind: number; departmentId: string }): Promise<string> {
  const [prefix, seq] = code.split('/') as [string, string]
  const n = /^\d{1,9}$/.test(seq) ? Number(seq) : 0
  await tx
    .insertInto('catalog.counter')
    .values({ prefix, n })
    .onConflict(c => c.column('prefix').doUpdateSet({ n: sql`greatest(counter.n, ${n})` }))
    .execute()
  const { rows } = await sql<{ same: boolean }>`select code = ${code} as same from catalog.entry
    where code = ${code} or (code like ${`${prefix}/%`} and department_id <> ${e.departmentId} and ${e.kind === 3}) order by 1 desc limit 1`.execute(
    tx,
  )
  if (rows[0])
    refuse('catalog.code_taken', {
      status: 409,
      reason: 'code-taken',
      detail: rows[0].same ? `代码 ${code} 已经是另一条目录的。` : `代码 ${code} 的前段 ${prefix} 是另一个部门的。`,
      remedy: '把代码留空，由平台按编码表编制。',
    })
  return code
}

async function departmentNumber(tx: Tx, region: string, departmentId: string): Promise<number> {
  const known = await tx.selectFrom('catalog.department_code').select('n').where('department_id', '=', departmentId).executeTakeFirst()
  if (known) return known.n
  await sql`select pg_advisory_xact_lock(hashtext(${`catalog.department_code.${region}`}))`.execute(tx)
  const { rows } = await sql<{ n: number }>`insert into catalog.department_code (department_id, region, n)
    select ${departmentId}::uuid, ${region}, coalesce(max(n), 0) + 1 from catalog.department_code where region = ${region}
    on conflict (department_id) do update set n = department_code.n returning n`.execute(tx)
  return rows[0]!.n
}

// ── The table as people extend it ─────────────────────────────────────────────────────────────────────────────────────────
export async function codeView(db: Database, region: string, kinds: Record<string, string>) {
  const table = await codeTable(db, region)
  const home = (code: string) => (code ? regionName(code) : '全国')
  return {
    region,
    regionName: regionName(region),
    classes: table.classes.map(c => ({ ...c, regionName: home(c.region) })).sort((a, b) => (a.code < b.code ? -1 : 1)),
    patterns: ([1, 2, 3] as const).map(kind => {
      const pattern = table.patterns.get(kind)!
      const example = { class: classDigits(table, kind, []), region, department: '1', seq: '1' }
      return { kind, kindLabel: kinds[kind] ?? String(kind), pattern, example: fillPattern(pattern, example) }
    }),
  }
}

/** Only the competent department of a place extends its table; codes already given stay as they are. */
const requireCompetent = (ctx: StaffContext): void => {
  if (ctx.actor.departmentRoles.includes('authority')) return
  refuse('catalog.not_competent', {
    status: 403,
    reason: 'not-competent',
    detail: '编码表由当地数据主管部门维护，其他部门不能修改。',
    remedy: '需要新的分类时，请与数据主管部门联系。',
    cite: govern(ctx.actor.region, 'catalog-guide', ctx.day).cite,
  })
}

export async function saveClass(ctx: StaffContext, c: CodeClass): Promise<void> {
  requireCompetent(ctx)
  const { region } = ctx.actor
  await ctx.db.transaction().execute(async tx => {
    await sql`select pg_advisory_xact_lock(hashtext(${`catalog.code_class.${region}`}))`.execute(tx)
    const table = await codeTable(tx, region)
    const [parent] = table.classes
      .filter(one => c.code !== one.code && c.code.startsWith(one.code))
      .sort((x, y) => y.code.length - x.code.length)
    const levels = [1, 3, 6]
    const above = levels[levels.indexOf(c.code.length) - 1] ?? 6
    const fits = parent && (c.code.length > 6 ? parent.code.length >= 6 : parent.code.length === above)
    if (!fits)
      refuse('catalog.code_parent', {
        reason: 'code-parent-missing',
        detail: `编码表里没有 ${c.code} 的上一级。`,
        remedy: '类 1 位、项 2 位、目 3 位、细目不限；先加上一级，再加这一级。',
        errors: [{ pointer: '/code', code: 'code-parent-missing', message: `没有 ${c.code.slice(0, above)} 这一级` }],
      })
    const twin = table.classes.find(one => one.parent === parent.code && one.code !== c.code && plain(one.name) === plain(c.name))
    if (twin)
      refuse('catalog.code_name', {
        reason: 'code-name-duplicate',
        detail: `“${c.name}”已经是 ${twin.code}，同一级里名称不能重复。`,
        errors: [{ pointer: '/name', code: 'code-name-duplicate', message: `与 ${twin.code} 同名` }],
      })
    if (c.usual)
      await tx
        .updateTable('catalog.code_class')
        .set({ usual: false })
        .where('region', '=', region)
        .where('parent', '=', parent.code)
        .execute()
    const row = { parent: parent.code, name: c.name, usual: c.usual }
    await tx
      .insertInto('catalog.code_class')
      .values({ region, code: c.code, ...row })
      .onConflict(o => o.columns(['region', 'code']).doUpdateSet(row))
      .execute()
    await record(tx, ctx, { action: 'catalog.codes', subject: c.code, region, content: c.name })
  })
}

export async function savePattern(ctx: StaffContext, { kind, pattern }: CodePattern): Promise<void> {
  requireCompetent(ctx)
  const { region } = ctx.actor
  const example = fillPattern(pattern, { class: `${kind}00000`, region, department: '1', seq: '1' })
  const [front, back] = pattern.split('/')
  if (!isCode(example) || !front?.startsWith('{class}') || !/\{seq(:\d+)?\}$/.test(back ?? '') || front.includes('{seq'))
    refuse('catalog.code_pattern', {
      reason: 'code-pattern-invalid',
      detail: `“${pattern}”编不出符合国家指南的代码。`,
      remedy: '以 {class} 开头，/ 之后以 {seq:位数} 结尾，例如 {class}{region}{department:3}/{seq:6}；其余只用数字和大写字母。',
      errors: [{ pointer: '/pattern', code: 'code-pattern-invalid', message: `编出来的是 ${example}` }],
    })
  await ctx.db.transaction().execute(async tx => {
    await tx
      .insertInto('catalog.code_pattern')
      .values({ region, kind, pattern })
      .onConflict(o => o.columns(['region', 'kind']).doUpdateSet({ pattern }))
      .execute()
    await record(tx, ctx, { action: 'catalog.codes', subject: String(kind), region, content: pattern })
  })
}
