import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { queryClient, reading } from '../app/query.ts'
import { Bones } from '../ui/states.tsx'
import { dataset, home, regulationById, regulations } from './contract.ts'
import { Broken, NotFound } from './NotFound.tsx'
import { Shell } from './Shell.tsx'

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound })

type Read = Parameters<typeof queryClient.prefetchQuery>[0]
type Pages = () => Promise<Record<string, any>>

/** One page: its address, the file that arrives when somebody goes there, and what it reads meanwhile. A failed read is told by the page. */
const page = (path: string, load: Pages, name: string, reads?: (params: any) => Read[]) =>
  createRoute({
    getParentRoute: () => root,
    path,
    component: lazyRouteComponent(load as () => Promise<Record<string, () => React.JSX.Element>>, name),
    loader: async ({ params }) => {
      await Promise.all((reads?.(params) ?? []).map(read => queryClient.prefetchQuery(read)))
    },
  })

const read = (...all: unknown[]) => all as Read[]
const api = () => import('./Api.tsx')
const law = () => import('./Regulations.tsx')
const help = () => import('./Help.tsx')
const ask = () => import('./Ask.tsx')
const filed = () => import('./Case.tsx')
const told = () => import('./Public.tsx')

export const router = createRouter({
  routeTree: root.addChildren([
    page(
      '/',
      () => import('./Home.tsx'),
      'Home',
      () => read(reading(home)),
    ),
    page('/search', () => import('./Search.tsx'), 'Search'),
    page(
      '/dataset/$code',
      () => import('./Dataset.tsx'),
      'DatasetPage',
      // Not the preview: rows that leave are recorded, and pointing at a link is not reading.
      params => read(reading(dataset, { params })),
    ),
    page('/apis', api, 'Apis'),
    page('/apis/$code', api, 'Api', params => read(reading(dataset, { params }))),
    page('/dataset/$code/ask/$procedure', ask, 'AskAbout'),
    page('/service', ask, 'Service'),
    page('/ask/$region/$procedure', ask, 'AskPage'),
    page('/case', filed, 'CaseLookup'),
    page('/case/$no', filed, 'CasePage'),
    page('/open-list', () => import('./OpenList.tsx'), 'OpenList'),
    page('/open-list/restricted', told, 'Restricted'),
    page('/open-list/departments', told, 'DepartmentLists'),
    page('/open-list/plans', told, 'Plans'),
    page('/notices', told, 'Notices'),
    page('/status', told, 'Status'),
    page('/regulations', law, 'Regulations', () => read(reading(regulations))),
    page(
      '/regulations/compare',
      () => import('./Compare.tsx'),
      'Compare',
      () => read(reading(regulations)),
    ),
    page('/regulations/$id', law, 'Regulation', params => read(reading(regulationById, { params }))),
    page('/verify', () => import('./Verify.tsx'), 'Verify'),
    page('/help', help, 'Help'),
    page('/help/errors', () => import('./HelpErrors.tsx'), 'HelpErrors'),
    page('/accessibility', help, 'Accessibility'),
  ]),
  defaultPreload: 'intent',
  defaultPreloadDelay: 50,
  defaultPreloadStaleTime: 0,
  defaultPendingMs: 200,
  defaultPendingMinMs: 0,
  defaultPendingComponent: () => <Bones lines={8} />,
  defaultErrorComponent: Broken,
  scrollRestoration: true,
  // Plain `?q=停车&theme=交通`, as people would write it themselves.
  parseSearch: text => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: search => {
    const query = new URLSearchParams(Object.entries(search).filter(([, value]) => value !== undefined && value !== ''))
    const text = query.toString()
    return text && `?${text}`
  },
})
