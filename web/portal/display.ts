import { useSyncExternalStore } from 'react'

// The cookie is read before the first paint by public/display.js; here it is changed.
const sizes = ['normal', 'large', 'huge'] as const
export type Size = (typeof sizes)[number]
export const nextSize: Record<Size, { size: Size; label: string }> = {
  normal: { size: 'large', label: '大字' },
  large: { size: 'huge', label: '特大字' },
  huge: { size: 'normal', label: '标准字' },
}

const root = () => document.documentElement
const now = () => `${root().getAttribute('data-size') ?? 'normal'}.${root().getAttribute('data-contrast') ?? 'plain'}`
const listeners = new Set<() => void>()

function keep(size: Size, high: boolean) {
  if (size === 'normal') root().removeAttribute('data-size')
  else root().setAttribute('data-size', size)
  if (high) root().setAttribute('data-contrast', 'high')
  else root().removeAttribute('data-contrast')
  // biome-ignore lint/suspicious/noDocumentCookie: cookieStore is missing in Chromium 90 on plain http
  document.cookie = `ht_display=${size}.${high ? 'high' : 'plain'}; path=/; max-age=31536000; samesite=lax`
  for (const tell of listeners) tell()
}

export function useDisplay() {
  const text = useSyncExternalStore(tell => {
    listeners.add(tell)
    return () => listeners.delete(tell)
  }, now)
  const [size, contrast] = text.split('.') as [Size, string]
  const high = contrast === 'high'
  return { size, high, setSize: (to: Size) => keep(to, high), setHigh: (to: boolean) => keep(size, to) }
}
