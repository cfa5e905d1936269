import { call } from '../app/api.ts'
import { dayOf } from '../ui/format.ts'
import { type DatasetRow, searchOpen } from './contract.ts'

type Cell = string | number | null | undefined

/** Spreadsheets run cells that begin with these; an apostrophe in front makes them text. Numbers stay numbers. */
function cell(value: Cell) {
  if (typeof value === 'number') return String(value)
  const text = value ?? ''
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** With a byte order mark, or Excel reads Chinese as GBK. */
export const csv = (rows: Cell[][]) => `\ufeff${rows.map(row => row.map(cell).join(',')).join('\r\n')}\r\n`

export const save = (name: string, text: string) => keep(name, new Blob([text], { type: 'text/csv;charset=utf-8' }))

/** Gives the browser a file to keep. */
export function keep(name: string, content: Blob) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(content)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

/** Every data set a search finds, page after page, as a table of what each one is. */
export async function saveList(name: string, query: Record<string, string | undefined>) {
  const rows: DatasetRow[] = []
  let after: string | undefined
  do {
    const page = await call(searchOpen, { query: { ...query, after, limit: 200 } as never })
    rows.push(...page.rows)
    after = page.next ?? undefined
  } while (after)
  const head = ['代码', '名称', '提供部门', '地区', '主题', '开放类型', '更新周期', '更新日期', '行数', '格式', '下载次数', '地址']
  const body = rows.map(row => [
    row.code,
    row.title,
    row.department,
    row.regionName,
    row.theme,
    row.openLabel,
    row.updateCycle,
    row.updated ? dayOf(row.updated) : '',
    row.rows,
    row.formats.join(' '),
    row.downloads,
    `${location.origin}/dataset/${row.code.replaceAll('/', '-')}`,
  ])
  save(`${name}-${dayOf(new Date())}.csv`, csv([head, ...body]))
  return rows.length
}
