import { useParams } from '@tanstack/react-router'
import type { Reply } from '../../../contract/endpoint.ts'
import { regulation, regulations } from '../../../contract/regulation.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { longDay } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

type Summary = Reply<typeof regulations>[number]
const hue: Record<Summary['status'], Hue> = {
  'in-force': 'green',
  draft: 'violet',
  expired: 'violet',
  future: 'violet',
  platform: 'violet',
}
const validity = (one: Pick<Summary, 'from' | 'until'>) =>
  one.from ? `${longDay(one.from)}起${one.until ? `，至 ${longDay(one.until)}` : ''}` : '—'

export function Regulations() {
  const load = useRead(regulations)
  return (
    <Page title="法规" sub={<span>平台按这些规定办事；期限、由谁决定、要写什么都从这里来。</span>}>
      <DataTable
        name="法规"
        rows={load.data}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        columns={[
          { title: '名称', head: true, cell: row => <A href={at(`/regulations/${row.id}`)}>{row.title}</A> },
          { title: '文号', cell: row => row.document || '—' },
          { title: '有效期', cell: row => validity(row) },
          { title: '状态', narrow: true, cell: row => <Mark hue={hue[row.status]}>{row.statusLabel}</Mark> },
          {
            title: '适用地区',
            cell: row => row.regions.map(region => `${region.name}${region.note ? `（${region.note}）` : ''}`).join('、') || '—',
          },
        ]}
      />
    </Page>
  )
}

export function RegulationPage() {
  const { id } = useParams({ strict: false }) as { id: string }
  const filters = useFilters({ tab: 'procedures' })
  const { tab } = filters.value
  const load = useRead(regulation, { params: { id } })
  return (
    <Loaded load={load}>
      {one => (
        <Page
          title={one.title}
          crumb={<A href={at('/regulations')}>法规</A>}
          sub={
            <>
              <span>{one.document}</span>
              <Mark hue={hue[one.status]}>{one.statusLabel}</Mark>
              <span>{validity(one)}</span>
              <span>适用：{one.regions.map(region => region.name).join('、') || '—'}</span>
            </>
          }
        >
          <nav className="tabs" aria-label="内容">
            {(
              [
                ['procedures', '办理程序'],
                ['terms', '用语'],
                ['rules', '规则'],
                ['roles', '角色'],
              ] as const
            ).map(([key, label]) => (
              <A key={key} href={filters.address({ tab: key })} aria-current={tab === key ? 'page' : undefined}>
                {label}
              </A>
            ))}
          </nav>
          {tab === 'procedures' && (
            <div className="stack">
              {one.procedures.length === 0 && <Nothing>这部法规没有自己的办理程序，按上级规定或平台约定办。</Nothing>}
              {one.procedures.map(procedure => (
                <Sheet
                  key={procedure.key}
                  title={procedure.label}
                  note={
                    <>
                      {citeWords(procedure.cite)}
                      <Why cite={procedure.cite} />
                    </>
                  }
                >
                  <DataTable
                    name={`${procedure.label}的步骤`}
                    rows={procedure.steps}
                    rowKey={step => step.name}
                    columns={[
                      { title: '步骤', head: true, cell: step => step.label },
                      {
                        title: '由谁',
                        cell: step => step.by.join(step.all ? '、' : ' 或 ') + (step.all && step.by.length > 1 ? '（都要办）' : ''),
                      },
                      { title: '时限', cell: step => step.time || '—' },
                      {
                        title: '可以做',
                        cell: step => (
                          <ul>
                            {step.actions.map(action => (
                              <li key={action.name}>
                                {action.label}
                                {action.to && ` → ${action.to}`}
                                {action.requires && <span className="ht-hint">（要写：{action.requires}）</span>}
                              </li>
                            ))}
                          </ul>
                        ),
                      },
                      {
                        title: '依据',
                        narrow: true,
                        cell: step => (
                          <>
                            {citeWords(step.cite)}
                            <Why cite={step.cite} />
                          </>
                        ),
                      },
                    ]}
                    footer={procedure.ends.length > 0 && <p className="ht-pager">结果：{procedure.ends.join('、')}</p>}
                  />
                </Sheet>
              ))}
            </div>
          )}
          {tab === 'terms' && (
            <DataTable
              name="用语"
              rows={one.terms}
              rowKey={term => term.key}
              columns={[
                { title: '事项', head: true, cell: term => term.label },
                { title: '本地的说法', cell: term => term.values.map(value => value.label).join(' · ') },
                {
                  title: '依据',
                  narrow: true,
                  cell: term =>
                    term.cite ? (
                      <>
                        {citeWords(term.cite)}
                        <Why cite={term.cite} />
                      </>
                    ) : (
                      '—'
                    ),
                },
              ]}
            />
          )}
          {tab === 'rules' && (
            <DataTable
              name="规则"
              rows={one.rules}
              rowKey={rule => rule.topic}
              columns={[
                { title: '事项', head: true, cell: rule => rule.label },
                { title: '规则', cell: rule => rule.text },
                {
                  title: '依据',
                  narrow: true,
                  cell: rule => (
                    <>
                      {citeWords(rule.cite)}
                      <Why cite={rule.cite} />
                    </>
                  ),
                },
              ]}
            />
          )}
          {tab === 'roles' && (
            <DataTable
              name="角色"
              rows={one.roles}
              rowKey={role => role.key}
              columns={[
                { title: '在程序中是', head: true, cell: role => role.label },
                { title: '代号', cell: role => <code>{role.key}</code>, narrow: true },
              ]}
            />
          )}
        </Page>
      )}
    </Loaded>
  )
}
