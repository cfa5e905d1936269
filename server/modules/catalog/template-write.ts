import { sql } from 'kysely'
import type { z } from 'zod'
import { type EntryContent, formatClasses, itemTypes, kinds, updateCycles } from '../../../contract/catalog.ts'
import type { ListFilter } from '../../../contract/catalog-runs.ts'
import type { StaffContext } from '../../platform/context.ts'
import { type BookSheet, type Merge, workbook } from '../../platform/export.ts'
import { Workbook } from '../../platform/xlsx.ts'
import { searchEntries } from './find.ts'
import type { RunRecord } from './runs.ts'
import { type Column, columns, type Words, writeRow } from './template.ts'
import { wordsOf } from './template-plan.ts'
import { helpSheet, readTemplate, reportColumn } from './template-read.ts'

type Entry = { code: string; region: string; department: string; published: string | null; content: EntryContent }

/** The entries of a filtered list, a hundred at a time, in the version the list shows. */
async function* listed(ctx: StaffContext, filter: z.infer<typeof ListFilter>): AsyncGenerator<Entry> {
  let after: string | undefined
  do {
    const page = await searchEntries(ctx, { ...filter, limit: 100, ...(after && { after }) } as Parameters<typeof searchEntries>[1])
    const ids = page.rows.map(r => r.id)
    const { rows } = await sql<Entry & { id: string }>`select e.id, e.code, e.region, d.name as department, v.content,
        to_char(v.published at time zone 'Asia/Shanghai', 'YYYY-MM-DD') as published
      from unnest(${ids}::uuid[], ${page.rows.map(r => r.version)}::int[]) as t(id, version)
      join catalog.entry e on e.id = t.id
      join catalog.version v on v.entry_id = e.id and v.version = t.version
      join organization.department_view d on d.id = e.department_id`.execute(ctx.db)
    const byId = new Map(rows.map(r => [r.id, r]))
    for (const id of ids) {
      const e = byId.get(id)
      if (e) yield e
    }
    after = page.next ?? undefined
  } while (after)
}

/** Two header rows: groups over names; a column without a group takes both. */
function header(list: Column[]): { head: string[][]; merges: Merge[] } {
  const merges: Merge[] = []
  const top = list.map(c => c.group ?? c.name)
  for (let i = 0; i < list.length; i++) {
    const group = list[i]!.group
    if (!group) merges.push({ top: 0, left: i, bottom: 1, right: i })
    else if (list[i - 1]?.group !== group) {
      let last = i
      while (list[last + 1]?.group === group) last++
      if (last > i) merges.push({ top: 0, left: i, bottom: 0, right: last })
    }
  }
  return {
    head: [
      top.map((t, i) => (list[i - 1]?.group && list[i - 1]!.group === list[i]!.group ? '' : t)),
      list.map(c => (c.group ? c.name : '')),
    ],
    merges,
  }
}

/** The national template, filled: one row per item, cells of the entry merged over them. */
export function templateOut(
  ctx: StaffContext,
  filter: z.infer<typeof ListFilter>,
  o: { extended: boolean; blank: boolean },
): AsyncGenerator<Uint8Array> {
  const list = columns.filter(c => o.extended || !c.extended)
  const { head, merges } = header(list)
  const words = new Map<string, Words>()
  async function* rows() {
    if (o.blank) return
    let n = 0
    let line = head.length
    for await (const e of listed(ctx, filter)) {
      const place = `${e.region} ${e.department}`
      if (!words.has(place)) words.set(place, wordsOf(e.region, ctx.day, e.department))
      const w = words.get(place)!
      const written = { n: ++n, code: e.code, published: e.published }
      const items = e.content.items.length ? e.content.items : [undefined]
      const cells = items.map(item =>
        list.map(c =>
          c.of === 'entry'
            ? c.write(e.content, written, w)
            : c.of === 'row'
              ? writeRow(c.path, e.content, item, w)
              : item
                ? c.write(item)
                : '',
        ),
      )
      for (const [i, column] of list.entries()) {
        if (items.length < 2 || column.of === 'item' || (column.of === 'row' && cells.some(row => row[i] !== cells[0]![i]))) continue
        merges.push({ top: line, left: i, bottom: line + items.length - 1, right: i })
        for (const row of cells.slice(1)) row[i] = ''
      }
      for (const row of cells) yield { cells: row }
      line += items.length
    }
  }
  const sheets: BookSheet[] = [
    { name: '政务数据目录', head, types: list.map(() => 'C'), widths: list.map(c => c.width), framed: true, rows: rows(), merges },
    help(list, wordsOf(ctx.actor.region, ctx.day, ctx.actor.department)),
  ]
  return workbook(sheets)
}

function help(list: Column[], words: Words): BookSheet {
  const allowed: Record<string, string> = {
    kind: Object.values(kinds)
      .map(k => `${k}信息资源`)
      .join('、'),
    formatClass: Object.values(formatClasses).join('、'),
    type: Object.entries(itemTypes)
      .map(([k, label]) => `${label}型${k}`)
      .join('、'),
    shareClass: Object.values(words.share).join('、'),
    shareConditions: '有条件共享的写条件；不共享的写依据：《名称》第几条',
    shareModeType: '数据库、文件下载、服务接口',
    openClass: '是、否',
    updateCycle: Object.values(updateCycles).join('、'),
    length: '数字；有小数的写 12,2',
    code: '已有目录的代码；新目录留空，由平台编制',
    acquisition: Object.values(words.origins).join('、'),
  }
  const scope = { entry: '每条目录填一次（合并单元格，或只填第一行）', item: '每个信息项一行', row: '每行一个；整条相同的可以合并' }
  async function* rows() {
    for (const c of list) yield { cells: [c.name, scope[c.of], allowed[c.path] ?? (c.of === 'entry' && !c.read ? '由平台填写' : '')] }
  }
  return {
    name: helpSheet,
    head: [['列', '怎样填', '可填的内容']],
    types: ['C', 'C', 'C'],
    widths: [26, 40, 70],
    framed: true,
    rows: rows(),
  }
}

type Said = { cells: Set<string>; words: string[] }
/** The uploaded sheets as they were, wrong cells red, with what to do in a column at the end. What it says is passed over when it comes back. */
export function importReport(ctx: StaffContext, run: RunRecord, path: string): AsyncGenerator<Uint8Array> {
  async function* sheets(): AsyncGenerator<BookSheet> {
    const { rows: notes } = await sql<{
      sheet: string
      line: number
      cell: string
      field: string
      level: string
      message: string
      remedy: string | null
    }>`
      select sheet, line, cell, field, level, message, remedy from catalog.run_note where run_id = ${run.id} and line > 0 order by n, seq`.execute(
      ctx.db,
    )
    const said = new Map<string, Said>()
    for (const t of notes) {
      const key = `${t.sheet} ${t.line}`
      if (!said.has(key)) said.set(key, { cells: new Set(), words: [] })
      const at = said.get(key)!
      if (t.level === 'fault' && t.cell) at.cells.add(t.cell)
      at.words.push(`${t.level === 'fault' ? '【错误】' : t.level === 'todo' ? '【提交前要补】' : '【说明】'}${t.message}${t.remedy ?? ''}`)
    }
    const { rows: entries } = await sql<{ sheet: string; line: number; code: string; outcome: string; saved: boolean }>`
      select sheet, line, code, outcome, saved from catalog.run_entry where run_id = ${run.id}`.execute(ctx.db)
    const results = new Map(
      entries.map(e => [
        `${e.sheet} ${e.line}`,
        e.outcome === 'fault'
          ? '有错，没有保存'
          : e.outcome === 'same'
            ? '没有变化'
            : `${e.outcome === 'create' ? '新建' : '修改'}${e.saved ? `，已保存 ${e.code}` : ''}`,
      ]),
    )
    const book = await Workbook.open(path)
    try {
      const heads = []
      for await (const piece of readTemplate(book)) if ('sheet' in piece) heads.push(piece.sheet)
      for (const sheet of book.sheets) {
        const head = heads.find(h => h.name === sheet.name)
        if (!head || sheet.hidden) continue
        const width = head.width
        const above = head.top + head.rows - 1
        const top: string[][] = Array.from({ length: above }, () => Array<string>(width + 1).fill(''))
        top[above - 1]![width] = reportColumn
        for await (const row of book.rows(sheet)) {
          if (row.line > above) break
          for (const [c, cell] of row.cells.slice(0, width).entries()) top[row.line - 1]![c] = typeof cell === 'string' ? cell : cell.lossy
        }
        const merges = (await book.merges(sheet, Number.MAX_SAFE_INTEGER))
          .filter(m => m.right < width)
          .map(m => ({ top: m.top - 1, left: m.left, bottom: m.bottom - 1, right: m.right }))
        async function* rows() {
          let line = above
          for await (const row of book.rows(sheet)) {
            if (row.line <= above) continue
            while (++line < row.line) yield { cells: [] }
            const key = `${sheet.name} ${row.line}`
            const about = said.get(key)
            const cells: unknown[] = row.cells.slice(0, width).map(cell => (typeof cell === 'string' ? cell : cell.lossy))
            cells[width] = [results.get(key), ...(about?.words ?? [])].filter(Boolean).join('\n')
            const marked = new Set<number>()
            for (const name of about?.cells ?? []) marked.add(columnOf(name))
            if (about?.words.some(w => w.startsWith('【错误】'))) marked.add(width)
            yield { cells, marked }
          }
        }
        yield {
          name: sheet.name,
          head: top,
          types: Array<string>(width + 1).fill('C'),
          widths: [...Array<number>(width).fill(16), 60],
          framed: true,
          rows: rows(),
          merges,
        }
      }
    } finally {
      book.close()
    }
  }
  return workbook(sheets())
}
const columnOf = (cell: string): number => {
  let n = 0
  for (const c of cell) if (c >= 'A' && c <= 'Z') n = n * 26 + c.charCodeAt(0) - 64
  return n - 1
}

/** A bulk edit as a table: entry, what became of it, why not. */
export function bulkReport(ctx: StaffContext, run: RunRecord, label: Record<string, string>): AsyncGenerator<Uint8Array> {
  async function* rows() {
    const { rows: entries } = await sql<{
      code: string
      title: string
      outcome: string
      saved: boolean
      case_no: string | null
      words: string | null
      fault: boolean
    }>`
      select e.code, e.title, e.outcome, e.saved, e.case_no, e.outcome = 'fault' as fault,
        (select string_agg(t.message || coalesce(t.remedy, ''), E'\n' order by t.seq) from catalog.run_note t where t.run_id = e.run_id and t.n = e.n) as words
      from catalog.run_entry e where e.run_id = ${run.id} order by e.n`.execute(ctx.db)
    for (const e of entries)
      yield {
        cells: [e.code, e.title, `${label[e.outcome]}${e.saved ? '，已保存' : ''}`, e.case_no ?? '', e.words ?? ''],
        ...(e.fault && { marked: new Set([2, 4]) }),
      }
  }
  const head = [['代码', '名称', '结果', '审核办件', '说明']]
  return workbook([{ name: '批量修改', head, types: head[0]!.map(() => 'C'), widths: [28, 36, 18, 20, 80], framed: true, rows: rows() }])
}
