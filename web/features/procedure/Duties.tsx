import { App, Select } from 'antd'
import { type Duty, duties, urge } from '../../../contract/procedure.ts'
import { problemOf } from '../../app/api.ts'
import { ListPager } from '../../app/ListPager.tsx'
import { A } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { useSession } from '../../app/session.ts'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'
import { ClockChip } from './ClockChip.tsx'

/** 义务台账: who owes what by when, with 催办 and 督办. */
export function Duties() {
  const { roles } = useSession()
  const overseer = roles.some(one => one.role === 'bureau' || one.role === 'inspector')
  const filters = useFilters({
    scope: overseer ? 'region' : 'department',
    state: 'open',
    department: '',
    q: '',
    article: '',
    regulation: '',
  })
  const { value } = filters
  const load = useRead(duties, {
    query: {
      scope: value.scope as 'region',
      state: value.state as 'open',
      ...(value.department && { department: value.department }),
      ...(value.q && { q: value.q }),
      ...(value.article && { article: value.article }),
      ...(value.regulation && { regulation: value.regulation }),
      ...(value.after && { after: value.after }),
    },
  })
  const { message } = App.useApp()
  const press = useAct(urge, () => message.success('已通知对方'))
  const columns: Column<Duty>[] = [
    {
      title: '要做的事',
      head: true,
      cell: row => (
        <>
          <A href={row.href}>{row.clock.what}</A>
          <div className="ht-meta">
            {row.title} {row.caseNo && <span className="ht-num">{row.caseNo}</span>}
          </div>
        </>
      ),
    },
    { title: '由谁办', cell: row => row.clock.debtor },
    {
      title: '时限',
      narrow: true,
      cell: row => (
        <>
          <ClockChip clock={row.clock} />
          {row.clock.extended > 0 && <div className="ht-meta">已延长 {row.clock.extended} 个工作日</div>}
        </>
      ),
    },
    {
      title: '依据',
      narrow: true,
      cell: row => (
        <>
          {citeWords(row.clock.cite)}
          <Why cite={row.clock.cite} inherited={row.clock.inherited} />
          {row.clock.also && <div className="ht-meta">另见 {citeWords(row.clock.also)}</div>}
        </>
      ),
    },
    {
      title: '操作',
      narrow: true,
      cell: row => (
        <span className="row">
          {row.urged > 0 && <span className="ht-ink2">已催 {row.urged} 次</span>}
          {row.may.map(kind => (
            <button
              key={kind}
              type="button"
              className="ht-btn"
              disabled={press.isPending}
              aria-label={`${kind === 'urge' ? '催办' : '督办'}：${row.clock.what}，${row.clock.debtor}`}
              onClick={() =>
                press.mutate(
                  { params: { id: row.id }, body: { kind, note: '' } },
                  { onError: error => message.error(problemOf(error).detail) },
                )
              }
            >
              {kind === 'urge' ? '催办' : '督办'}
            </button>
          ))}
        </span>
      ),
    },
  ]
  const tabs = [
    ['department', '本部门要办的'],
    ['owed', '别的部门要给本部门办的'],
    ...(overseer ? [['region', '本地区全部'] as const] : []),
  ] as const
  return (
    <Page title="义务台账" sub={<span>谁、欠谁什么、哪天到期。办件、备案、更新和证书到期都在这里。</span>}>
      <nav className="tabs" aria-label="范围">
        {tabs.map(([key, label]) => (
          <A
            key={key}
            href={filters.address({ scope: key, department: undefined })}
            aria-current={value.scope === key ? 'page' : undefined}
          >
            {label}
          </A>
        ))}
      </nav>
      <div className="filters">
        <label className="grow">
          <span>查找</span>
          <SearchBox value={value.q} onSearch={q => filters.set({ q })} placeholder="事项、部门、办件编号" />
        </label>
        <label>
          <span>状态</span>
          <Select
            style={{ width: 150 }}
            aria-label="状态"
            value={value.state}
            onChange={state => filters.set({ state })}
            options={[
              { value: 'open', label: '没有办结' },
              { value: 'late', label: '逾期的' },
              { value: 'ended', label: '已办结' },
              { value: 'all', label: '全部' },
            ]}
          />
        </label>
      </div>
      <div className="stack">
        {value.scope === 'region' && load.data && load.data.departments.length > 0 && (
          <Sheet title="按部门" note="点部门即筛选">
            <div className="chips">
              {load.data.departments.slice(0, 24).map(one => (
                <A
                  key={one.id}
                  href={filters.address({ department: value.department === one.id ? undefined : one.id })}
                  aria-current={value.department === one.id ? 'true' : undefined}
                >
                  <Mark hue={one.late ? 'red' : one.soon ? 'yellow' : 'grey'}>
                    {one.name} {one.open} 件{one.late > 0 && `，逾期 ${one.late}`}
                  </Mark>
                </A>
              ))}
            </div>
          </Sheet>
        )}
        <DataTable
          name="义务"
          columns={columns}
          rows={load.data?.rows}
          rowKey={row => row.id}
          error={load.error}
          retry={load.refetch}
          since={load.dataUpdatedAt}
          filtered={filters.filtered}
          clear={filters.clear}
          empty={<Nothing>没有这样的义务。</Nothing>}
          footer={<ListPager of={load.data} filters={filters} />}
        />
      </div>
    </Page>
  )
}
