import { Link, useLocation, useNavigate } from '@tanstack/react-router'
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { codeInUrl, dayOf, longDay, number } from '../ui/format.ts'
import { ShareClass } from '../ui/ShareClass.tsx'
import type { DatasetRow } from './contract.ts'

/** The first page of a visit leaves the focus to the browser; every later one puts it on its h1. */
let arrived = false

/** The one h1 of a page. `area` is the column of the site it stands in, for the title of the window. */
export function Title({ children, area, name }: { children: ReactNode; area?: string; name?: string }) {
  const heading = useRef<HTMLHeadingElement>(null)
  const text = name ?? (typeof children === 'string' ? children : '')
  useEffect(() => {
    document.title = [text, area, '汇通'].filter(Boolean).join(' · ')
  }, [text, area])
  useEffect(() => {
    if (arrived && !location.hash) heading.current?.focus({ preventScroll: true })
    arrived = true
  }, [])
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  )
}

/**
 * Shows the place the address points to: `/dataset/…#item-泊位数`, `/help/errors#request.invalid`. The browser does this alone only for pages
 * that were there before it looked.
 */
export function usePlace() {
  const { hash } = useLocation()
  useEffect(() => {
    // `aggregation.source_refused` is explained together with its like, under `aggregation.source_*`.
    const families = [...hash.matchAll(/[._]/g)].map(({ index }) => `${hash.slice(0, index + 1)}*`).reverse()
    const place = hash ? [hash, ...families].map(id => document.getElementById(id)).find(Boolean) : null
    if (!place) return
    place.dataset.here = ''
    place.tabIndex = -1
    place.focus({ preventScroll: true })
    place.scrollIntoView()
    return () => {
      delete place.dataset.here
    }
  }, [hash])
}

/** A part of a page: its name in the margin, as on a finding aid. */
export function Part({
  id,
  title,
  note,
  children,
  wide,
}: {
  id?: string
  title: string
  note?: ReactNode
  children: ReactNode
  wide?: boolean
}) {
  return (
    <section className={wide ? 'part wide' : 'part'} id={id} aria-labelledby={id && `${id}-name`}>
      <header>
        <h2 id={id && `${id}-name`}>{title}</h2>
        {note && <p className="note">{note}</p>}
      </header>
      <div className="body">{children}</div>
    </section>
  )
}

export function SearchBox({
  q = '',
  regions,
  region = '',
  label = '找数据',
}: {
  q?: string
  regions?: { code: string; name: string }[]
  region?: string
  label?: string
}) {
  const navigate = useNavigate()
  const id = useId()
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    navigate({ to: '/search', search: Object.fromEntries([...form].filter(([, value]) => value)) as never })
  }
  return (
    <search>
      <form className="ask" action="/search" onSubmit={submit}>
        {regions && (
          <>
            <label className="ht-hide" htmlFor={`${id}r`}>
              地区
            </label>
            <select id={`${id}r`} name="region" defaultValue={region}>
              <option value="">全部地区</option>
              {regions.map(one => (
                <option key={one.code} value={one.code}>
                  {one.name}
                </option>
              ))}
            </select>
          </>
        )}
        <label className="ht-hide" htmlFor={`${id}q`}>
          {label}
        </label>
        <input
          id={`${id}q`}
          type="search"
          name="q"
          defaultValue={q}
          placeholder="数据名称、信息项或部门"
          autoComplete="off"
          maxLength={100}
        />
        <button type="submit" className="ht-btn solid">
          搜索
        </button>
      </form>
    </search>
  )
}

/** A list of names with counts, led by dots: themes, regions. */
export function Index({ of }: { of: { name: string; count: number; search: Record<string, string> }[] }) {
  return (
    <ul className="index">
      {of.map(({ name, count, search }) => (
        <li key={name}>
          <Link to="/search" search={search as never}>
            {name}
          </Link>
          <i aria-hidden="true" />
          <span className="ht-num">{number(count)}</span>
        </li>
      ))}
    </ul>
  )
}

/** 9月21日, with the year when it is not this one. */
export function shortDay(instant: string) {
  const day = dayOf(instant)
  return day.slice(0, 4) === dayOf(new Date()).slice(0, 4) ? longDay(day).slice(5) : longDay(day)
}

/** When the data came and whether that keeps the promise of the update cycle: shape and words, not colour alone. */
export function Fresh({ row }: { row: Pick<DatasetRow, 'updated' | 'fresh'> }) {
  if (!row.updated) return <span>尚未更新</span>
  const when = `${shortDay(row.updated)}更新`
  if (row.fresh === null) return <span>{when}</span>
  return row.fresh ? <span className="fresh">● {when}，期限内</span> : <span className="fresh late">■ {when}，已超更新周期</span>
}

export const DatasetLink = ({ row, hash, children }: { row: Pick<DatasetRow, 'code' | 'title'>; hash?: string; children?: ReactNode }) => (
  <Link to="/dataset/$code" params={{ code: codeInUrl(row.code) } as never} hash={hash}>
    {children ?? row.title}
  </Link>
)

export const OpenMark = ({ row }: { row: Pick<DatasetRow, 'openClass' | 'openLabel'> }) => (
  <ShareClass value={{ open: 'unconditional', conditional: 'conditional', closed: 'denied' }[row.openClass]} label={row.openLabel} />
)

export function Dots({ of }: { of: ReactNode[] }) {
  return (
    <ul className="dots">
      {of.filter(Boolean).map((one, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a fixed line of facts
        <li key={at}>{one}</li>
      ))}
    </ul>
  )
}

export function Copy({ text, what }: { text: string; what: string }) {
  const [told, tell] = useState('')
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
    } catch {
      // Clipboard access needs https; many office networks have none.
      const area = Object.assign(document.createElement('textarea'), { value: text })
      document.body.append(area)
      area.select()
      document.execCommand('copy')
      area.remove()
    }
    tell('已复制')
    setTimeout(() => tell(''), 3000)
  }
  return (
    <span className="copy">
      <button type="button" className="ht-link" onClick={copy}>
        复制<span className="ht-hide">{what}</span>
      </button>{' '}
      <span role="status">{told}</span>
    </span>
  )
}

/** Text for programs; scrolls inside its own named region. */
export function Code({ label, tall, children }: { label: string; tall?: boolean; children: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section className={tall ? 'code tall' : 'code'} aria-label={label} tabIndex={0}>
      <pre>{children}</pre>
    </section>
  )
}
