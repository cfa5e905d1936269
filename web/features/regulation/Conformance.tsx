import { Select } from 'antd'
import type { Reply } from '../../../contract/endpoint.ts'
import { duties, evidence } from '../../../contract/procedure.ts'
import { conformance } from '../../../contract/regulation.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { useMay } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { Loaded } from '../../ui/states.tsx'
import { LawTabs } from './parts.tsx'

type All = Reply<typeof conformance>
type Row = All['rows'][number]

const kinds: Record<string, string> = {
  scope: '适用范围',
  definition: '定义',
  prohibition: '禁止',
  procedure: '程序',
  deadline: '期限',
  role: '职责',
  record: '记录',
  classification: '分类',
  sanction: '追责',
  assessment: '考核',
  security: '安全',
  platform: '平台建设',
  service: '服务',
  'policy-only': '宗旨',
}
const modules: Record<string, string> = {
  regulation: '法规',
  organization: '机构与人员',
  catalog: '目录',
  quality: '质量与校核',
  aggregation: '汇聚',
  sharing: '共享',
  opening: '开放',
  supervision: '监督',
  assessment: '考核',
  federation: '上下级',
  market: '数据要素',
  portal: '门户',
  'audit-security': '审计与安全',
  none: '平台之外',
}
const weight = { must: '应当', should: '支持', could: '可选' } as const
/** The Chinese name in the list stands in brackets behind the English one. */
const chinese = (actor: string) =>
  actor
    .match(/（(.+?)）|\(([^)]*[\u4e00-\u9fff][^)]*)\)/)
    ?.slice(1)
    .find(Boolean) ?? actor

const page = 50

export function Conformance() {
  const load = useRead(conformance)
  const filters = useFilters({ regulation: '', module: '', priority: '', proved: '', q: '', from: '0' })
  return (
    <Page title="法规对照" sub={<span>七部规定的每一条要求、平台怎么做、由哪些测试证明。</span>}>
      <LawTabs here="conformance" />
      <Loaded load={load}>{all => <List all={all} filters={filters} />}</Loaded>
    </Page>
  )
}

type Filters = ReturnType<
  typeof useFilters<{ regulation: string; module: string; priority: string; proved: string; q: string; from: string }>
>
function List({ all, filters }: { all: All; filters: Filters }) {
  const { regulation, module, priority, proved, q, from } = filters.value
  const live = useRead(evidence)
  const mayDuties = useMay(duties)
  const rows = all.rows.filter(
    row =>
      (!regulation || row.regulation === regulation) &&
      (!module || row.module === module) &&
      (!priority || row.priority === priority) &&
      (!proved || (proved === 'yes') === row.tests.length > 0) &&
      (!q || `${row.id} ${row.article} ${row.text} ${row.behaviour}`.toLowerCase().includes(q.toLowerCase())),
  )
  const start = Math.min(Number(from) || 0, Math.max(0, rows.length - 1))
  const choice = (
    key: 'regulation' | 'module' | 'priority' | 'proved',
    label: string,
    options: { value: string; label: string }[],
    width = 150,
  ) => (
    <label>
      <span>{label}</span>
      <Select
        aria-label={label}
        style={{ width }}
        allowClear
        placeholder="全部"
        value={filters.value[key] || undefined}
        onChange={value => filters.set({ [key]: value ?? '', from: undefined })}
        options={options}
      />
    </label>
  )
  return (
    <>
      <dl className="figures" style={{ marginBottom: 16 }}>
        {all.totals.map(total => (
          <div key={total.priority}>
            <dt>
              {weight[total.priority]} {total.priority}
            </dt>
            <dd>
              <A href={filters.address({ priority: total.priority, proved: undefined, from: undefined })}>
                {number(total.proved)} / {number(total.total)}
              </A>
            </dd>
          </div>
        ))}
      </dl>
      <div className="filters">
        {choice(
          'regulation',
          '规定',
          all.regulations.map(r => ({ value: r.key, label: `${r.title} ${r.proved}/${r.total}` })),
          300,
        )}
        {choice(
          'module',
          '模块',
          [...new Set(all.rows.map(row => row.module))].map(key => ({ value: key, label: modules[key] ?? key })),
        )}
        {choice(
          'priority',
          '轻重',
          Object.entries(weight).map(([value, label]) => ({ value, label })),
          110,
        )}
        {choice(
          'proved',
          '测试',
          [
            { value: 'yes', label: '有测试证明' },
            { value: 'no', label: '还没有' },
          ],
          130,
        )}
        <label className="grow">
          <span>查找</span>
          <SearchBox value={q} onSearch={value => filters.set({ q: value, from: undefined })} placeholder="编号、条款、内容" />
        </label>
      </div>
      <DataTable
        name="要求"
        rows={rows.slice(start, start + page)}
        rowKey={row => row.id}
        filtered={filters.filtered}
        clear={filters.clear}
        columns={[
          {
            title: '条款',
            head: true,
            cell: row => (
              <>
                {row.article}
                <div className="ht-meta">
                  {kinds[row.kind] ?? row.kind} · {chinese(row.actor)}
                </div>
                <div className="ht-code ht-meta">{row.id}</div>
              </>
            ),
          },
          {
            title: '要求',
            cell: row => row.text,
          },
          {
            title: '平台怎么做',
            cell: row => (
              <>
                {row.behaviour}
                {row.refusals.length > 0 && (
                  <div className="ht-meta">
                    退回原因 <span className="ht-code">{row.refusals.join('、')}</span>
                  </div>
                )}
              </>
            ),
          },
          {
            title: '轻重',
            narrow: true,
            cell: row => (
              <>
                {weight[row.priority]}
                <div className="ht-meta">{modules[row.module] ?? row.module}</div>
              </>
            ),
          },
          { title: '办理情况', cell: row => <Live row={row} all={live.data} linked={mayDuties} /> },
          { title: '证明它的测试', cell: row => <Tests row={row} /> },
        ]}
        footer={
          <nav className="ht-pager" aria-label="分页">
            <span>
              共 {number(rows.length)} 条，第 {rows.length ? start + 1 : 0}–{Math.min(start + page, rows.length)} 条
            </span>
            <span className="push">
              {start > 0 && <A href={filters.address({ from: String(Math.max(0, start - page)) })}>上一页</A>}{' '}
              {start + page < rows.length && <A href={filters.address({ from: String(start + page) })}>下一页</A>}
            </span>
          </nav>
        }
      />
    </>
  )
}

/** The article of a row without the name of its text: 第二十四条第二项. */
const articleOf = (row: Row) => row.article.slice(row.article.indexOf('第'))
/** What runs under the article now: the same paragraph, or one inside it. */
function Live({ row, all, linked }: { row: Row; all: Reply<typeof evidence> | undefined; linked: boolean }) {
  const article = articleOf(row)
  const own = (all ?? []).filter(e => e.regulation.startsWith(row.regulation) && e.article.startsWith(article))
  if (!own.length) return <span className="ht-ink3">—</span>
  const sum = (key: 'cases' | 'acts' | 'open' | 'late') => own.reduce((n, e) => n + e[key], 0)
  const link = (state: string, text: string) =>
    linked ? <A href={at('/duties', { scope: 'region', state, article, regulation: own[0]!.regulation })}>{text}</A> : text
  return (
    <>
      <div>
        办件 {sum('cases')} · 办理 {sum('acts')} 次
      </div>
      <div>
        {link('open', `未办完 ${sum('open')}`)} · {link('late', `逾期 ${sum('late')}`)}
      </div>
    </>
  )
}

function Tests({ row }: { row: Row }) {
  if (!row.tests.length)
    return row.priority === 'must' ? (
      <Mark hue="yellow" shape="▲">
        还没有
      </Mark>
    ) : (
      <span className="ht-ink3">—</span>
    )
  return (
    <details>
      <summary className="ht-nowrap">
        <Mark hue="green" shape="✓">
          {row.tests.length} 个测试
        </Mark>
      </summary>
      <ul>
        {row.tests.map(test => (
          <li key={test.file + test.title} className="ht-hint" lang="en">
            {test.title.replace(/^(\[[^\]]+\]\s*)+/, '')}
            <div className="ht-code ht-meta">{test.file}</div>
          </li>
        ))}
      </ul>
    </details>
  )
}
