import { type ReactNode, useCallback, useEffect, useId, useLayoutEffect, useRef, useState } from 'react'
import type { Cite } from '../../contract/common.ts'
import { Mark } from './Light.tsx'

/** A small pop-up opened by click or Enter, closed by Esc or a click elsewhere. Focus stays where it was. */
export function Pop({ label, name, children }: { label: ReactNode; name?: string; children: ReactNode }) {
  const [open, setOpen] = useState(false)
  const [place, setPlace] = useState<{ left: number; top: number }>({ left: 0, top: 0 })
  const root = useRef<HTMLSpanElement>(null)
  const sheet = useRef<HTMLDivElement>(null)
  const id = useId()
  const shut = useCallback(() => setOpen(false), [])

  useLayoutEffect(() => {
    if (!open || !root.current || !sheet.current) return
    const anchor = root.current.getBoundingClientRect()
    const { offsetWidth, offsetHeight } = sheet.current
    const below = anchor.bottom + 6 + offsetHeight < innerHeight
    setPlace({
      left: Math.max(12, Math.min(anchor.left, innerWidth - offsetWidth - 12)),
      top: below ? anchor.bottom + 6 : Math.max(12, anchor.top - offsetHeight - 6),
    })
  }, [open])

  useEffect(() => {
    if (!open) return
    const outside = (event: Event) => !root.current?.contains(event.target as Node) && shut()
    const key = (event: KeyboardEvent) => event.key === 'Escape' && shut()
    // A scroll that moves the anchor away shuts it; the last pixels of the one that brought it into view do not.
    const top = root.current?.getBoundingClientRect().top ?? 0
    const scrolled = () => Math.abs((root.current?.getBoundingClientRect().top ?? top) - top) > 8 && shut()
    document.addEventListener('mousedown', outside)
    document.addEventListener('keydown', key)
    document.addEventListener('scroll', scrolled, true)
    return () => {
      document.removeEventListener('mousedown', outside)
      document.removeEventListener('keydown', key)
      document.removeEventListener('scroll', scrolled, true)
    }
  }, [open, shut])

  return (
    <span className="ht-why" ref={root}>
      <button type="button" aria-expanded={open} aria-controls={open ? id : undefined} aria-label={name} onClick={() => setOpen(!open)}>
        {label}
      </button>
      {open && (
        <div className="ht-pop" id={id} role="note" ref={sheet} style={place}>
          {children}
        </div>
      )}
    </span>
  )
}

const info = (
  <svg viewBox="0 0 16 16" width="15" height="15" fill="none" strokeWidth="1.4" strokeLinecap="round" aria-hidden="true">
    <circle cx="8" cy="8" r="6.3" />
    <path d="M8 7.4v3.8M8 4.9v.1" strokeWidth="1.7" />
  </svg>
)

/** 某县办法 第十六条 */
export const citeWords = (cite: Cite) => (cite.regulation === 'platform' ? '平台约定' : `${cite.title} ${cite.article}`)

/**
 * 「为什么」: the rule in one sentence of ours, regulation and article, and where it is inherited from.
 * What the product set itself is called 平台约定, so that nobody takes it for law.
 */
export function Why({
  cite,
  inherited,
  text,
  link,
  children,
}: {
  cite?: Cite | null
  inherited?: string | null
  text?: string
  link?: string
  children?: ReactNode
}) {
  if (!cite && !children && !text) return null
  return (
    <Pop label={text ?? info} name={text ? undefined : `为什么${cite ? `：${citeWords(cite)}` : ''}`}>
      {children}
      {cite && (
        <>
          <p>{cite.text}</p>
          <p className="ht-ink2">
            {cite.regulation === 'platform' ? (
              <Mark hue="violet">平台约定，非法定</Mark>
            ) : (
              <>
                依据 {cite.title} {cite.article}
              </>
            )}
          </p>
          {inherited && (
            <p>
              <Mark hue="violet">继承自{inherited}</Mark> <span className="ht-ink2">本地规定没有写，按上级规定办。</span>
            </p>
          )}
          {link && (
            <p>
              <a href={link}>查看这部法规</a>
            </p>
          )}
        </>
      )}
    </Pop>
  )
}
