import type { Endpoint, Reply } from '../../contract/endpoint.ts'
import type * as opening from '../../contract/opening.ts'
import type * as regulation from '../../contract/regulation.ts'

// Only the types of the contract come here: its schemas would bring 32 kB of zod to every phone. contract.test.ts compares the paths.
const get = <E extends Endpoint>(path: string) => ({ method: 'GET', path }) as E

export const site = get<typeof opening.site>('/open/site')
export const home = get<typeof opening.home>('/open/home')
export const searchOpen = get<typeof opening.searchOpen>('/open/datasets')
export const dataset = get<typeof opening.dataset>('/open/datasets/:code')
export const preview = get<typeof opening.preview>('/open/datasets/:code/preview')
export const regulations = get<typeof regulation.regulations>('/regulations')
export const regulationById = get<typeof regulation.regulation>('/regulations/:id')

export type Site = Reply<typeof site>
export type Dataset = Reply<typeof dataset>
export type DatasetRow = Reply<typeof searchOpen>['rows'][number]
export type Preview = Reply<typeof preview>
export type RegulationDetail = Reply<typeof regulationById>
