import { useRouter } from '@tanstack/react-router'
import type { AnchorHTMLAttributes } from 'react'

export const base = '/workbench'

/** A link whose address comes from the server (`/workbench/cases/…`), or is built from strings. Stays a real link: middle click works. */
export function A({ href, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const { history } = useRouter()
  const inside = href.startsWith(base)
  return (
    <a
      href={href}
      onClick={event => {
        onClick?.(event)
        if (!inside || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)
          return
        event.preventDefault()
        history.push(href)
      }}
      {...rest}
    />
  )
}

/** `at('/catalog', { q: '低保' })` → `/workbench/catalog?q=低保`; empty values are left out. */
export function at(path: string, search: Record<string, string | number | boolean | null | undefined> = {}) {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(search))
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value))
  const text = query.toString()
  return `${base}${path === '/' ? '' : path}${text && `?${text}`}` || base
}
