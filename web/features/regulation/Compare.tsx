import type { Reply } from '../../../contract/endpoint.ts'
import { compare } from '../../../contract/regulation.ts'
import { A } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { useSession } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { longDay } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { CiteCell, LawTabs, RegionChoice } from './parts.tsx'

type Side = Reply<typeof compare>['groups'][number]['rows'][number]['a']

export function ComparePlaces() {
  const { region } = useSession()
  const filters = useFilters({ a: region.code, b: '', show: 'different' })
  const { a, b, show } = filters.value
  return (
    <Page title="两地比较" sub={<span>由两地在用的规定逐项生成；不同的标出来，各附依据。</span>}>
      <LawTabs here="compare" />
      <div className="filters">
        <RegionChoice label="甲地" value={a} choose={code => filters.set({ a: code })} />
        <RegionChoice label="乙地" value={b} choose={code => filters.set({ b: code })} />
        <nav className="chips" aria-label="显示">
          {(
            [
              ['different', '只看不同'],
              ['all', '全部'],
            ] as const
          ).map(([key, label]) => (
            <A key={key} href={filters.address({ show: key })} aria-current={show === key ? 'page' : undefined}>
              <Mark hue={show === key ? 'blue' : 'grey'}>{label}</Mark>
            </A>
          ))}
        </nav>
      </div>
      {a && b ? <Table a={a} b={b} all={show === 'all'} /> : <Nothing>选择乙地，就可以逐项比较。</Nothing>}
    </Page>
  )
}

function Table({ a, b, all }: { a: string; b: string; all: boolean }) {
  const load = useRead(compare, { query: { a, b } })
  return (
    <Loaded load={load}>
      {table => (
        <div className="stack">
          <p className="ht-ink2">
            {longDay(table.day)}的规则：共 {table.groups.flatMap(g => g.rows).length} 项，其中 {table.differences} 项不同。
          </p>
          {table.groups.map(group => {
            const rows = all ? group.rows : group.rows.filter(row => !row.same)
            if (!rows.length) return null
            return (
              <Sheet key={group.key} title={group.label} note={`${group.rows.filter(row => !row.same).length} 项不同`}>
                <DataTable
                  name={`${group.label}的比较`}
                  rows={rows}
                  rowKey={row => row.key}
                  on={row => all && !row.same}
                  columns={[
                    {
                      title: '参数',
                      head: true,
                      cell: row => (
                        <>
                          {row.label}
                          {all && !row.same && (
                            <div>
                              <Mark hue="yellow" shape="≠">
                                不同
                              </Mark>
                            </div>
                          )}
                        </>
                      ),
                    },
                    { title: table.a.name, cell: row => <SideCell of={row.a} /> },
                    { title: table.b.name, cell: row => <SideCell of={row.b} /> },
                  ]}
                />
              </Sheet>
            )
          })}
        </div>
      )}
    </Loaded>
  )
}

function SideCell({ of }: { of: Side }) {
  if (of.origin === 'none' && !of.words.length) return <span className="ht-ink3">没有规定</span>
  return (
    <>
      {of.words.length > 0 ? (
        of.words.map(w => (
          <div key={w.label + w.value}>
            {w.label && <span className="ht-ink2">{w.label}　</span>}
            {w.value}
          </div>
        ))
      ) : (
        <div>{of.cite?.text}</div>
      )}
      {of.cite && (
        <div className="ht-meta">
          <CiteCell cite={of.cite} inherited={of.inherited} />
          {of.also && (
            <>
              {' '}
              · 另见 <CiteCell cite={of.also} />
            </>
          )}
        </div>
      )}
      <div className="row">
        {of.inherited && <Mark hue="violet">继承自{of.inherited}</Mark>}
        {of.origin === 'platform' && <Mark hue="violet">平台约定</Mark>}
        {of.label && <Mark hue="violet">{of.label}</Mark>}
      </div>
    </>
  )
}
