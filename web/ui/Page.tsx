import { type ReactNode, useEffect, useRef } from 'react'

/** Head of a page: its one h1 (which takes the focus on navigation), what it is under it, what may be done beside it. */
export function Page({
  title,
  mark,
  crumb,
  sub,
  acts,
  name,
  children,
}: {
  title: string
  mark?: ReactNode
  crumb?: ReactNode
  sub?: ReactNode
  acts?: ReactNode
  name?: string
  children: ReactNode
}) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${name ?? title} · 汇通`
  }, [name, title])
  // biome-ignore lint/correctness/useExhaustiveDependencies: another title is another page
  useEffect(() => {
    if (arrived) heading.current?.focus({ preventScroll: true })
    arrived = true
  }, [title])
  return (
    <>
      {crumb && <div className="crumb">{crumb}</div>}
      <div className="head">
        <div className="title">
          <h1 ref={heading} tabIndex={-1}>
            {title}
            {mark}
          </h1>
          {sub && <div className="sub">{sub}</div>}
        </div>
        {acts && <div className="acts">{acts}</div>}
      </div>
      {children}
    </>
  )
}
/** The first page of a visit leaves the focus to the browser. */
let arrived = false

export function Sheet({
  title,
  note,
  acts,
  children,
  id,
}: {
  title?: ReactNode
  note?: ReactNode
  acts?: ReactNode
  children: ReactNode
  id?: string
}) {
  return (
    <section className="sheet" id={id}>
      {title && (
        <h2>
          {title}
          {note && <small>{note}</small>}
          {acts && <span className="row push">{acts}</span>}
        </h2>
      )}
      {children}
    </section>
  )
}

export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className="ht-facts">
      {of.map(([term, value]) => (
        <div key={term} style={{ display: 'contents' }}>
          <dt>{term}</dt>
          <dd>{value ?? '—'}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Steps of a wizard or a case: an ordered list with the current one named, never pictures. */
export function Steps({
  of,
  label,
  wide = false,
}: {
  of: { name: ReactNode; note?: ReactNode; state: 'done' | 'now' | 'later' }[]
  label: string
  /** Notes under the names, the whole width used. */
  wide?: boolean
}) {
  return (
    <ol className={wide ? 'steps wide' : 'steps'} aria-label={label}>
      {of.map((step, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: steps have no other identity and never move
        <li key={index} className={step.state} aria-current={step.state === 'now' ? 'step' : undefined}>
          <span className="dot">{step.state === 'done' ? '✓' : index + 1}</span>
          <span className="name">
            {step.name}
            {step.note && <small>{step.note}</small>}
          </span>
        </li>
      ))}
    </ol>
  )
}
