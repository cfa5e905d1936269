import type * as audit from '../../contract/audit.ts'
import type { Endpoint, Reply } from '../../contract/endpoint.ts'
import type * as opening from '../../contract/opening.ts'
import type * as procedure from '../../contract/procedure.ts'
import type * as quality from '../../contract/quality.ts'
import type * as regulation from '../../contract/regulation.ts'

// Only the types of the contract come here: its schemas would bring 32 kB of zod to every phone. contract.test.ts compares the paths.
const get = <E extends Endpoint>(path: string) => ({ method: 'GET', path }) as E
const post = <E extends Endpoint>(path: string) => ({ method: 'POST', path }) as E

export const site = get<typeof opening.site>('/open/site')
export const home = get<typeof opening.home>('/open/home')
export const searchOpen = get<typeof opening.searchOpen>('/open/datasets')
export const dataset = get<typeof opening.dataset>('/open/datasets/:code')
export const publicMarks = get<typeof quality.publicMarks>('/public/marks/:code')
export const preview = get<typeof opening.preview>('/open/datasets/:code/preview')
export const regulations = get<typeof regulation.regulations>('/regulations')
export const compare = get<typeof regulation.compare>('/compare')
export const regulationById = get<typeof regulation.regulation>('/regulations/:id')
export const restricted = get<typeof opening.restricted>('/open/restricted')
export const lists = get<typeof opening.lists>('/open/lists')
export const plans = get<typeof opening.plans>('/open/plans')
export const offices = get<typeof opening.offices>('/open/offices')
export const conductNotices = get<typeof opening.conductNotices>('/open/notices')
export const status = get<typeof opening.status>('/open/status')
export const myAccess = post<typeof opening.myAccess>('/open/access/:no')
export const accessKey = post<typeof opening.accessKey>('/open/access/:no/key')
export const reportUse = post<typeof opening.reportUse>('/open/access/:no/reports')
export const ledgerHead = get<typeof audit.ledgerHead>('/audit/head')
export const publicStartable = get<typeof procedure.publicStartable>('/public/procedures')
export const publicStart = post<typeof procedure.publicStart>('/public/cases')
export const publicCase = get<typeof procedure.publicCase>('/public/cases/:no')
export const publicAct = post<typeof procedure.publicAct>('/public/cases/:no/actions/:action')

export type Startable = Reply<typeof publicStartable>[number]
export type Asked = Startable['fields'][number]
export type PublicCase = Reply<typeof publicCase>
export type Site = Reply<typeof site>
export type Dataset = Reply<typeof dataset>
export type DatasetRow = Reply<typeof searchOpen>['rows'][number]
export type Preview = Reply<typeof preview>
export type RegulationDetail = Reply<typeof regulationById>
export type Comparison = Reply<typeof compare>
