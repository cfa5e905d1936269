import { useNavigate, useParams } from '@tanstack/react-router'
import { App, Button, Checkbox, Select } from 'antd'
import { useState } from 'react'
import { ledger } from '../../../contract/audit.ts'
import {
  compare,
  createEntry,
  discardDraft,
  type EntryDetail,
  entryByCode,
  entryStates,
  formatClasses,
  grades,
  itemTypes,
  kinds,
  searchEntries,
  semantics,
  submitEntry,
  updateCycles,
  versions,
} from '../../../contract/catalog.ts'
import { bulkEdit, exportTemplate, importTemplate } from '../../../contract/catalog-runs.ts'
import { grants } from '../../../contract/delivery.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { href, problemOf } from '../../app/api.ts'
import { ListPager } from '../../app/ListPager.tsx'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { useMay, useSession } from '../../app/session.ts'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { amount, codeInUrl, longDay, moment, number } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'
import { Marked } from '../../ui/Marked.tsx'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { ShareClass } from '../../ui/ShareClass.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { Why } from '../../ui/Why.tsx'
import { EntryData } from '../aggregation/EntryData.tsx'
import { ClockChip } from '../procedure/ClockChip.tsx'
import { BulkEdit } from './BulkEdit.tsx'
import { openMark } from './marks.ts'
import { Changes } from './Review.tsx'
import { useWords } from './words.ts'

type Row = Reply<typeof searchEntries>['rows'][number]
const stateHue: Record<Row['state'], Hue> = { draft: 'grey', in_review: 'blue', returned: 'yellow', published: 'green', withdrawn: 'grey' }

export function Catalog() {
  // Who reviews other departments' entries begins with the region's, everybody else with the own ones.
  const home = useSession().menu.includes('review') ? 'region' : 'mine'
  const filters = useFilters({
    scope: home,
    q: '',
    state: '',
    share: '',
    open: '',
    department: '',
    region: '',
    mounted: '',
    theme: '',
    kind: '',
    cycle: '',
  })
  const { scope, q, after, ...rest } = filters.value
  const set = Object.fromEntries(Object.entries(rest).filter(([key, value]) => value && key !== 'tab'))
  const load = useRead(searchEntries, { query: { scope: scope as 'mine', ...(q && { q }), ...(after && { after }), ...set } as object })
  const mayCreate = useMay(createEntry)
  const mayImport = useMay(importTemplate)
  const mayBulk = useMay(bulkEdit) && scope === 'mine'
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set())
  const [editing, setEditing] = useState<'ticked' | 'all' | null>(null)
  const shown = { scope, ...(q && { q }), ...set }
  const tick = (codes: string[], on: boolean) => {
    const next = new Set(ticked)
    for (const code of codes)
      if (on) next.add(code)
      else next.delete(code)
    setTicked(next)
  }

  const columns: Column<Row>[] = [
    ...(mayBulk
      ? [
          {
            title: '选择',
            narrow: true,
            cell: (row: Row) => (
              <Checkbox
                aria-label={`选择 ${row.title || row.code}`}
                checked={ticked.has(row.code)}
                onChange={event => tick([row.code], event.target.checked)}
              />
            ),
          },
        ]
      : []),
    {
      title: '目录',
      head: true,
      cell: row => (
        <>
          <A href={at(`/catalog/${codeInUrl(row.code)}`)}>
            <Marked text={row.title} at={row.marks.title} />
          </A>
          <div className="ht-meta">
            <span className="ht-code">{row.code}</span>
            {row.hits.length > 0 && ` · 命中信息项：${row.hits.slice(0, 3).join('、')}`}
          </div>
        </>
      ),
    },
    { title: '提供部门', cell: row => row.department },
    {
      title: '状态',
      narrow: true,
      cell: row => (
        <span className="row">
          <Mark hue={stateHue[row.state]}>{entryStates[row.state]}</Mark>
          {row.changing && <span className="ht-hint">{row.changing}</span>}
        </span>
      ),
    },
    { title: '版本', cell: row => row.version, right: true, narrow: true, wide: true },
    { title: '共享', narrow: true, cell: row => (row.shareClass ? <ShareClass value={row.shareClass} label={row.shareLabel} /> : '—') },
    {
      title: '开放',
      narrow: true,
      cell: row => (row.openClass ? <ShareClass value={openMark[row.openClass]} label={row.openLabel} /> : '—'),
    },
    { title: '更新周期', cell: row => row.updateCycle || '—', narrow: true, wide: true },
    { title: '数据', right: true, narrow: true, cell: row => (row.mounted ? `${amount(row.rows)} 行` : '未挂接') },
    { title: '更新于', keep: true, narrow: true, cell: row => moment(row.updated).slice(0, 10) },
  ]
  const create = mayCreate && (
    <A className="ht-btn solid" href={at('/catalog/new')}>
      登记目录
    </A>
  )
  return (
    <Page
      title="目录"
      acts={
        <>
          <A className="ht-btn" href={at('/catalog/care')}>
            目录维护
          </A>
          <A className="ht-btn" href={at('/catalog/duplicates')}>
            重复与数源
          </A>
          <a className="ht-btn" href={href(exportTemplate, { query: shown })} download>
            导出模板
          </a>
          {mayImport && (
            <A className="ht-btn" href={at('/catalog/import')}>
              导入目录
            </A>
          )}
          {mayCreate && (
            <A className="ht-btn" href={at('/catalog/from-database')}>
              从数据库编目
            </A>
          )}
          {create}
        </>
      }
    >
      <nav className="tabs" aria-label="范围">
        {(
          [
            ['mine', '本部门'],
            ['region', '本地区'],
            ['all', '全部可见'],
          ] as const
        ).map(([key, label]) => (
          <A key={key} href={filters.address({ scope: key })} aria-current={scope === key ? 'page' : undefined}>
            {label}
          </A>
        ))}
      </nav>
      <div className="filters">
        <label className="grow">
          <span>查找</span>
          <SearchBox value={q} onSearch={text => filters.set({ q: text })} placeholder="名称、代码、信息项" />
        </label>
        {load.data?.facets.map(facet => (
          <label key={facet.key} className="facet">
            <span>{facet.label}</span>
            <Select
              aria-label={facet.label}
              style={{ width: '100%' }}
              allowClear
              placeholder="全部"
              value={filters.value[facet.key as 'share'] || undefined}
              onChange={value => filters.set({ [facet.key]: value ?? '' })}
              options={facet.values.map(one => ({ value: one.value, label: `${one.label}（${one.count}）` }))}
            />
          </label>
        ))}
      </div>
      {mayBulk && load.data && load.data.total > 0 && (
        <div className="row" style={{ marginBottom: 12 }}>
          <Checkbox
            checked={load.data.rows.every(row => ticked.has(row.code))}
            indeterminate={ticked.size > 0 && !load.data.rows.every(row => ticked.has(row.code))}
            onChange={event => tick(load.data?.rows.map(row => row.code) ?? [], event.target.checked)}
          >
            选这一页
          </Checkbox>
          {ticked.size > 0 && <span>已选 {number(ticked.size)} 条</span>}
          {ticked.size > 0 && <Button onClick={() => setEditing('ticked')}>批量修改</Button>}
          {ticked.size > 0 && <Button onClick={() => setTicked(new Set())}>取消</Button>}
          {ticked.size === 0 && <Button onClick={() => setEditing('all')}>批量修改筛选出的 {number(load.data.total)} 条</Button>}
        </div>
      )}
      {editing && load.data && (
        <BulkEdit
          {...(editing === 'ticked' ? { codes: [...ticked], count: ticked.size } : { filter: shown, count: load.data.total })}
          shut={() => setEditing(null)}
        />
      )}
      {load.data?.corrected && (
        <p role="status" style={{ marginBottom: 12 }}>
          没有找到“{q}”，已按“{load.data.corrected}”查找。
        </p>
      )}
      <DataTable
        name="目录"
        columns={columns}
        rows={load.data?.rows}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        since={load.dataUpdatedAt}
        filtered={Boolean(q) || Object.keys(set).length > 0}
        clear={filters.clear}
        empty={<Nothing action={create}>这里还没有目录。登记本部门有的数据，审核发布后其他部门才能找到。</Nothing>}
        footer={<ListPager of={load.data} filters={filters} />}
      />
    </Page>
  )
}

export function Entry() {
  const { code } = useParams({ strict: false }) as { code: string }
  const filters = useFilters({ tab: 'overview', version: '', item: '' })
  const { tab, version } = filters.value
  const load = useRead(entryByCode, { params: { code }, query: version ? { version: Number(version) } : {} })
  return (
    <Loaded load={load}>{entry => <EntryPage entry={entry} code={code} tab={tab} link={key => filters.address({ tab: key })} />}</Loaded>
  )
}

function EntryPage({ entry, code, tab, link }: { entry: EntryDetail; code: string; tab: string; link: (tab: string) => string }) {
  const { content } = entry
  const { message, modal } = App.useApp()
  const navigate = useNavigate()
  const submit = useAct(submitEntry, reply => {
    message.success('已提交审核')
    void navigate({ to: `/cases/${reply.caseNo}` as string })
  })
  const discard = useAct(discardDraft, () => {
    message.success('草稿已删除')
    void navigate({ to: '/catalog' as string })
  })
  const may = new Set(entry.may)
  const failed = (error: Error) => {
    const problem = problemOf(error)
    modal.error({ title: problem.detail, content: problem.remedy, okText: '返回' })
  }
  const tabs: [string, string][] = [
    ['overview', '概览'],
    ['items', `信息项 ${content.items.length}`],
    ['data', '数据'],
    ['share', '共享'],
    ['open', '开放'],
    ['versions', '版本'],
    ['audit', '留痕'],
  ]
  const solid =
    may.has('apply') || may.has('access')
      ? 'apply'
      : may.has('submit')
        ? 'submit'
        : may.has('mount')
          ? 'mount'
          : may.has('propose-open')
            ? 'open'
            : 'edit'
  const style = (key: string) => `ht-btn${solid === key ? ' solid' : ''}`
  return (
    <Page
      title={content.title || '（未命名）'}
      crumb={<A href={at('/catalog')}>目录</A>}
      sub={
        <>
          <Mark hue={stateHue[entry.state]}>
            {entryStates[entry.state]} · 第 {entry.version} 版
          </Mark>
          {entry.mount.mounted && <Mark>已挂接</Mark>}
          <span className="ht-code">{entry.code}</span>
          <Button
            size="small"
            onClick={() => {
              void navigator.clipboard?.writeText(entry.code)
              message.success('已复制代码')
            }}
          >
            复制
          </Button>
          {entry.registration && <span className="ht-meta">登记号 {entry.registration}</span>}
          {entry.clock && <ClockChip clock={entry.clock} />}
          {entry.draft && (
            <A href={entry.caseNo ? at(`/cases/${entry.caseNo}`) : at(`/catalog/${code}/edit`)}>
              第 {entry.draft.version} 版 {entry.draft.state}
            </A>
          )}
        </>
      }
      acts={
        <>
          {(may.has('apply') || may.has('access')) && (
            <A className={style('apply')} href={at('/sharing/apply', { entry: code })}>
              {may.has('access') ? '直接取用' : '申请使用'}
            </A>
          )}
          {may.has('submit') && (
            <Button
              type={solid === 'submit' ? 'primary' : 'default'}
              loading={submit.isPending}
              onClick={() => submit.mutate({ params: { code } }, { onError: failed })}
            >
              提交审核
            </Button>
          )}
          {may.has('mount') && (
            <A className={style('mount')} href={at('/sources/new', { entry: code })}>
              挂接数据
            </A>
          )}
          {may.has('propose-open') && (
            <A className={style('open')} href={at(`/opening/${code}`)}>
              提请开放
            </A>
          )}
          {may.has('edit') && (
            <A className={style('edit')} href={at(`/catalog/${code}/edit`)}>
              {entry.state === 'published' && !entry.draft ? '变更' : '编辑'}
            </A>
          )}
          {may.has('discard') && (
            <Button
              danger
              loading={discard.isPending}
              onClick={() =>
                modal.confirm({
                  title: '删除这份草稿',
                  content: '已发布的版本不受影响。',
                  okText: '删除草稿',
                  okButtonProps: { danger: true },
                  cancelText: '保留',
                  onOk: () => discard.mutate({ params: { code } }, { onError: failed }),
                })
              }
            >
              删除草稿
            </Button>
          )}
          {entry.caseNo && (
            <A className={may.has('review') ? 'ht-btn solid' : 'ht-btn'} href={at(`/cases/${entry.caseNo}`)}>
              {may.has('review') ? '去审核' : '审核进展'}
            </A>
          )}
        </>
      }
    >
      <p className="row ht-ink2" style={{ marginBottom: 16 }}>
        <b>{entry.department}</b> {content.innerUnit}
        {content.shareClass && <ShareClass value={content.shareClass} label={entry.shareLabel} />}
        {content.openClass && <ShareClass value={openMark[content.openClass]} label={entry.openLabel} />}
        {content.grade && <span>{grades[content.grade as 1]}</span>}
        {content.updateCycle && <span>{updateCycles[content.updateCycle]}更新</span>}
        {entry.mount.mounted && (
          <span>
            {number(entry.mount.rows)} 行{entry.mount.fresh && ` · ${entry.mount.fresh}`}
          </span>
        )}
        {entry.opened && <a href={`/dataset/${code}`}>已在门户开放</a>}
      </p>
      <nav className="tabs" aria-label="目录内容">
        {tabs.map(([key, label]) => (
          <A key={key} href={link(key)} aria-current={tab === key ? 'page' : undefined}>
            {label}
          </A>
        ))}
      </nav>
      {tab === 'overview' && <Overview entry={entry} />}
      {tab === 'items' && <Items entry={entry} />}
      {tab === 'data' && <EntryData code={code} entry={entry} />}
      {tab === 'share' && <Sharing entry={entry} code={code} />}
      {tab === 'open' && (
        <Sheet title="开放">
          <Facts
            of={[
              ['开放类型', content.openClass ? <ShareClass key="c" value={openMark[content.openClass]} label={entry.openLabel} /> : null],
              ['开放条件', content.openConditions || null],
              ['依据', basisWords(content.openBasis)],
              [
                '门户',
                entry.opened ? (
                  <a key="a" href={`/dataset/${code}`}>
                    已开放，查看门户页面
                  </a>
                ) : (
                  '未开放'
                ),
              ],
            ]}
          />
          <p style={{ marginTop: 12 }}>
            <A href={at(`/opening/${code}`)}>查看开放关口</A>
          </p>
        </Sheet>
      )}
      {tab === 'versions' && <Versions code={code} />}
      {tab === 'audit' && <Trace code={entry.code} />}
    </Page>
  )
}

export const basisWords = (basis: { instrument: string; article: string } | undefined) =>
  basis?.instrument ? `《${basis.instrument}》${basis.article}` : null

function Overview({ entry }: { entry: EntryDetail }) {
  const { content } = entry
  return (
    <div className="stack">
      {entry.applyNote && (
        <p className="ht-note">
          {entry.applyNote}
          <Why cite={entry.applyCite} />
        </p>
      )}
      <Sheet>
        <Facts
          of={[
            [
              '摘要',
              <span key="a" className="pre">
                {content.abstract || '—'}
              </span>,
            ],
            ['分类', [content.kind ? kinds[content.kind] : '未选', ...content.classification].join(' / ')],
            ['提供方', `${entry.department}（${entry.creditCode}）`],
            ['内部部门', content.innerUnit || null],
            ['格式', content.formatClass ? `${formatClasses[content.formatClass as 1]} ${content.formatType}` : null],
            ['共享条件', content.shareConditions || null],
            ['共享依据', basisWords(content.shareBasis)],
            ['共享方式', [content.shareMode, content.shareModeType].filter(Boolean).join(' · ')],
            ['更新周期', content.updateCycle ? updateCycles[content.updateCycle] : null],
            ['关联业务事项', content.affairs || null],
            ['标签', content.tags?.join('、') || null],
            ['采集依据', content.collectionBasis || null],
            ['来源系统', content.sourceSystem || null],
            ['数据来源', entry.acquisitionLabel],
            ['获取方式', content.origin || null],
            ['保密声明', content.secrecy.declared ? '已声明不含国家秘密和工作秘密' : '未声明'],
            ['影响评估', content.impactAssessment || null],
            ['联系人', [content.contact.name, content.contact.phone].filter(Boolean).join(' ') || null],
            ['发布日期', longDay(entry.published)],
            [
              '关联资源',
              content.relatedCodes.length
                ? content.relatedCodes.map(code => (
                    <A key={code} className="ht-code" href={at(`/catalog/${codeInUrl(code)}`)}>
                      {code}{' '}
                    </A>
                  ))
                : null,
            ],
          ]}
        />
      </Sheet>
      <Levels entry={entry} />
    </div>
  )
}

/** The entry of the level above that this one implements, and those below that implement it. */
function Levels({ entry: { content, upper, lowers } }: { entry: EntryDetail }) {
  if (!content.upperCode && !lowers.length) return null
  return (
    <Sheet title="上下级目录">
      {content.upperCode && (
        <Facts
          of={[
            [
              '落实上级目录',
              upper ? (
                <>
                  <A href={at(`/catalog/${codeInUrl(upper.code)}`)}>{upper.title}</A>
                  <span className="ht-meta">
                    {' '}
                    {upper.regionName} {upper.department} <span className="ht-code">{upper.code}</span>
                  </span>
                </>
              ) : (
                <Mark key="u" hue="red">
                  {content.upperCode} 没有找到，或已撤销
                </Mark>
              ),
            ],
            [
              '信息项对照',
              upper ? (upper.missing.length ? `上级有、本目录没有的：${upper.missing.join('、')}` : '上级目录的信息项本目录都有') : null,
            ],
          ]}
        />
      )}
      {lowers.length > 0 && (
        <>
          <p style={{ margin: '12px 0' }}>{number(lowers.length)} 条下级目录落实本目录</p>
          <DataTable
            name="下级目录"
            rows={lowers}
            rowKey={row => row.code}
            columns={[
              { title: '目录', head: true, cell: row => <A href={at(`/catalog/${codeInUrl(row.code)}`)}>{row.title}</A> },
              { title: '地区', narrow: true, cell: row => row.regionName },
              { title: '部门', cell: row => row.department },
              { title: '代码', keep: true, narrow: true, cell: row => <span className="ht-code">{row.code}</span> },
            ]}
          />
        </>
      )}
    </Sheet>
  )
}

function Items({ entry }: { entry: EntryDetail }) {
  const words = useWords(entry.region)
  const { content } = entry
  const filters = useFilters({ item: '', tab: '' })
  const { item } = filters.value
  const rows = content.items.filter(one => !item || one.name.includes(item))
  return (
    <>
      <div className="filters">
        <label className="grow" style={{ maxWidth: 360 }}>
          <span>在信息项中查找</span>
          <SearchBox value={item} onSearch={text => filters.set({ item: text })} />
        </label>
      </div>
      <DataTable
        name="信息项"
        rows={rows}
        rowKey={one => one.key}
        filtered={Boolean(item)}
        clear={() => filters.set({ item: '' })}
        columns={[
          {
            title: '名称',
            head: true,
            cell: one => (
              <>
                {one.name}
                {one.identifier && ' '}
                {one.identifier && <Mark hue="blue">标识</Mark>}
              </>
            ),
          },
          { title: '类型', narrow: true, cell: one => (one.type ? `${one.type} ${itemTypes[one.type]}` : '—') },
          {
            title: '长度',
            right: true,
            narrow: true,
            cell: one => (one.length ? `${one.length}${one.scale ? `,${one.scale}` : ''}` : '—'),
          },
          { title: '含义', narrow: true, cell: one => (one.semantic ? semantics[one.semantic] : '—') },
          {
            title: '共享',
            narrow: true,
            cell: one => {
              const value = one.shareClass ?? content.shareClass
              return value ? <ShareClass value={value} label={one.shareClass ? (words?.share[value] ?? value) : '同条目'} /> : '—'
            },
          },
          {
            title: '开放',
            narrow: true,
            cell: one => {
              const value = one.openClass ?? content.openClass
              return value ? <ShareClass value={openMark[value]} label={one.openClass ? (words?.open[value] ?? value) : '同条目'} /> : '—'
            },
          },
          { title: '条件与依据', cell: one => [one.conditions, basisWords(one.basis)].filter(Boolean).join('；') || '—' },
          { title: '说明', cell: one => one.description || '—' },
        ]}
      />
    </>
  )
}

function Sharing({ entry, code }: { entry: EntryDetail; code: string }) {
  const { content } = entry
  const given = useRead(grants, { query: { side: 'given', q: entry.code } })
  return (
    <div className="stack">
      <Sheet title="共享">
        <Facts
          of={[
            ['共享类型', content.shareClass ? <ShareClass key="c" value={content.shareClass} label={entry.shareLabel} /> : null],
            ['共享条件', content.shareConditions || null],
            ['依据', basisWords(content.shareBasis)],
            [
              '怎样取得',
              entry.applyNote ? (
                <span key="n">
                  {entry.applyNote}
                  <Why cite={entry.applyCite} />
                </span>
              ) : null,
            ],
            ['现有授权', entry.grants],
          ]}
        />
        {(entry.may.includes('apply') || entry.may.includes('access')) && (
          <p style={{ marginTop: 12 }}>
            <A href={at('/sharing/apply', { entry: code })}>申请使用</A>
          </p>
        )}
      </Sheet>
      {given.data && given.data.rows.length > 0 && (
        <DataTable
          name="授权"
          rows={given.data.rows}
          rowKey={row => row.id}
          columns={[
            { title: '授权', head: true, cell: row => <A href={at(`/grants/${row.id}`)}>{row.no}</A> },
            { title: '使用部门', cell: row => row.grantee },
            { title: '信息系统', cell: row => row.system },
            { title: '状态', cell: row => row.stateLabel, narrow: true },
            { title: '期限', cell: row => (row.until ? `至 ${row.until}` : '长期'), keep: true, narrow: true },
          ]}
        />
      )}
    </div>
  )
}

function Versions({ code }: { code: string }) {
  const load = useRead(versions, { params: { code } })
  return (
    <DataTable
      name="版本"
      rows={load.data}
      error={load.error}
      retry={load.refetch}
      rowKey={row => row.version}
      columns={[
        { title: '版本', head: true, cell: row => <A href={at(`/catalog/${code}`, { version: row.version })}>第 {row.version} 版</A> },
        { title: '状态', cell: row => row.label, narrow: true },
        { title: '提交人', cell: row => row.by },
        { title: '提交', cell: row => moment(row.submitted), keep: true, narrow: true },
        { title: '发布', cell: row => moment(row.published), keep: true, narrow: true },
        { title: '审核', narrow: true, cell: row => (row.caseNo ? <A href={at(`/cases/${row.caseNo}`)}>{row.caseNo}</A> : '—') },
        {
          title: '操作',
          narrow: true,
          cell: row =>
            row.version > 1 ? (
              <A href={at(`/catalog/${code}/compare`, { a: row.version - 1, b: row.version })}>与上一版或任一版比较</A>
            ) : null,
        },
      ]}
    />
  )
}

function Trace({ code }: { code: string }) {
  const may = useMay(ledger)
  const load = useRead(ledger, { query: { subject: code, limit: 30 } }, { enabled: may })
  if (!may) return <Nothing>留痕记录不对当前分工开放。</Nothing>
  return (
    <DataTable
      name="留痕记录"
      rows={load.data?.rows}
      error={load.error}
      retry={load.refetch}
      rowKey={row => row.seq}
      columns={[
        { title: '序号', head: true, cell: row => <A href={at(`/audit/${row.seq}`)}>{number(row.seq)}</A>, narrow: true },
        { title: '时间', cell: row => moment(row.at, true), keep: true, narrow: true },
        { title: '人员与部门', cell: row => [row.person, row.department].filter(Boolean).join(' · ') || '系统' },
        { title: '动作', cell: row => row.label },
        { title: '内容', cell: row => row.content ?? '—' },
      ]}
    />
  )
}

export function Compare() {
  const { code } = useParams({ strict: false }) as { code: string }
  const filters = useFilters({ a: '', b: '', only: 'changed' })
  const { a, b, only } = filters.value
  const list = useRead(versions, { params: { code } })
  const newest = list.data?.reduce((most, one) => Math.max(most, one.version), 1) ?? 1
  const right = Number(b) || newest
  const left = Number(a) || Math.max(1, right - 1)
  const load = useRead(compare, { params: { code }, query: { a: left, b: right } }, { enabled: Boolean(list.data) || Boolean(a && b) })
  const changes = load.data?.rows.filter(row => row.kind !== 'same') ?? []
  const options = list.data?.map(one => ({ value: String(one.version), label: `第 ${one.version} 版 ${one.label}` }))
  return (
    <Page title={`比较第 ${left} 版与第 ${right} 版`} crumb={<A href={at(`/catalog/${code}`, { tab: 'versions' })}>返回目录</A>}>
      <div className="filters">
        <label>
          <span>旧</span>
          <Select
            aria-label="旧版本"
            style={{ width: 180 }}
            value={String(left)}
            options={options}
            onChange={value => filters.set({ a: value })}
          />
        </label>
        <label>
          <span>新</span>
          <Select
            aria-label="新版本"
            style={{ width: 180 }}
            value={String(right)}
            options={options}
            onChange={value => filters.set({ b: value })}
          />
        </label>
        <nav className="tabs flat" aria-label="范围">
          <A href={filters.address({ only: 'changed' })} aria-current={only === 'changed' ? 'page' : undefined}>
            只看变化 {load.data ? changes.length : ''}
          </A>
          <A href={filters.address({ only: 'all' })} aria-current={only === 'all' ? 'page' : undefined}>
            全部 {load.data?.rows.length ?? ''}
          </A>
        </nav>
      </div>
      <Changes of={load.data} left={left} right={right} all={only === 'all'} error={load.error} retry={load.refetch} />
    </Page>
  )
}
