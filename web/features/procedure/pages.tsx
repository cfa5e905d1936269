import { useParams } from '@tanstack/react-router'
import { Select } from 'antd'
import type { Light as LightName } from '../../../contract/common.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { caseByNo, cases, notices, readNotices, startCase, todo } from '../../../contract/procedure.ts'
import { today } from '../../../contract/regulation.ts'
import { ListPager } from '../../app/ListPager.tsx'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { useMay } from '../../app/session.ts'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { dueDay, longDay, moment } from '../../ui/format.ts'
import { Light, lightHue, lightOrder, lightShape, Mark } from '../../ui/Light.tsx'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'
import { Review, useReview } from '../catalog/Review.tsx'
import { Case } from './Case.tsx'
import { ClockChip } from './ClockChip.tsx'

const groupWords: Partial<Record<LightName, string>> = {
  red: '逾期',
  yellow: '2 个工作日内',
  green: '期限内',
  stopped: '停表',
  word: '及时',
}

type Row = Reply<typeof todo>['rows'][number]

export function Todo() {
  const filters = useFilters({ light: '', who: 'department', day: '' })
  const { light, who, day } = filters.value
  const load = useRead(todo, { query: { who: who as 'me', ...(light && { light }) } })
  const calendar = useRead(today).data
  const rows = load.data?.rows.filter(row => !day || row.clock.due === day)
  const first = load.data?.rows.length ?? 0

  const columns: Column<Row>[] = [
    {
      title: '办件',
      head: true,
      cell: row => (
        <>
          <A href={row.href}>{row.title}</A>
          <div className="ht-meta">
            {row.procedureLabel}
            {row.caseNo && <span className="ht-num"> {row.caseNo}</span>}
          </div>
        </>
      ),
    },
    { title: '要做的事', cell: row => row.what },
    { title: '对方', cell: row => row.counterparty },
    { title: '时限', cell: row => <ClockChip clock={row.clock} />, narrow: true },
    {
      title: '依据',
      narrow: true,
      cell: row => (
        <>
          {citeWords(row.clock.cite)}
          <Why cite={row.clock.cite} inherited={row.clock.inherited} />
        </>
      ),
    },
    {
      title: '操作',
      narrow: true,
      cell: (row, index) => (
        <A
          className={`ht-btn${index === 0 && row.mine ? ' solid' : ''}`}
          href={row.href}
          aria-label={`${row.mine ? '去办理' : '查看'}：${row.title}`}
        >
          {row.mine ? '去办理' : '查看'}
        </A>
      ),
    },
  ]
  return (
    <Page
      title={load.data && who !== 'started' ? (first ? `待办：今天先办这 ${Math.min(first, 3)} 件` : '待办：没有要办的事') : '待办'}
      name="待办"
      sub={
        calendar && (
          <span>
            {longDay(calendar.day)} {calendar.weekday}
            {calendar.note && ` · ${calendar.note}`}
            {calendar.nextWorkingDay && ` · 下一个工作日 ${dueDay(calendar.nextWorkingDay)}`}
          </span>
        )
      }
    >
      <div className="stack">
        <div className="row">
          <div className="chips" role="group" aria-label="按时限筛选">
            {lightOrder
              .filter(name => groupWords[name])
              .map(name => (
                <A
                  key={name}
                  href={filters.address({ light: light === name ? undefined : name })}
                  aria-current={light === name ? 'true' : undefined}
                >
                  <Mark hue={lightHue(name)} shape={lightShape(name)}>
                    {groupWords[name]} {load.data?.counts[name] ?? 0}
                  </Mark>
                </A>
              ))}
          </div>
          <nav className="tabs push flat" aria-label="范围">
            {(
              [
                ['me', '我的'],
                ['department', '本部门'],
                ['started', '我发起的'],
              ] as const
            ).map(([key, label]) => (
              <A key={key} href={filters.address({ who: key })} aria-current={who === key ? 'page' : undefined}>
                {label}
              </A>
            ))}
          </nav>
        </div>
        <DataTable
          name="待办"
          columns={columns}
          rows={rows}
          rowKey={row => row.dutyId}
          error={load.error}
          retry={load.refetch}
          since={load.dataUpdatedAt}
          filtered={Boolean(light || day)}
          clear={filters.clear}
          empty={<Nothing action={<A href={at('/cases')}>看全部办件</A>}>现在没有等着办的事。新的办件到了会在这里按时限排好。</Nothing>}
        />
        {load.data && (
          <div className="columns halves">
            <Sheet title="到期预告" note="点日期即筛选">
              {load.data.forecast.length === 0 && <p className="ht-ink2">近期没有到期的事。</p>}
              <div className="chips">
                {load.data.forecast.map(cell => (
                  <A
                    key={cell.day}
                    href={filters.address({ day: day === cell.day ? undefined : cell.day })}
                    aria-current={day === cell.day ? 'true' : undefined}
                  >
                    <Mark hue={cell.count ? lightHue(cell.light) : 'grey'} shape={cell.count ? lightShape(cell.light) : undefined}>
                      {dueDay(cell.day)} {cell.count}
                    </Mark>
                  </A>
                ))}
              </div>
            </Sheet>
            <Sheet title="数据健康">
              {load.data.health.length === 0 && <p className="ht-ink2">没有要留意的。</p>}
              <ul className="row">
                {load.data.health.map(one => (
                  <li key={one.label}>
                    <A href={one.href}>
                      {one.label} {one.count}
                    </A>
                  </li>
                ))}
              </ul>
            </Sheet>
          </div>
        )}
      </div>
    </Page>
  )
}

export const Cases = () => <CaseList title="办件" scope="department" />
export const Applications = () => <CaseList title="共享申请" scope="started" procedure="sharing-application" />

function CaseList({ title, scope, procedure }: { title: string; scope: string; procedure?: string }) {
  const filters = useFilters({ scope, state: 'all', q: '', procedure: procedure ?? '' })
  const { value } = filters
  const mayStart = useMay(startCase)
  const load = useRead(cases, {
    query: {
      scope: value.scope as 'all',
      state: value.state as 'all',
      ...(value.q && { q: value.q }),
      ...(value.procedure && { procedure: value.procedure }),
      ...(value.after && { after: value.after }),
    },
  })
  const columns: Column<Reply<typeof cases>['rows'][number]>[] = [
    {
      title: '办件',
      head: true,
      cell: row => (
        <>
          <A href={at(`/cases/${row.no}`)}>{row.title}</A>
          <div className="ht-meta">
            {row.procedureLabel} <span className="ht-num">{row.no}</span>
          </div>
        </>
      ),
    },
    { title: '申请方', cell: row => row.applicant },
    { title: '地区', cell: row => row.regionName, narrow: true },
    { title: '状态', cell: row => row.stateLabel, narrow: true },
    { title: '等待', cell: row => (row.ended ? '—' : row.waitingFor) },
    {
      title: '时限',
      narrow: true,
      cell: row => (row.light ? <Light light={row.light} left={row.left} due={row.due} date /> : '—'),
    },
    { title: '提出', cell: row => moment(row.opened), keep: true, narrow: true },
  ]
  const tabs = [
    ['started', '本部门提出的'],
    ['waiting', '待本部门答复'],
    ['department', '与本部门有关'],
    ['all', '全部可见'],
  ] as const
  return (
    <Page
      title={title}
      acts={
        (procedure || mayStart) && (
          <A className="ht-btn solid" href={at(procedure ? '/sharing' : '/cases/new')}>
            {procedure ? '查找数据' : '提出办件'}
          </A>
        )
      }
    >
      <nav className="tabs" aria-label="范围">
        {tabs.map(([key, label]) => (
          <A key={key} href={filters.address({ scope: key })} aria-current={value.scope === key ? 'page' : undefined}>
            {label}
          </A>
        ))}
      </nav>
      <div className="filters">
        <label className="grow">
          <span>查找</span>
          <SearchBox value={value.q} onSearch={q => filters.set({ q })} placeholder="编号、名称" />
        </label>
        <label>
          <span>状态</span>
          <Select
            style={{ width: 140 }}
            aria-label="状态"
            value={value.state}
            onChange={state => filters.set({ state })}
            options={[
              { value: 'all', label: '全部' },
              { value: 'open', label: '办理中' },
              { value: 'ended', label: '已办结' },
            ]}
          />
        </label>
      </div>
      <DataTable
        name={title}
        columns={columns}
        rows={load.data?.rows}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        since={load.dataUpdatedAt}
        filtered={Boolean(value.q) || value.state !== 'all'}
        clear={() => filters.set({ q: undefined, state: undefined })}
        empty={<Nothing>这里还没有办件。</Nothing>}
        footer={<ListPager of={load.data} filters={filters} />}
      />
    </Page>
  )
}

export function CasePage() {
  const { no } = useParams({ strict: false }) as { no: string }
  const load = useRead(caseByNo, { params: { no } })
  return <Loaded load={load}>{one => (one.subject.compare ? <ReviewCase of={one} /> : <Case of={one} />)}</Loaded>
}

/** A case whose subject has versions shows what this one changes. */
function ReviewCase({ of: one }: { of: Reply<typeof caseByNo> }) {
  const review = useReview(one.subject.code, one.no)
  return (
    <Case of={one} places={review.load.data?.rows.map(row => row.field)}>
      <Review of={review} ended={one.ended} />
    </Case>
  )
}

/** A4: head, clock statement, form, opinions, timeline, last ledger number. */
export function CasePrint() {
  const { no } = useParams({ strict: false }) as { no: string }
  const load = useRead(caseByNo, { params: { no } })
  return (
    <Loaded load={load}>
      {one => (
        <Page
          title={`${one.procedureLabel}办理单`}
          name={`${one.title} · 打印`}
          crumb={<A href={at(`/cases/${one.no}`)}>返回办件</A>}
          acts={
            <button type="button" className="ht-btn solid" onClick={() => window.print()}>
              打印
            </button>
          }
        >
          <div className="stack">
            <Sheet>
              <Facts
                of={[
                  ['编号', one.no],
                  ['名称', one.title],
                  ['状态', one.stateLabel],
                  ['依据', citeWords(one.ruling.cite)],
                  ...one.parties.map((party): [string, string] => [party.label, party.department]),
                ]}
              />
            </Sheet>
            <Sheet title="时限">
              {one.clocks.map(clock => (
                <p key={clock.dutyId}>
                  {clock.what}（{clock.debtor}）：
                  <Light {...clock} date /> {citeWords(clock.cite)}
                </p>
              ))}
            </Sheet>
            <Sheet title="申请内容">
              <Facts of={one.form.map(field => [field.label, field.value || '—'])} />
            </Sheet>
            <Sheet title="办理经过">
              <ol className="timeline">
                {one.timeline.map(event => (
                  <li key={event.seq}>
                    <span className="when">{moment(event.at)}</span> {event.system ? '系统' : `${event.person} · ${event.department}`}{' '}
                    <b>{event.label}</b>
                    {event.cite && `（${citeWords(event.cite)}）`}
                    {event.ledger !== null && ` 留痕 ${event.ledger}`}
                    {event.content.map(({ label, value }) => (
                      <blockquote key={label}>
                        {label}：{value}
                      </blockquote>
                    ))}
                  </li>
                ))}
              </ol>
            </Sheet>
            <p className="ht-hint">{`${location.origin}${at(`/cases/${one.no}`)}`}</p>
          </div>
        </Page>
      )}
    </Loaded>
  )
}

export function Messages() {
  const load = useRead(notices)
  const read = useAct(readNotices)
  return (
    <Page
      title="消息"
      acts={
        load.data?.unread ? (
          <button type="button" className="ht-btn" disabled={read.isPending} onClick={() => read.mutate({})}>
            全部标为已读
          </button>
        ) : null
      }
    >
      <DataTable
        name="消息"
        columns={[
          {
            title: '内容',
            head: true,
            cell: row => <A href={row.href}>{row.read ? row.text : <b>{row.text}</b>}</A>,
          },
          { title: '时间', cell: row => moment(row.at), keep: true, narrow: true },
          { title: '类别', cell: row => ({ news: '进展', reminder: '催办', supervision: '督办' })[row.kind], narrow: true },
          { title: '状态', cell: row => (row.read ? '已读' : <Mark hue="blue">未读</Mark>), narrow: true },
        ]}
        rows={load.data?.rows}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        empty={<Nothing>没有消息。办件有进展时会在这里通知。</Nothing>}
      />
    </Page>
  )
}
