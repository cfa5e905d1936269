import { Pager } from '../ui/DataTable.tsx'
import { A } from './link.tsx'

type Page = { rows: readonly unknown[]; total: number; next: string | null }
type Filters = { value: { after?: string }; address: (change: { after: string | undefined }) => string }

/** The foot of a list whose filters live in its address; nothing before the first reply. */
export function ListPager({ of: page, filters }: { of: Page | undefined; filters: Filters }) {
  if (!page) return null
  return (
    <Pager
      total={page.total}
      shown={page.rows.length}
      after={filters.value.after}
      next={page.next}
      link={(after, label) => <A href={filters.address({ after })}>{label}</A>}
    />
  )
}
