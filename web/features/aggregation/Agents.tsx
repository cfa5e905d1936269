import { useRouter } from '@tanstack/react-router'
import { App, Button, Modal, Select } from 'antd'
import { useState } from 'react'
import { type Agent, agentMakesSource, agents, pairAgent, revokeAgent } from '../../../contract/agents.ts'
import { searchEntries } from '../../../contract/catalog.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { systems } from '../../../contract/organization.ts'
import { problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { type AnyForm, Line, SideForm } from '../../app/SideForm.tsx'
import { useMay } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field } from '../../ui/Field.tsx'
import { bytes, moment, span } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { AgentMark } from './AgentSteps.tsx'
import { HoldingPages } from './Holdings.tsx'

/** 前置机: programs at departments' own machines that read there and connect out to here. */
export function Agents() {
  const load = useRead(agents, {}, { refetchInterval: 5000 })
  const may = useMay(pairAgent)
  const [pairing, setPairing] = useState(false)
  const [made, setMade] = useState<Reply<typeof pairAgent> | null>(null)
  const pair = may && (
    <Button type="primary" onClick={() => setPairing(true)}>
      配对前置机
    </Button>
  )
  return (
    <Page title="前置机" crumb={<A href={at('/sources')}>数据源</A>} acts={pair}>
      <HoldingPages here="/agents" />
      <Loaded load={load}>
        {list =>
          list.length ? (
            <div className="stack">
              {list.map(one => (
                <One key={one.id} of={one} />
              ))}
            </div>
          ) : (
            <Nothing action={pair}>
              还没有前置机。数据库不能对外开放时，在部门自己的机器上运行它：只向外连接平台，不开端口，密码不出本机。
            </Nothing>
          )
        }
      </Loaded>
      {pairing && (
        <SideForm
          endpoint={pairAgent}
          title="配对前置机"
          verb="生成配对码"
          start={{ name: '' }}
          shut={() => setPairing(false)}
          done={setMade}
        >
          {form => <Line form={form} at="/name" label="前置机名称" hint="如：民政局机房前置机" />}
        </SideForm>
      )}
      {made && <Code of={made} shut={() => setMade(null)} />}
    </Page>
  )
}

function Code({ of: made, shut }: { of: Reply<typeof pairAgent>; shut: () => void }) {
  return (
    <Modal
      open
      title="配对码（只显示这一次）"
      width={640}
      mask={{ closable: false }}
      onCancel={shut}
      footer={
        <>
          <Button onClick={() => void navigator.clipboard?.writeText(made.command)}>复制命令</Button>
          <Button type="primary" onClick={shut}>
            关闭
          </Button>
        </>
      }
    >
      <div className="stack">
        <p>在部门自己的机器上依次运行（{moment(made.expires)} 前有效，只能用一次）：</p>
        <pre className="code" tabIndex={0} aria-label="配对命令">
          {`${made.command}
./huitong agent source add 业务库 --kind postgres \\
  --host 127.0.0.1 --database 库名 --user 用户 --table 表名
./huitong agent`}
        </pre>
        <p className="ht-ink2">平台用自签发证书的，配对时加 --ca 证书.pem。数据库密码在第二条命令后输入，加密存放在那台机器上。</p>
      </div>
    </Modal>
  )
}

function One({ of: one }: { of: Agent }) {
  const [mounting, setMounting] = useState<string | null>(null)
  const { message, modal } = App.useApp()
  const revoke = useAct(revokeAgent, () => message.success('前置机已停用'))
  const ask = () =>
    modal.confirm({
      title: `停用「${one.name}」`,
      content: '它的下一个请求会被拒绝；已入库的数据不受影响。再用要重新配对。',
      okText: '停用',
      cancelText: '先不办',
      onOk: () =>
        revoke.mutate({ params: { id: one.id } }, { onError: error => modal.error({ title: problemOf(error).detail, okText: '返回' }) }),
    })
  const rows = one.offered.map(o => ({ ...o, used: one.sources.find(s => s.id === o.sourceId) }))
  return (
    <Sheet
      title={one.name}
      note={<AgentMark of={one} />}
      acts={
        one.may.includes('revoke') && (
          <Button danger onClick={ask}>
            停用
          </Button>
        )
      }
    >
      <div className="stack">
        <Facts
          of={[
            ['部门', one.department],
            ['版本', one.version || '还没有联系'],
            ['最近联系', one.contact ? moment(one.contact, true) : '还没有'],
            ['落后', one.lag ? `最早的读取任务已等 ${span(one.lag)}` : '没有欠的读取任务'],
            ['待传', one.spool ? `已读取、未送达 ${bytes(one.spool)}` : '没有'],
            ['最近的问题', one.error],
            ['配对', `${one.pairedBy} ${moment(one.paired)}`],
          ]}
        />
        {one.state !== 'revoked' && (
          <DataTable
            name={`${one.name}上的来源`}
            rows={rows}
            rowKey={row => row.name}
            empty={<Nothing>还没有来源。在那台机器上运行 ./huitong agent source add。</Nothing>}
            columns={[
              {
                title: '来源',
                head: true,
                cell: row => (
                  <>
                    {row.name}
                    <div className="ht-meta">{row.place}</div>
                  </>
                ),
              },
              {
                title: '挂接的目录',
                cell: row =>
                  row.used ? <A href={at(`/sources/${row.used.id}`)}>{row.used.title}</A> : <span className="ht-ink3">还没有</span>,
              },
              {
                title: '现在',
                cell: row =>
                  row.error || row.used?.trouble ? (
                    <Mark hue="red" shape="■">
                      {row.used?.trouble ?? row.error}
                    </Mark>
                  ) : row.used?.live ? (
                    <Mark hue="green" shape="●">
                      {row.used.live}
                    </Mark>
                  ) : row.used?.waiting ? (
                    <Mark hue="blue" shape="◇">
                      {one.state === 'online' ? '正在读取' : '等它联系后读取'}
                    </Mark>
                  ) : (
                    <Mark hue="green" shape="●">
                      {row.columns ? `可以读取，${row.columns.length} 列` : '可以读取'}
                    </Mark>
                  ),
              },
              {
                title: '操作',
                narrow: true,
                cell: row =>
                  !row.used && one.may.includes('assign') ? (
                    <Button size="small" onClick={() => setMounting(row.name)}>
                      挂接
                    </Button>
                  ) : (
                    '—'
                  ),
              },
            ]}
          />
        )}
      </div>
      {mounting && <Mount agent={one} source={mounting} shut={() => setMounting(null)} />}
    </Sheet>
  )
}

/** An entry on a source of the agent. Its columns, schedule and first batch are settled on the guided page. */
function Mount({ agent, source, shut }: { agent: Agent; source: string; shut: () => void }) {
  const { history } = useRouter()
  const columns = agent.offered.find(one => one.name === source)?.columns
  const entries = useRead(searchEntries, { query: { scope: 'mine', state: 'published', limit: 200 } })
  const owned = useRead(systems)
  const choose = (
    form: AnyForm,
    pointer: string,
    label: string,
    required: boolean,
    options: { value: string; label: string }[] | undefined,
  ) => (
    <Field form={form} at={pointer} label={label} required={required}>
      {({ labelledby, value, ...control }) => (
        <Select
          {...control}
          aria-labelledby={labelledby}
          showSearch={{ optionFilterProp: 'label' }}
          allowClear
          value={value || undefined}
          {...(options && { options })}
        />
      )}
    </Field>
  )
  return (
    <SideForm
      endpoint={agentMakesSource}
      title={`把「${source}」挂接到目录`}
      verb="挂接"
      start={{ entryId: '', systemId: '' }}
      params={{ id: agent.id }}
      body={({ entryId, systemId }) => ({ entryId, source, ...(systemId && { systemId }) })}
      shut={shut}
      done={({ id }) => history.push(at('/sources/new', { source: id, step: columns ? 'map' : undefined }))}
    >
      {form => (
        <>
          {choose(
            form,
            '/entryId',
            '目录',
            true,
            entries.data?.rows.map(e => ({ value: e.id, label: `${e.title} ${e.code}` })),
          )}
          {choose(
            form,
            '/systemId',
            '所属信息系统',
            false,
            owned.data?.map(s => ({ value: s.id, label: s.name })),
          )}
        </>
      )}
    </SideForm>
  )
}
