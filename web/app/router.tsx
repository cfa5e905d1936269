import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  parseSearchWith,
  stringifySearchWith,
} from '@tanstack/react-router'
import { Page } from '../ui/Page.tsx'
import { Bones, ProblemNote } from '../ui/states.tsx'
import { Frame } from './Frame.tsx'
import { A, at, base } from './link.tsx'

const root = createRootRoute({
  component: () => (
    <Frame>
      <Outlet />
    </Frame>
  ),
  notFoundComponent: () => (
    <Page title="没有这个页面">
      <p>
        地址可能抄错了，或页面已经移走。<A href={at('/')}>回到待办</A>
      </p>
    </Page>
  ),
})

type Load = () => Promise<Record<string, any>>
/** One page: its address and the file that arrives when somebody goes there. */
const page = <const P extends string>(path: P, load: Load, name: string) =>
  createRoute({
    getParentRoute: () => root,
    path,
    component: lazyRouteComponent(load as () => Promise<Record<string, () => React.JSX.Element>>, name),
  })

const procedure = () => import('../features/procedure/pages.tsx')
const catalog = () => import('../features/catalog/pages.tsx')
const editor = () => import('../features/catalog/Editor.tsx')
const aggregation = () => import('../features/aggregation/pages.tsx')
const holdings = () => import('../features/aggregation/Holdings.tsx')
const bases = () => import('../features/bases/pages.tsx')
const quality = () => import('../features/quality/pages.tsx')
const sharing = () => import('../features/sharing/pages.tsx')
const grants = () => import('../features/delivery/pages.tsx')
const opening = () => import('../features/opening/pages.tsx')
const supervision = () => import('../features/supervision/pages.tsx')
const openScope = () => import('../features/opening/Scope.tsx')
const audit = () => import('../features/audit/pages.tsx')
const regulation = () => import('../features/regulation/pages.tsx')
const organization = () => import('../features/organization/pages.tsx')

const tree = root.addChildren([
  page('/', procedure, 'Todo'),
  page('/messages', procedure, 'Messages'),
  page('/cases', procedure, 'Cases'),
  page('/cases/new', () => import('../features/procedure/Start.tsx'), 'StartPage'),
  page('/duties', () => import('../features/procedure/Duties.tsx'), 'Duties'),
  page('/cases/$no', procedure, 'CasePage'),
  page('/cases/$no/print', procedure, 'CasePrint'),
  page('/catalog', catalog, 'Catalog'),
  page('/catalog/new', editor, 'NewEntry'),
  page('/catalog/import', () => import('../features/catalog/Runs.tsx'), 'ImportPage'),
  page('/catalog/runs/$id', () => import('../features/catalog/Runs.tsx'), 'RunPage'),
  page('/catalog/care', () => import('../features/catalog/Care.tsx'), 'Care'),
  page('/catalog/duplicates', () => import('../features/catalog/Duplicates.tsx'), 'Duplicates'),
  page('/catalog/$code', catalog, 'Entry'),
  page('/catalog/$code/edit', editor, 'EditEntry'),
  page('/catalog/$code/compare', catalog, 'Compare'),
  page('/catalog/$code/record', () => import('../features/aggregation/History.tsx'), 'RecordHistory'),
  page('/catalog/from-database', () => import('../features/aggregation/FromDatabase.tsx'), 'FromDatabase'),
  page('/sources', aggregation, 'Sources'),
  page('/sources/new', () => import('../features/aggregation/Wizard.tsx'), 'NewSource'),
  page('/sources/$id', aggregation, 'Source'),
  page('/pipelines', () => import('../features/aggregation/Pipelines.tsx'), 'Pipelines'),
  page('/agents', () => import('../features/aggregation/Agents.tsx'), 'Agents'),
  page('/coverage', holdings, 'Coverage'),
  page('/databases', bases, 'Databases'),
  page('/databases/$id', bases, 'DatabasePage'),
  page('/databases/$id/edit', () => import('../features/bases/Plan.tsx'), 'PlanPage'),
  page('/databases/$id/record', bases, 'RecordPage'),
  page('/databases/$id/conflicts', bases, 'Conflicts'),
  page('/quality', quality, 'Quality'),
  page('/quality/cases', quality, 'Board'),
  page('/quality/entries', quality, 'EntryScores'),
  page('/quality/entries/$code', () => import('../features/quality/Rules.tsx'), 'RulesPage'),
  page('/quality/tickets', quality, 'Tickets'),
  page('/quality/corrections', quality, 'Corrections'),
  page('/batches', aggregation, 'Batches'),
  page('/batches/$id', aggregation, 'Batch'),
  page('/sharing', sharing, 'Find'),
  page('/sharing/apply', sharing, 'Apply'),
  page('/sharing/bases', () => import('../features/sharing/Bases.tsx'), 'BaseInterfaces'),
  page('/sharing/applications', procedure, 'Applications'),
  page('/exchanges', () => import('../features/sharing/Exchanges.tsx'), 'Exchanges'),
  page('/matters', () => import('../features/sharing/Matters.tsx'), 'Matters'),
  page('/sharing/applications/$no/form', () => import('../features/sharing/DemandForm.tsx'), 'DemandFormPage'),
  page('/supervision', supervision, 'Board'),
  page('/supervision/open-use/$code', supervision, 'OpenUsePage'),
  page('/grants', grants, 'Grants'),
  page('/use-subscriptions', () => import('../features/delivery/UseLogs.tsx'), 'UseLogs'),
  page('/use-records', () => import('../features/delivery/Uses.tsx'), 'Uses'),
  page('/watermarks', () => import('../features/delivery/Tracing.tsx'), 'Tracing'),
  page('/grants/$id', grants, 'GrantPage'),
  page('/grants/$id/agreement', () => import('../features/sharing/Agreement.tsx'), 'AgreementPage'),
  page('/table-pushes', () => import('../features/delivery/Tables.tsx'), 'TablePushes'),
  page('/opening', opening, 'OpenList'),
  page('/opening/coverage', openScope, 'Coverage'),
  page('/opening/lists', openScope, 'Lists'),
  page('/opening/accesses', openScope, 'Accesses'),
  page('/opening/$code', opening, 'GatePage'),
  page('/audit', audit, 'Audit'),
  page('/audit/usage', () => import('../features/audit/Usage.tsx'), 'UsagePage'),
  page('/audit/keeping', () => import('../features/audit/Keeping.tsx'), 'Keeping'),
  page('/audit/$seq', audit, 'RecordPage'),
  page('/regulations', regulation, 'Regulations'),
  page('/regulations/compare', () => import('../features/regulation/Compare.tsx'), 'ComparePlaces'),
  page('/regulations/conformance', () => import('../features/regulation/Conformance.tsx'), 'Conformance'),
  page('/regulations/import', () => import('../features/regulation/Import.tsx'), 'Imports'),
  page('/regulations/import/$id', () => import('../features/regulation/Import.tsx'), 'ImportPage'),
  page('/regulations/$id', regulation, 'RegulationPage'),
  page('/calendar', () => import('../features/regulation/Import.tsx'), 'CalendarPage'),
  page('/organization', organization, 'Organization'),
  page('/me', organization, 'Me'),
  // The address printed at the first start; the form itself stands where the sign-in would.
  page('/setup', organization, 'Me'),
])

export const router = createRouter({
  routeTree: tree,
  basepath: base,
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  defaultPendingMs: 200,
  defaultPendingComponent: () => <Bones />,
  defaultErrorComponent: ({ error, reset }) => <ProblemNote error={error} retry={reset} />,
  scrollRestoration: true,
  // Addresses stay plain text (`?q=低保&share=conditional`), not JSON.
  parseSearch: parseSearchWith(value => value),
  stringifySearch: stringifySearchWith(value => String(value)),
})
