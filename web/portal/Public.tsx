import { Link, useSearch } from '@tanstack/react-router'
import { useRead } from '../app/query.ts'
import { DataTable } from '../ui/DataTable.tsx'
import { dayOf, moment } from '../ui/format.ts'
import { Mark } from '../ui/Light.tsx'
import { Loaded, Nothing } from '../ui/states.tsx'
import { citeWords, Why } from '../ui/Why.tsx'
import { conductNotices, lists, plans, restricted, status } from './contract.ts'
import { Part, Title } from './parts.tsx'

const tabs = [
  ['/open-list', '已开放'],
  ['/open-list/restricted', '不开放和受限目录'],
  ['/open-list/departments', '部门清单'],
  ['/open-list/plans', '年度计划'],
] as const

export const ListTabs = ({ at }: { at: (typeof tabs)[number][0] }) => (
  <ul className="sorts" aria-label="清单">
    {tabs.map(([to, label]) => (
      <li key={to}>
        <Link to={to} aria-current={to === at ? 'page' : undefined} activeProps={{}}>
          {label}
        </Link>
      </li>
    ))}
  </ul>
)

const useRegion = () => (useSearch({ strict: false }) as { region?: string }).region

/** What is not open, or only on conditions, with the basis: no data. */
export function Restricted() {
  const region = useRegion()
  const load = useRead(restricted, { query: { region } as never })
  return (
    <div className="wrap">
      <div className="head">
        <Title area="开放清单">不开放和受限目录</Title>
        <p className="lead">不予开放、有条件开放的目录和依据。只列目录，不含数据。</p>
      </div>
      <div className="bar loose">
        <ListTabs at="/open-list/restricted" />
      </div>
      <DataTable
        name="不开放和受限目录"
        rows={load.data}
        rowKey={row => row.code}
        error={load.error}
        retry={() => load.refetch()}
        since={load.dataUpdatedAt}
        empty={<Nothing>没有需要公布的目录。</Nothing>}
        columns={[
          { title: '名称', head: true, cell: row => row.title },
          { title: '地区', keep: true, cell: row => row.regionName },
          { title: '部门', cell: row => row.department },
          { title: '开放类型', keep: true, cell: row => row.openLabel },
          { title: '条件或情形', wide: true, cell: row => row.conditions || row.ground || '—' },
          {
            title: '依据',
            wide: true,
            cell: row => (
              <>
                {row.basis || '—'}
                <Why cite={row.cite} />
                {row.channel && <span className="ht-hint">另有途径：{row.channel}</span>}
              </>
            ),
          },
        ]}
      />
    </div>
  )
}

export function DepartmentLists() {
  const load = useRead(lists)
  return (
    <div className="wrap">
      <div className="head">
        <Title area="开放清单">部门清单</Title>
        <p className="lead">各部门公布的开放清单，每一版都有公布日期。</p>
      </div>
      <div className="bar loose">
        <ListTabs at="/open-list/departments" />
      </div>
      <Loaded load={load}>
        {all =>
          all.length ? (
            <div className="sheet">
              {all.map(list => (
                <Part
                  key={list.department + list.class}
                  id={`${list.region}-${list.class}-${list.department}`}
                  title={list.department}
                  note={`${list.label} 第 ${list.version} 版，${dayOf(list.published)}`}
                >
                  <p className="basis">
                    {citeWords(list.cite)}
                    <Why cite={list.cite} />
                  </p>
                  {list.entries.length ? (
                    <ul className="matters">
                      {list.entries.map(e => (
                        <li key={e.code}>
                          <Link to="/dataset/$code" params={{ code: e.code.replace('/', '-') } as never}>
                            {e.title}
                          </Link>
                          {e.conditions && <p className="ht-ink2">{e.conditions}</p>}
                        </li>
                      ))}
                    </ul>
                  ) : (
                    <p>这一版清单是空的。</p>
                  )}
                </Part>
              ))}
            </div>
          ) : (
            <div className="sheet">
              <Nothing>还没有部门单独公布清单。</Nothing>
            </div>
          )
        }
      </Loaded>
    </div>
  )
}

export function Plans() {
  const load = useRead(plans)
  return (
    <div className="wrap">
      <div className="head">
        <Title area="开放清单">开放年度计划</Title>
        <p className="lead">今年打算开放什么、在什么条件下、到什么时候。</p>
      </div>
      <div className="bar loose">
        <ListTabs at="/open-list/plans" />
      </div>
      <Loaded load={load}>
        {all =>
          all.length ? (
            <div className="sheet">
              {all.map(plan => (
                <Part
                  key={plan.region + plan.year}
                  id={`plan-${plan.region}-${plan.year}`}
                  title={`${plan.regionName} ${plan.year}`}
                  note={`${plan.items.filter(i => i.done).length} / ${plan.items.length} 项已开放`}
                >
                  {plan.focus && <p>重点：{plan.focus}</p>}
                  <DataTable
                    name={`${plan.regionName} ${plan.year} 年开放计划`}
                    rows={plan.items}
                    rowKey={item => item.title}
                    columns={[
                      { title: '内容', head: true, cell: item => item.title },
                      { title: '部门', cell: item => item.department || '—' },
                      { title: '开放条件', wide: true, cell: item => item.conditions },
                      { title: '计划日期', keep: true, cell: item => item.target },
                      {
                        title: '进展',
                        keep: true,
                        cell: item =>
                          item.done ? (
                            <Mark hue="green" shape="●">
                              已开放
                            </Mark>
                          ) : (
                            <Mark hue="grey" shape="‖">
                              未开放
                            </Mark>
                          ),
                      },
                    ]}
                  />
                </Part>
              ))}
            </div>
          ) : (
            <div className="sheet">
              <Nothing>还没有公布年度计划。</Nothing>
            </div>
          )
        }
      </Loaded>
    </div>
  )
}

export function Notices() {
  const load = useRead(conductNotices)
  return (
    <div className="wrap">
      <div className="head">
        <Title area="公示">公示</Title>
        <p className="lead">因违反使用要求被限制或关闭访问的使用者，由提供单位和主管部门共同决定。</p>
      </div>
      <DataTable
        name="限制和关闭访问的公示"
        rows={load.data}
        rowKey={row => row.caseNo + row.holder}
        error={load.error}
        retry={() => load.refetch()}
        since={load.dataUpdatedAt}
        empty={<Nothing>没有公示。</Nothing>}
        columns={[
          { title: '使用者', head: true, cell: row => row.holder },
          { title: '措施', keep: true, cell: row => row.measure },
          { title: '理由', wide: true, cell: row => row.reason },
          { title: '地区', cell: row => row.regionName },
          { title: '日期', keep: true, cell: row => dayOf(row.at) },
          {
            title: '依据',
            cell: row => (
              <>
                {citeWords(row.cite)}
                <Why cite={row.cite} />
              </>
            ),
          },
        ]}
      />
    </div>
  )
}

/** How the platform has been running. What was not looked at is not shown as available. */
export function Status() {
  const load = useRead(status, undefined, { refetchInterval: 60_000 })
  return (
    <div className="wrap">
      <div className="head">
        <Title area="运行状态">运行状态</Title>
        <p className="lead">每分钟查看一次；没有测到的时间按中断计算，不算可用。</p>
      </div>
      <Loaded load={load}>
        {of => (
          <div className="sheet">
            <Part id="now" title="现在">
              <p>
                <Mark
                  hue={of.state === 'up' ? 'green' : of.state === 'degraded' ? 'red' : 'grey'}
                  shape={of.state === 'up' ? '●' : of.state === 'degraded' ? '■' : '‖'}
                >
                  {of.stateLabel}
                </Mark>
              </p>
              <ul className="matters">
                {of.parts.map(part => (
                  <li key={part.name}>
                    {part.name}{' '}
                    <Mark hue={part.ok ? 'green' : 'red'} shape={part.ok ? '●' : '■'}>
                      {part.ok ? '正常' : '没有答复'}
                    </Mark>
                  </li>
                ))}
              </ul>
            </Part>
            <Part id="days" title="近 30 天" note="可用的时间比例">
              <ol className="days">
                {of.days.map(day => (
                  <li key={day.day} className={day.availability === null ? 'none' : day.availability >= 0.999 ? 'full' : 'part-day'}>
                    <span>{day.day.slice(5)}</span>
                    <b className="ht-num">
                      {day.availability === null ? '未测' : `${(100 * day.availability).toFixed(day.availability === 1 ? 0 : 1)}%`}
                    </b>
                  </li>
                ))}
              </ol>
            </Part>
            <Part id="outages" title="中断">
              {of.outages.length ? (
                <ul className="matters">
                  {[...of.outages].reverse().map(outage => (
                    <li key={outage.from} className="ht-num">
                      {moment(outage.from)} 至 {outage.to ? moment(outage.to) : '现在'}，{outage.minutes} 分钟
                    </li>
                  ))}
                </ul>
              ) : (
                <p>近 30 天没有中断的记录。</p>
              )}
            </Part>
            <Part id="versions" title="版本">
              <ul className="matters">
                {of.versions.map(v => (
                  <li key={v.version}>
                    <b className="ht-code">{v.version}</b> {dayOf(v.since)} 起 {v.notes}
                  </li>
                ))}
              </ul>
            </Part>
          </div>
        )}
      </Loaded>
    </div>
  )
}
