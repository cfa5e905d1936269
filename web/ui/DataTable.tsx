import type { ReactNode } from 'react'
import { number } from './format.ts'
import { Bones, Nothing, ProblemNote } from './states.tsx'

export type Column<T> = {
  title: string
  cell: (row: T, index: number) => ReactNode
  /** Numbers stand right. */
  right?: boolean
  /** Codes and dates never wrap. */
  keep?: boolean
  /** As wide as its content. */
  narrow?: boolean
  /** The name of the row: a row header, the title of its card on a phone. */
  head?: boolean
  /** Left out of cards. */
  wide?: boolean
}

export type TableProps<T> = {
  name: string
  columns: Column<T>[]
  rows: readonly T[] | undefined
  rowKey: (row: T, index: number) => string | number
  error?: unknown
  retry?: () => void
  since?: number
  /** Words and one action for a list that never had anything. */
  empty?: ReactNode
  /** A filter is set: offer to clear it instead. */
  filtered?: boolean
  clear?: () => void
  /** Wide data tables scroll in a named region instead of becoming cards. */
  scroll?: boolean
  on?: (row: T) => boolean
  bones?: number
  footer?: ReactNode
}

const nothing: ReactNode[] = [null, undefined, false, '', '—']

/** A real table: sticky head, cards at 390 px without lines for what is empty, and words for each state a list can be in. */
export function DataTable<T>({
  name,
  columns,
  rows,
  rowKey,
  error,
  retry,
  since,
  empty,
  filtered,
  clear,
  scroll = false,
  on,
  bones = 6,
  footer,
}: TableProps<T>) {
  return (
    <div className={`ht-table${scroll ? '' : ' cards'}`}>
      {error ? <ProblemNote error={error} retry={retry} since={rows && since} /> : null}
      {rows === undefined && !error && <Bones lines={bones} label={`正在读取${name}`} />}
      {rows?.length === 0 &&
        (filtered ? (
          <Nothing
            action={
              clear && (
                <button type="button" className="ht-btn" onClick={clear}>
                  清空筛选
                </button>
              )
            }
          >
            没有符合条件的{name}。
          </Nothing>
        ) : (
          (empty ?? <Nothing>还没有{name}。</Nothing>)
        ))}
      {rows && rows.length > 0 && (
        <section className={`ht-scroll${scroll ? ' tall' : ''}`} aria-label={name} tabIndex={scroll ? 0 : undefined}>
          <table>
            <thead>
              <tr>
                {columns.map(column => (
                  <th key={column.title} scope="col" className={column.right ? 'right' : undefined}>
                    {column.title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, index) => (
                <tr key={rowKey(row, index)} className={on?.(row) ? 'on' : undefined}>
                  {columns.map(column => {
                    const content = column.cell(row, index)
                    const blank = column.wide || nothing.includes(content)
                    const className = [column.right && 'right', column.keep && 'keep', column.narrow && 'narrow', blank && 'blank']
                      .filter(Boolean)
                      .join(' ')
                    const props = { className: className || undefined, 'data-label': column.title === '操作' ? '' : column.title }
                    return column.head ? (
                      <th key={column.title} scope="row" {...props}>
                        {content}
                      </th>
                    ) : (
                      <td key={column.title} {...props}>
                        <div className="cell">{content}</div>
                      </td>
                    )
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {footer}
    </div>
  )
}

/** Keyset pages: forward, and back to the first. `link` draws a link to the page that starts after a row. */
export function Pager({
  total,
  shown,
  after,
  next,
  link,
}: {
  total: number
  shown: number
  after?: string
  next: string | null
  link: (after: string | undefined, label: string) => ReactNode
}) {
  return (
    <nav className="ht-pager" aria-label="分页">
      <span>
        共 {number(total)} 条{shown < total && `，本页 ${shown} 条`}
      </span>
      {(after || next) && (
        <span className="push">
          {after && link(undefined, '第一页')} {next && link(next, '下一页')}
        </span>
      )}
    </nav>
  )
}
