import { useId, useState } from 'react'

export type Line = { label: string; values: (number | null)[] }

const ink = ['#0F4C5C', '#B85A12', '#5B8DEF', '#7444B4', '#AD8691', '#4C1E01']
const dash = ['', '6 3', '2 3', '8 3 2 3', '1 3', '10 4']
const wide = 720
const high = 220
const box = { left: 34, right: 110, top: 12, bottom: 26 }

const toTheEnd = (scroller: HTMLElement | null) => {
  if (scroller) scroller.scrollLeft = scroller.scrollWidth
}

/**
 * Lines over deliveries or weeks, from 0 to 100 or to `top` (a multiple of four), with the same figures as a table. Lines differ by dash and carry their name at the end, so
 * that no colour has to be told apart.
 */
export function Trend({
  title,
  points,
  lines,
  target,
  source,
  top = 100,
}: {
  title: string
  points: string[]
  lines: Line[]
  target?: { label: string; value: number } | undefined
  source: string
  top?: number
}) {
  const id = useId()
  const [table, setTable] = useState(false)
  if (!points.length) return null
  const x = (i: number) => box.left + (points.length === 1 ? 0.5 : i / (points.length - 1)) * (wide - box.left - box.right)
  const y = (v: number) => box.top + (1 - v / top) * (high - box.top - box.bottom)
  const last = (values: (number | null)[]) => values.findLast(v => v !== null) ?? null
  // Names at the ends keep a line's height apart.
  const ends = lines
    .map((line, i) => ({ i, label: line.label, value: last(line.values) }))
    .filter((e): e is { i: number; label: string; value: number } => e.value !== null)
    .sort((a, b) => b.value - a.value)
  let floor = Number.NEGATIVE_INFINITY
  const placed = ends.map(e => {
    floor = Math.max(y(e.value), floor + 13)
    return { ...e, at: floor }
  })
  // Too many at the bottom push the others up again.
  let ceiling = high - box.bottom
  for (const e of [...placed].reverse()) {
    e.at = Math.min(e.at, ceiling)
    ceiling = e.at - 13
  }
  const said = lines.map(l => `${l.label} ${l.values.map(v => v ?? '未测').join('、')}`).join('；')
  const step = Math.ceil(points.length / 6)
  return (
    <figure style={{ margin: 0 }} aria-labelledby={id}>
      <figcaption id={id} className="row">
        <b>{title}</b>
        <span className="row push">
          <button type="button" className="ht-btn" aria-pressed={!table} onClick={() => setTable(false)}>
            图
          </button>
          <button type="button" className="ht-btn" aria-pressed={table} onClick={() => setTable(true)}>
            表
          </button>
        </span>
      </figcaption>
      {table ? (
        <section className="ht-table" aria-label={`${title}的数值`}>
          <section className="ht-scroll" aria-label={title} tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th scope="col">时间</th>
                  {lines.map(l => (
                    <th key={l.label} scope="col" className="right">
                      {l.label}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {points.map((p, i) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: two deliveries of one minute share their words
                  <tr key={i}>
                    <th scope="row">{p}</th>
                    {lines.map(l => (
                      <td key={l.label} className="right">
                        {l.values[i] ?? '—'}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        </section>
      ) : (
        // Narrower than this the words could not be read: it scrolls, and shows the newest first.
        <section className="ht-scroll" aria-label={`${title}，图`} tabIndex={0} ref={toTheEnd}>
          <svg
            viewBox={`0 0 ${wide} ${high}`}
            role="img"
            aria-label={`${title}。${points[0]} 至 ${points.at(-1)}。${said}`}
            width="100%"
            style={{ minWidth: 560, maxWidth: 900, display: 'block' }}
          >
            {[0, 1, 2, 3, 4]
              .map(n => (n * top) / 4)
              .map(v => (
                <g key={v}>
                  <line x1={box.left} x2={wide - box.right} y1={y(v)} y2={y(v)} stroke="var(--ht-line)" />
                  <text x={box.left - 6} y={y(v) + 4} textAnchor="end" fontSize="11" fill="var(--ht-ink3)">
                    {v}
                  </text>
                </g>
              ))}
            {points.map((p, i) =>
              i % step === 0 ? (
                // biome-ignore lint/suspicious/noArrayIndexKey: as above
                <text key={i} x={x(i)} y={high - 8} textAnchor="middle" fontSize="11" fill="var(--ht-ink3)">
                  {p.slice(5, 10)}
                </text>
              ) : null,
            )}
            {target && (
              <g>
                <line
                  x1={box.left}
                  x2={wide - box.right}
                  y1={y(target.value)}
                  y2={y(target.value)}
                  stroke="var(--ht-red-text)"
                  strokeDasharray="4 4"
                />
                <text x={box.left + 4} y={y(target.value) - 4} fontSize="11" fill="var(--ht-red-text)">
                  {target.label} {target.value}
                </text>
              </g>
            )}
            {lines.map((line, n) => {
              const known = line.values.flatMap((v, i) => (v === null ? [] : [[x(i), y(v)] as const]))
              return (
                <g key={line.label} stroke={ink[n % 6]} fill={ink[n % 6]}>
                  <polyline
                    points={known.map(([a, b]) => `${a},${b}`).join(' ')}
                    fill="none"
                    strokeWidth={n === 0 ? 2.5 : 1.5}
                    strokeDasharray={dash[n % 6]}
                  />
                  {known.map(([a, b]) => (
                    <circle key={a} cx={a} cy={b} r={n === 0 ? 3 : 2} stroke="none" />
                  ))}
                </g>
              )
            })}
            {placed.map(e => (
              <text key={e.i} x={wide - box.right + 8} y={e.at + 4} fontSize="12" fill={ink[e.i % 6]}>
                {e.label} {e.value}
              </text>
            ))}
          </svg>
        </section>
      )}
      <p className="ht-meta">{source}</p>
    </figure>
  )
}
