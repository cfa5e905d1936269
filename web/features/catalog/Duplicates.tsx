import { Button, Select } from 'antd'
import { useState } from 'react'
import { duplicates, entryStates } from '../../../contract/catalog.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { startCase } from '../../../contract/procedure.ts'
import { ListPager } from '../../app/ListPager.tsx'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { Line, SideForm } from '../../app/SideForm.tsx'
import { useFilters } from '../../app/search.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field } from '../../ui/Field.tsx'
import { amount, codeInUrl, moment, number } from '../../ui/format.ts'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Bones, Nothing, ProblemNote } from '../../ui/states.tsx'
import { Why } from '../../ui/Why.tsx'

type Group = Reply<typeof duplicates>['rows'][number]
const kinds = { open: '待认定', settled: '已认定' } as const

/** 重复与数源认定: entries that seem to hold the same data, what shows it, and who is to be the source. */
export function Duplicates() {
  const filters = useFilters({ state: 'open' })
  const state = filters.value.state as keyof typeof kinds
  const load = useRead(duplicates, { query: { state, ...(filters.value.after && { after: filters.value.after }) } as object })
  const [asked, ask] = useState<{ group: Group; what: 'settle' | 'differ' } | null>(null)
  return (
    <Page
      title="重复与数源认定"
      crumb={<A href={at('/catalog')}>目录</A>}
      sub={
        load.data && (
          <span>
            几个部门登记了同样的数据时，由主管部门明确一个数源部门，其他部门改为申请共享。
            <Why cite={load.data.cite} />
            {load.data.waiting > 0 && ` 还有 ${number(load.data.waiting)} 条目录等待比对。`}
          </span>
        )
      }
    >
      <nav className="tabs" aria-label="状态">
        {Object.entries(kinds).map(([key, label]) => (
          <A key={key} href={filters.address({ state: key })} aria-current={state === key ? 'page' : undefined}>
            {label}
          </A>
        ))}
      </nav>
      {load.error ? <ProblemNote error={load.error} retry={load.refetch} since={load.dataUpdatedAt} /> : null}
      {load.isPending && <Bones lines={8} />}
      {load.data?.rows.length === 0 && (
        <Nothing>{state === 'open' ? '没有发现待认定的重复目录。目录提交审核、发布后几分钟内完成比对。' : '还没有认定过。'}</Nothing>
      )}
      <div className="stack">
        {load.data?.rows.map(group => (
          <GroupSheet key={group.key} group={group} ask={what => ask({ group, what })} />
        ))}
      </div>
      <ListPager of={load.data} filters={filters} />
      {asked && <Settle {...asked} shut={() => ask(null)} done={() => load.refetch()} />}
    </Page>
  )
}

function GroupSheet({ group, ask }: { group: Group; ask: (what: 'settle' | 'differ') => void }) {
  const title = (code: string) => {
    const e = group.entries.find(one => one.code === code)!
    return `${e.department}“${e.title}”`
  }
  return (
    <Sheet
      title={group.entries.map(e => e.title).join(' · ')}
      acts={
        group.may.length > 0 && (
          <div className="row">
            <Button type="primary" onClick={() => ask('settle')}>
              明确数源部门
            </Button>
            <Button onClick={() => ask('differ')}>认定不重复</Button>
          </div>
        )
      }
    >
      <DataTable
        name="目录"
        rows={group.entries}
        rowKey={e => e.id}
        empty={null}
        columns={[
          {
            title: '目录',
            head: true,
            cell: e => (
              <>
                <A href={at(`/catalog/${codeInUrl(e.code)}`)}>{e.title}</A>
                <div className="ht-meta ht-code">{e.code}</div>
              </>
            ),
          },
          { title: '部门', cell: e => `${e.regionName} · ${e.department}` },
          { title: '状态', narrow: true, cell: e => entryStates[e.state] },
          { title: '共享', narrow: true, cell: e => e.shareLabel || '—' },
          { title: '标识', cell: e => e.identifiers.join('、') || '—', wide: true },
          {
            title: '汇聚',
            keep: true,
            cell: e => (e.mounted ? `${amount(e.rows)} 行 · ${moment(e.updated).slice(0, 10)}` : '未汇聚'),
          },
          { title: '数源部门', cell: e => e.collector ?? '—' },
        ]}
      />
      {group.pairs.map(p => (
        <div key={`${p.a} ${p.b}`} style={{ marginTop: 16 }}>
          <h3>
            {title(p.a)} 与 {title(p.b)}：相近 {Math.round(p.score * 100)}%
          </h3>
          <p className="ht-ink2">
            {p.rules.map(r => r.label).join('；')}。名称相近 {Math.round(p.titleLikeness * 100)}%；参与比对的信息项 {p.of[0]} 项与 {p.of[1]}{' '}
            项， 其中 {p.items.length} 项相同或相近：
          </p>
          <ul className="ht-ink2">
            {p.items.map(i => (
              <li key={i.a}>
                {i.a === i.b ? i.a : `${i.a} — ${i.b}`}（{i.label}）
              </li>
            ))}
          </ul>
          {p.settled && (
            <p>
              {p.settled.label}（<A href={at(`/cases/${p.settled.caseNo}`)}>{p.settled.caseNo}</A>，{p.settled.on}）：{p.settled.reason}
              {p.settled.reopened && ' 之后名称或信息项有变化，需要重新认定。'}
            </p>
          )}
        </div>
      ))}
    </Sheet>
  )
}

function Settle({ group, what, shut, done }: { group: Group; what: 'settle' | 'differ'; shut: () => void; done: () => void }) {
  const departments = [...new Map(group.entries.map(e => [e.departmentId, e.department]))]
  return (
    <SideForm
      endpoint={startCase}
      title={what === 'settle' ? '明确数源部门' : '认定不重复'}
      verb={what === 'settle' ? '明确数源部门' : '认定不重复'}
      start={{
        procedure: what === 'settle' ? 'duplicate-settlement' : 'duplicate-difference',
        form: { entries: group.entries.map(e => e.code), reason: '' },
      }}
      shut={shut}
      done={done}
    >
      {form => (
        <>
          <Field form={form} at="/form/entries" label="目录" required hint="不属于这一组的可以去掉，至少两条">
            {({ labelledby: _, ...control }) => (
              <Select
                {...control}
                mode="multiple"
                options={group.entries.map(e => ({ value: e.code, label: `${e.title}（${e.department}）` }))}
              />
            )}
          </Field>
          {what === 'settle' && (
            <Field form={form} at="/form/collector" label="数源部门（由它采集）" required hint="其他部门改为申请共享">
              {({ labelledby: _, ...control }) => <Select {...control} options={departments.map(([value, label]) => ({ value, label }))} />}
            </Field>
          )}
          <Line form={form} at="/form/reason" label="理由" type="area" />
        </>
      )}
    </SideForm>
  )
}
