import { useRouter, useRouterState } from '@tanstack/react-router'
import { useMemo } from 'react'

/**
 * The filters of a list live in its address. `useFilters({ scope: 'all' })` gives the current values with the defaults filled in, and a setter that
 * writes the address (defaults left out; another filter starts again at the first page).
 */
export function useFilters<T extends Record<string, string>>(defaults: T) {
  const { history } = useRouter()
  const location = useRouterState({ select: state => state.location })
  const given = useMemo(() => Object.fromEntries(new URLSearchParams(location.searchStr)), [location.searchStr])
  const value = { ...defaults, ...given } as T & { after?: string }

  const address = (change: Partial<Record<keyof T | 'after', string | undefined>>) => {
    const next: Record<string, string | undefined> = { ...given, after: undefined, ...change }
    const query = new URLSearchParams()
    for (const [name, one] of Object.entries(next)) if (one && one !== defaults[name]) query.set(name, one)
    const text = query.toString()
    return `${history.location.pathname}${text && `?${text}`}`
  }
  return {
    value,
    address,
    set: (change: Partial<Record<keyof T | 'after', string | undefined>>) => history.replace(address(change)),
    clear: () => history.replace(history.location.pathname),
    filtered: Object.keys(given).some(name => name !== 'after' && name !== 'tab'),
  }
}
