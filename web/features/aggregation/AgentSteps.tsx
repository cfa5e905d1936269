import { Radio } from 'antd'
import type { ReactNode } from 'react'
import { type Agent, agents } from '../../../contract/agents.ts'
import { batches, type Source, source as sourceById } from '../../../contract/aggregation.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { Field } from '../../ui/Field.tsx'
import type { Form } from '../../ui/form.ts'
import { moment } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'
import { Facts, Sheet } from '../../ui/Page.tsx'
import { Loaded } from '../../ui/states.tsx'
import { isTable } from './connection.tsx'
import { BatchTable } from './tables.tsx'

const looks: Record<Agent['state'], [Hue, string]> = { online: ['green', '●'], silent: ['red', '■'], revoked: ['grey', '‖'] }
export function AgentMark({ of: { state, stateLabel } }: { of: Pick<Agent, 'state' | 'stateLabel'> }) {
  const [hue, shape] = looks[state]
  return (
    <Mark hue={hue} shape={shape}>
      {stateLabel}
    </Mark>
  )
}

/**
 * What the department's agents offer. Chosen is the agent's id and the name there; looked at again, since an agent may be paired meanwhile.
 * `children` is the rest of the form, of no use before there is something to choose.
 */
export function AgentField({ form, children }: { form: Form<any>; children: ReactNode }) {
  const load = useRead(agents, {}, { refetchInterval: 5000 })
  return (
    <Loaded load={load} lines={3}>
      {list => {
        const own = list.filter(one => one.may.includes('assign'))
        if (!own.some(one => one.offered.length)) return <HowToPair paired={own} />
        return (
          <>
            <Field form={form} at="/offered" label="前置机上的来源" required group hint="平台只知道它在哪里和有哪些列，密码不出那台机器。">
              {({ id, labelledby, value, onChange }) => (
                <Radio.Group
                  id={id}
                  name={id}
                  vertical
                  aria-labelledby={labelledby}
                  value={value}
                  onChange={event => onChange(event.target.value)}
                  options={own.flatMap(agent =>
                    agent.offered.map(one => ({
                      value: offeredAs(agent.id, one.name),
                      disabled: one.sourceId !== null || (isTable(one.connection.kind) && !one.columns),
                      label: <Offered of={one} agent={agent} />,
                    })),
                  )}
                />
              )}
            </Field>
            {children}
          </>
        )
      }}
    </Loaded>
  )
}
const offeredAs = (agentId: string, name: string) => `${agentId} ${name}`
export const chosenOf = (offered: string) => ({
  agentId: offered.slice(0, offered.indexOf(' ')),
  source: offered.slice(offered.indexOf(' ') + 1),
})

function Offered({ of: one, agent }: { of: Agent['offered'][number]; agent: Agent }) {
  return (
    <>
      {one.name} <span className="ht-ink2">{agent.name}</span> {agent.state !== 'online' && <AgentMark of={agent} />}
      <div className="ht-meta">
        {one.place}
        {one.sourceId ? '，已挂接' : one.error ? `，${one.error}` : one.columns && `，${one.columns.length} 列`}
      </div>
    </>
  )
}

function HowToPair({ paired }: { paired: Agent[] }) {
  return (
    <div className="ht-note">
      <p>
        <b>{paired.length ? '前置机上还没有登记来源' : '本部门还没有前置机'}</b>
      </p>
      <p>前置机是装在部门自己机器上的程序：在那里读取，只向外连接平台，不开端口。</p>
      <ol style={{ listStyle: 'decimal', paddingLeft: '1.5em', marginTop: 8 }}>
        <li>
          {paired.length ? (
            <>已配对：{paired.map(one => one.name).join('、')}</>
          ) : (
            <>
              到<A href={at('/agents')}>前置机</A>页按「配对前置机」，得到只能用一次的配对命令
            </>
          )}
        </li>
        <li>
          在那台机器上登记来源：<code>./huitong agent source add 名称 --kind postgres …</code>（也可以是 mysql、folder、sftp、http）
        </li>
        <li>
          运行 <code>./huitong agent</code>，它联系平台后，来源就列在这里，不用刷新
        </li>
      </ol>
    </div>
  )
}

/** Where a source that an agent reads stands, in place of the fields of a connection. */
export const AgentFacts = ({ of: agent }: { of: NonNullable<Source['agent']> }) => (
  <Facts
    of={[
      [
        '前置机',
        <A key="agent" href={at('/agents')}>
          {agent.name}
        </A>,
      ],
      ['现在', <AgentMark key="state" of={agent} />],
      ['那里的名称', agent.source],
    ]}
  />
)

/** The first batch is asked for; it comes when the agent has read and delivered. */
export function AtTheAgent({ id }: { id: string }) {
  const load = useRead(sourceById, { params: { id } }, { refetchInterval: 2000 })
  const runs = useRead(batches, { query: { source: id } }, { refetchInterval: 2000 })
  return (
    <Loaded load={load}>
      {one => (
        <div className="stack">
          <Sheet title="首批" note={one.agent && <AgentMark of={one.agent} />}>
            <div role="status">
              <First of={one} brought={runs.data?.rows.length ?? 0} />
            </div>
          </Sheet>
          {runs.data && runs.data.rows.length > 0 && <BatchTable load={runs} />}
          <div className="row">
            <A className="ht-btn" href={at(`/sources/${id}`)}>
              去数据源页面
            </A>
          </div>
        </div>
      )}
    </Loaded>
  )
}

function First({ of: { agent, trouble }, brought }: { of: Source; brought: number }) {
  if (trouble)
    return (
      <div className="ht-note red">
        <p>{trouble.text}</p>
        <p className="ht-ink2">{trouble.remedy}</p>
      </div>
    )
  if (agent?.asked)
    return (
      <>
        <p>
          已请前置机「{agent.name}」读取（{moment(agent.asked, true)}），等它送来。
        </p>
        <p className="ht-ink2">
          {agent.state === 'online'
            ? '它在线，读完就送；可以离开这一页。'
            : '它现在没有联系平台。恢复联系后照这次的要求读取，不用再按一次；请看那台机器上 ./huitong agent 是否在运行。'}
        </p>
      </>
    )
  return <p>{brought ? '前置机已经送来，批次如下。' : '前置机看过了，没有可送的数据。'}</p>
}
