import { sql } from 'kysely'
import { EntryContent, type Item } from '../../../contract/catalog.ts'
import type { Fault } from '../../../contract/common.ts'
import type { StaffContext } from '../../platform/context.ts'
import { cellName } from '../../platform/export.ts'
import { govern } from '../regulation/public.ts'
import { isCode } from './codes.ts'
import { isReturned, rulesFor, settled, workingVersion } from './commands.ts'
import { checkEntry, type EntryRules } from './rules.ts'
import type { Note, Plan, Step } from './runs.ts'
import { bare, type Column, columns, type RowCells, readRows, type Words } from './template.ts'
import { type Group, openTemplate, readTemplate } from './template-read.ts'
import { upperFaults } from './upper.ts'

/** An entry of the own department as an import meets it. */
export type Known = {
  id: string
  code: string
  content: EntryContent
  etag: string
  /** Why it cannot be changed now. */
  closed: string | null
  /** The highest item number ever used: a column keeps its number through all versions. */
  highest: number
}
export type Env = { region: string; day: string; words: Words; rules: EntryRules }

export function wordsOf(region: string, day: string, department: string): Words {
  return {
    department,
    share: govern(region, 'share-types', day).value.values,
    open: govern(region, 'open-types', day).value.values,
    origins: govern(region, 'catalog-origin', day).value.values,
  }
}

const of = (name: string) => columns.find(c => c.name === name)!
const [titleColumn, codeColumn, nameColumn] = [of('信息资源名称'), of('信息资源代码'), of('信息项名称')]
const departmentColumn = columns.find(c => c.path === 'department')!
const plainName = (name: string) => bare(name).toLowerCase()
const normal = (c: EntryContent) => JSON.stringify(EntryContent.parse(c))

/** What an entry of the workbook means: a new entry, a change of one that is known, nothing new, or faults. Pure. */
export function planGroup(g: Group, known: Known | undefined, env: Env): Plan {
  const notes: Note[] = []
  const say = (level: Note['level'], at: { line: number; column?: Column | undefined }, f: Omit<Fault, 'pointer'>) => {
    const c = at.column && g.at.get(at.column)
    notes.push({
      sheet: g.sheet,
      line: at.line,
      cell: c === undefined ? '' : cellName(at.line - 1, c),
      field: at.column?.name ?? '',
      level,
      code: f.code,
      message: f.message,
      remedy: f.remedy,
      cite: f.cite,
    })
  }
  const head = (column: Column) => ({ line: g.line, column })
  const title = g.cells.get(titleColumn) ?? ''
  const code = bare(g.cells.get(codeColumn) ?? '').toUpperCase()
  const plan = (outcome: Plan['outcome'], more: Partial<Plan> = {}): Plan => ({
    n: g.n,
    sheet: g.sheet,
    line: g.line,
    lines: g.lines,
    code: known?.code ?? code,
    title: title || known?.content.title || '',
    outcome,
    notes,
    ...more,
  })
  for (const row of g.rows)
    for (const b of row.broken)
      say(
        'fault',
        { line: row.line, column: b.column },
        b.why === 'lossy'
          ? {
              code: 'template-lossy',
              message: `“${b.column.name}”是超过 15 位的数字，Excel 已经丢了后面几位。`,
              remedy: '把这一列设为“文本”格式，重新填写。',
            }
          : { code: 'template-formula', message: `“${b.column.name}”的公式算不出来（${b.text}）。`, remedy: '改成直接填写的内容。' },
      )
  if (!title)
    say('fault', head(titleColumn), { code: 'template-title', message: '缺“信息资源名称”。', remedy: '每条目录的第一行都要有名称。' })
  const provider = g.cells.get(departmentColumn)
  if (provider && bare(provider) !== bare(env.words.department))
    say('fault', head(departmentColumn), {
      code: 'not-owner',
      message: `这条目录的提供方是“${provider}”，只能由该部门导入。`,
      remedy: '请交给该部门，或从文件里删去。',
    })
  if (known?.closed)
    say('fault', head(codeColumn), { code: 'step-skipped', message: known.closed, remedy: '审核办结后再导入；撤销的目录请另起一条。' })
  if (!known && code && !isCode(code))
    say('fault', head(codeColumn), {
      code: 'template-code',
      message: `“${code}”不是信息资源代码。`,
      remedy: '写作 307000000000001/000001 的样子，或留空由平台编制。',
    })

  const before = known?.content
  const c: EntryContent = before ? structuredClone(before) : EntryContent.parse({})
  const written = { n: 0, code: '', published: null }
  const cleared: string[] = []
  for (const [column, text] of g.cells) {
    if (column.of !== 'entry' || !column.read) continue
    const had = before ? column.write(before, written, env.words) : ''
    // What stands there as we would write it stays as it is: a template shows less than an entry holds.
    if (text === had || (!before && !text)) continue
    const fault = column.read(c, text, env.words)
    if (fault) say('fault', head(column), fault)
    else if (!text) cleared.push(column.name)
  }
  if (code && !known && !c.kind) c.kind = Number(code[0]) as 1
  if (code && !known && c.kind && String(c.kind) !== code[0])
    say('fault', head(codeColumn), {
      code: 'template-code',
      message: `代码以 ${code[0]} 开头，与所选的类不一致。`,
      remedy: '改正代码或类，或把代码留空。',
    })

  // ── Items ──
  const had = new Map(before?.items.map(i => [plainName(i.name), i]))
  const items: { item: Item; line: number }[] = []
  const rows: { item: Item | undefined; cells: RowCells }[] = []
  const seen = new Map<string, number>()
  let highest = known?.highest ?? 0
  for (const row of g.rows) {
    const name = row.cells.get(nameColumn) ?? ''
    const own: RowCells = {}
    for (const [column, text] of row.cells) if (column.of === 'row') own[column.path] = text
    if (!name) {
      const filled = [...row.cells].find(([column, text]) => column.of === 'item' && text)
      if (filled)
        say(
          'fault',
          { line: row.line, column: nameColumn },
          { code: 'template-item', message: '这一行缺“信息项名称”。', remedy: '填上名称，或清空这一行。' },
        )
      if (row === g.rows[0]) rows.push({ item: undefined, cells: own })
      continue
    }
    const twin = seen.get(plainName(name))
    if (twin) {
      say(
        'fault',
        { line: row.line, column: nameColumn },
        { code: 'field-duplicate', message: `信息项“${name}”与第 ${twin} 行重复。`, remedy: '同一条目录里信息项不能同名。' },
      )
      continue
    }
    seen.set(plainName(name), row.line)
    const was = had.get(plainName(name))
    const item: Item = was ? structuredClone(was) : { key: `c${++highest}`, name, description: '', identifier: false, required: false }
    for (const [column, text] of row.cells) {
      if (column.of !== 'item' || text === (was ? column.write(was) : '')) continue
      const fault = column.read(item, text, env.words)
      if (fault) say('fault', { line: row.line, column }, fault)
    }
    items.push({ item, line: row.line })
    rows.push({ item, cells: own })
  }
  c.items = items.map(i => i.item)
  readRows(c, rows, before, env.words)
  if (notes.some(n => n.level === 'fault')) return plan('fault')

  // What is too long or too much for an entry, at its cell.
  const locate = (pointer: string): { line: number; column?: Column } => {
    const [first, index, part] = pointer.split('/').slice(1)
    const path = first === 'items' && part ? part : first
    const column =
      first === 'items' && part
        ? columns.find(one => (one.of === 'item' && one.path === path) || (one.of === 'row' && one.path === rowPath(part)))
        : columns.find(one => one.of !== 'item' && one.path === rowPath(path!))
    return { line: first === 'items' ? (items[Number(index)]?.line ?? g.line) : g.line, ...(column && { column }) }
  }
  const parsed = EntryContent.safeParse(c)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const at = locate(`/${issue.path.join('/')}`)
      const most = issue.code === 'too_big' ? Number(issue.maximum) : null
      say('fault', at, {
        code: 'template-too-long',
        message: most
          ? `“${at.column?.name ?? issue.path.join('.')}”超过 ${most} 个${issue.code === 'too_big' && issue.origin === 'array' ? '' : '字'}。`
          : `“${at.column?.name ?? issue.path.join('.')}”的内容不对。`,
        remedy: most ? '请缩短。' : '请改正后再导入。',
      })
    }
    return plan('fault')
  }
  const content = settled(parsed.data, env.region, env.day, env.rules)
  if (before && normal(content) === normal(before)) return plan('same')
  const gone = before?.items.filter(i => !content.items.some(one => one.key === i.key)) ?? []
  if (gone.length)
    say(
      'note',
      { line: g.line, column: nameColumn },
      { code: 'items-removed', message: `表里没有的信息项会从草稿去掉：${gone.map(i => i.name).join('、')}。` },
    )
  if (before && cleared.length)
    say('note', { line: g.line }, { code: 'cleared', message: `空白格会清空原来的内容：${cleared.join('、')}。` })
  for (const f of checkEntry(content, env.rules).faults) say('todo', locate(f.pointer), f)
  return plan(known ? 'change' : 'create', { content, ...(known && { etag: known.etag }) })
}
const rowPath = (path: string) => ({ conditions: 'shareConditions', basis: 'shareConditions', shareBasis: 'shareConditions' })[path] ?? path

/** Reads a workbook entry by entry and says what each would become, against the department's catalog as it is now. */
export async function* importPlans(ctx: StaffContext, path: string): AsyncGenerator<Step> {
  const { region, departmentId, department } = ctx.actor
  const env: Env = { region, day: ctx.day, words: wordsOf(region, ctx.day, department), rules: await rulesFor(ctx.db, region, ctx.day) }
  const { rows: mine } = await sql<{
    id: string
    code: string
    title: string
  }>`select e.id, e.code, coalesce(w.content, p.content) ->> 'title' as title
    from catalog.entry e
    left join catalog.version w on w.entry_id = e.id and w.state in ('draft', 'in_review')
    left join catalog.version p on p.entry_id = e.id and p.version = e.published
    where e.department_id = ${departmentId} and not e.withdrawn`.execute(ctx.db)
  const byTitle = new Map<string, string[]>()
  for (const e of mine) {
    const key = plainName(e.title ?? '')
    byTitle.set(key, [...(byTitle.get(key) ?? []), e.id])
  }
  const seen = new Map<string, Group>()
  const uppers = new Map<string, Fault[]>()
  let held: Group[] = []
  async function* planned(groups: Group[]): AsyncGenerator<Step> {
    const codes = groups.map(g => bare(g.cells.get(codeColumn) ?? '').toUpperCase())
    const titles = groups.map(g => byTitle.get(plainName(g.cells.get(titleColumn) ?? '')) ?? [])
    const known = await knownOf(ctx, codes.filter(Boolean), titles.flat())
    for (const [i, g] of groups.entries()) {
      const [code, ids] = [codes[i]!, titles[i]!]
      const one = known.find(k => (code ? k.code === code : ids.length === 1 && k.id === ids[0]))
      const plan = planGroup(g, one && !('foreign' in one) ? one : undefined, env)
      const refuse = (f: { code: string; message: string; remedy: string }) => {
        const { content: _c, etag: _e, ...rest } = plan
        const c = g.at.get(codeColumn) ?? g.at.get(titleColumn)!
        const note: Note = { sheet: g.sheet, line: g.line, cell: cellName(g.line - 1, c), field: codeColumn.name, level: 'fault', ...f }
        return { plan: { ...rest, outcome: 'fault' as const, notes: [note, ...plan.notes.filter(n => n.level === 'fault')] } }
      }
      const key = one?.id ?? (code || `名称 ${plainName(plan.title)}`)
      const twin = plan.title || code ? seen.get(key) : undefined
      seen.set(key, twin ?? { ...g, cells: new Map(), rows: [] })
      if (one && 'foreign' in one)
        yield refuse({
          code: 'not-owner',
          message: `代码 ${code} 是${one.foreign}的目录，本部门不能修改。`,
          remedy: '核对代码；本部门的新目录把代码留空。',
        })
      else if (!code && ids.length > 1)
        yield refuse({
          code: 'template-ambiguous',
          message: `本部门有 ${ids.length} 条目录都叫“${plan.title}”，不知道改哪一条。`,
          remedy: '填上信息资源代码。',
        })
      else if (twin)
        yield refuse({
          code: 'template-duplicate',
          message: `与工作表“${twin.sheet}”第 ${twin.line} 行是同一条目录，只取前一条。`,
          remedy: '合并成一条，或改正名称、代码。',
        })
      else {
        const upper = plan.content?.upperCode
        if (upper) {
          if (!uppers.has(upper)) uppers.set(upper, await upperFaults(ctx.db, region, ctx.day, plan.content!))
          const column = columns.find(c => c.path === 'upperCode')!
          const c = g.at.get(column)
          for (const f of uppers.get(upper)!)
            plan.notes.push({
              sheet: g.sheet,
              line: g.line,
              cell: c === undefined ? '' : cellName(g.line - 1, c),
              field: column.name,
              level: 'todo',
              code: f.code,
              message: f.message,
              remedy: f.remedy,
              cite: f.cite,
            })
        }
        yield { plan }
      }
    }
  }
  const book = await openTemplate(path)
  try {
    for await (const piece of readTemplate(book)) {
      const about = { line: 0, cell: '', field: '', level: 'note' as const }
      if ('group' in piece) held.push(piece.group)
      else if ('read' in piece) yield piece
      else if ('passed' in piece) yield { note: { ...about, sheet: piece.passed.sheet, code: 'sheet-passed', message: piece.passed.why } }
      else if (piece.sheet.unknown.length)
        yield {
          note: {
            ...about,
            sheet: piece.sheet.name,
            line: piece.sheet.top,
            code: 'columns-unknown',
            message: `不认识的列没有读：${piece.sheet.unknown.slice(0, 20).join('、')}。`,
          },
        }
      if (held.length < 100) continue
      yield* planned(held)
      held = []
    }
    yield* planned(held)
  } finally {
    book.close()
  }
}

/** The entries a part of the workbook may mean, by code or by name, as their department last wrote them. */
async function knownOf(
  ctx: StaffContext,
  codes: string[],
  ids: string[],
): Promise<(Known | { id: string; code: string; foreign: string })[]> {
  if (!codes.length && !ids.length) return []
  const { rows } = await sql<any>`select e.id, e.code, e.department_id, d.name as department, e.withdrawn, w.state, w.case_no,
      coalesce(w.content, p.content) as content, coalesce(w.etag, p.etag) as etag,
      (select coalesce(max(substr(i ->> 'key', 2)::int), 0) from catalog.version v, jsonb_array_elements(v.content -> 'items') i where v.entry_id = e.id) as highest
    from catalog.entry e join organization.department_view d on d.id = e.department_id
    left join catalog.version w on w.entry_id = e.id and w.state in ('draft', 'in_review')
    left join catalog.version p on p.entry_id = e.id and p.version = e.published
    where e.code = any(${codes}) or e.id = any(${ids}::uuid[])`.execute(ctx.db)
  const known = []
  for (const e of rows) {
    if (e.department_id !== ctx.actor.departmentId) {
      known.push({ id: e.id, code: e.code, foreign: e.department })
      continue
    }
    const reviewing = e.state === 'in_review' && !(await isReturned(ctx.db, (await workingVersion(ctx.db, e.id))!))
    const closed = e.withdrawn ? `${e.code} 已经撤销，不能修改。` : reviewing ? `${e.code} 正在审核（${e.case_no}），不能修改。` : null
    known.push({ id: e.id, code: e.code, content: EntryContent.parse(e.content), etag: e.etag, closed, highest: e.highest })
  }
  return known
}
