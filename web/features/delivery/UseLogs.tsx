import { App, Button, Input, Modal, Radio, Select } from 'antd'
import { useState } from 'react'
import { searchEntries } from '../../../contract/catalog.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { actUseSubscription, subscribeUses, type UseSubscription, usePushes, useSides, useSubscriptions } from '../../../contract/uses.ts'
import { problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { SideForm } from '../../app/SideForm.tsx'
import { useMay } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field } from '../../ui/Field.tsx'
import { codeInUrl, moment, number } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

const looks: Record<UseSubscription['state'], [Hue, string]> = {
  active: ['green', '●'],
  paused: ['grey', '‖'],
  stopped: ['red', '■'],
  ended: ['grey', '✓'],
}

/** 使用日志推送: the log of uses goes to a system of the department, signed; the receipts stand here. */
export function UseLogs() {
  const load = useRead(useSubscriptions, {}, { refetchInterval: 15_000 })
  const may = useMay(subscribeUses)
  const [asking, setAsking] = useState(false)
  const [secret, setSecret] = useState<Reply<typeof subscribeUses> | null>(null)
  return (
    <Page
      title="使用日志推送"
      crumb={<A href={at('/use-records')}>使用记录</A>}
      sub={<span>订阅以后，平台把新的使用日志推送到本部门的系统，签名并留存回执。</span>}
      acts={
        may && (
          <Button type="primary" onClick={() => setAsking(true)}>
            订阅
          </Button>
        )
      }
    >
      <Loaded load={load}>
        {({ cite, rows }) => (
          <div className="stack">
            <p>
              {cite.text}（{citeWords(cite)}
              <Why cite={cite} />）
            </p>
            {rows.length === 0 && <Nothing>本部门还没有订阅。</Nothing>}
            {rows.map(row => (
              <One key={row.id} of={row} />
            ))}
          </div>
        )}
      </Loaded>
      {asking && <Subscribe shut={() => setAsking(false)} done={setSecret} />}
      {secret && (
        <Modal
          open
          title="签名密钥（只显示这一次）"
          mask={{ closable: false }}
          onCancel={() => setSecret(null)}
          footer={
            <Button type="primary" onClick={() => setSecret(null)}>
              已保存，关闭
            </Button>
          }
        >
          <div className="stack">
            <p className="ht-note yellow">请现在存入接收系统。每次推送的请求头 x-huitong-signature 是用它对报文算出的 HMAC-SHA256。</p>
            <Facts
              of={[
                ['推送', secret.subscription.no],
                ['密钥', <code key="s">{secret.secret}</code>],
              ]}
            />
          </div>
        </Modal>
      )}
    </Page>
  )
}

const done = { run: '已安排推送', pause: '已暂停', resume: '已继续', end: '已结束' } as const
function One({ of: one }: { of: UseSubscription }) {
  const { message, modal } = App.useApp()
  const act = useAct(actUseSubscription)
  const pushes = useRead(usePushes, { params: { id: one.id }, query: { limit: 10 } }, { refetchInterval: 15_000 })
  const go = (action: keyof typeof done) =>
    act.mutate(
      { params: { id: one.id }, body: { action } },
      { onSuccess: () => message.success(done[action]), onError: error => message.error(problemOf(error).detail) },
    )
  const may = new Set(one.may)
  return (
    <Sheet
      title={`${one.no} ${one.entry?.title ?? one.sideLabel}`}
      note={
        <Mark hue={looks[one.state][0]} shape={looks[one.state][1]}>
          {one.stateLabel}
        </Mark>
      }
      acts={
        <>
          {may.has('run') && <Button onClick={() => go('run')}>现在推送</Button>}
          {may.has('pause') && <Button onClick={() => go('pause')}>暂停</Button>}
          {may.has('resume') && (
            <Button type="primary" onClick={() => go('resume')}>
              继续
            </Button>
          )}
          {may.has('end') && (
            <Button
              onClick={() =>
                modal.confirm({
                  title: `结束推送 ${one.no}？`,
                  content: '以后的使用日志不再推送；推送过的和回执仍留存。',
                  okText: '结束',
                  cancelText: '先不办',
                  onOk: () => go('end'),
                })
              }
            >
              结束
            </Button>
          )}
        </>
      }
    >
      <div className="stack-small">
        {one.trouble && (
          <p className={`ht-note ${one.state === 'stopped' ? 'red' : 'yellow'}`} role="alert">
            {one.trouble}
            {one.state === 'active' && one.nextTry && `（已失败 ${one.attempts} 次，${moment(one.nextTry)} 再试）`}
          </p>
        )}
        <Facts
          of={[
            ['日志', one.sideLabel],
            [
              '目录',
              one.entry ? (
                <A key="e" href={at(`/catalog/${codeInUrl(one.entry.code)}`)}>
                  {one.entry.title}
                </A>
              ) : (
                '全部'
              ),
            ],
            ['推送到', <code key="u">{one.url}</code>],
            ['已收到', `${number(one.pushed)} 条${one.last ? `，最近 ${moment(one.last)}` : ''}`],
            ['订阅', `${one.createdBy}，${moment(one.created)}`],
          ]}
        />
        <DataTable
          name={`${one.no} 的推送`}
          rows={pushes.data?.rows}
          rowKey={row => row.id}
          error={pushes.error}
          retry={pushes.refetch}
          empty={<Nothing>还没有推送：订阅以后没有新的使用。</Nothing>}
          columns={[
            {
              title: '时间',
              head: true,
              narrow: true,
              keep: true,
              cell: row => <A href={at(`/audit/${row.ledger}`)}>{moment(row.at, true)}</A>,
            },
            { title: '条数', right: true, narrow: true, cell: row => number(row.uses) },
            { title: '留痕号', narrow: true, cell: row => `${number(row.first)} 至 ${number(row.last)}` },
            {
              title: '回执',
              cell: row =>
                row.error ? (
                  <Mark hue="red" shape="■">
                    {row.error}
                  </Mark>
                ) : (
                  row.receipt
                ),
            },
          ]}
        />
      </div>
    </Sheet>
  )
}

function Subscribe({ shut, done: made }: { shut: () => void; done: (reply: Reply<typeof subscribeUses>) => void }) {
  const [q, setQ] = useState('')
  const own = useRead(searchEntries, {
    query: { scope: 'mine', state: 'published', limit: 50, ...(q && { q }) } as object,
  })
  return (
    <SideForm
      endpoint={subscribeUses}
      title="订阅使用日志"
      verb="订阅"
      start={{ side: 'given', entryId: undefined, url: '' }}
      body={({ side, entryId, url }) => ({ side, url, ...(side === 'given' && entryId && { entryId }) })}
      shut={shut}
      done={made}
    >
      {form => (
        <>
          <p className="ht-note">从现在起的使用推送过去，没有送达的稍后再试。以前的请在「使用记录」查看。</p>
          <Field form={form} at="/side" label="哪些日志" required group>
            {({ id, labelledby, value, onChange }) => (
              <Radio.Group
                aria-labelledby={labelledby}
                value={value}
                onChange={event => onChange(event.target.value)}
                options={Object.entries(useSides).map(([key, label], n) => ({ value: key, label, ...(n === 0 && { id }) }))}
              />
            )}
          </Field>
          {form.value.side === 'given' && (
            <Field form={form} at="/entryId" label="目录" hint="不选就是本部门的全部目录">
              {({ labelledby: _, ...control }) => (
                <Select
                  {...control}
                  allowClear
                  showSearch={{ filterOption: false, onSearch: setQ }}
                  loading={own.isPending}
                  options={own.data?.rows.map(row => ({ value: row.id, label: row.title }))}
                  notFoundContent="没有找到本部门的目录"
                />
              )}
            </Field>
          )}
          <Field
            form={form}
            at="/url"
            label="接收地址"
            required
            hint="本部门系统接收 POST 的地址；答复 2xx 就是收到，可以在 receipt 里写回执号"
          >
            {({ labelledby: _, onChange, ...control }) => (
              <Input {...control} placeholder="https://" autoComplete="off" onChange={event => onChange(event.target.value)} />
            )}
          </Field>
        </>
      )}
    </SideForm>
  )
}
