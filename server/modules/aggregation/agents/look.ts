import { sql } from 'kysely'
import type { Agent, AgentSource } from '../../../../contract/agents.ts'
import type { Source } from '../../../../contract/aggregation.ts'
import type { Context } from '../../../platform/context.ts'
import type { Database } from '../../../platform/db.ts'
import { refuse } from '../../../platform/problem.ts'
import type { Look } from '../connectors/types.ts'
import type { SourceRecord } from '../queries.ts'
import type { AgentRecord } from './caller.ts'

/** Silent for longer than this: something is wrong there. */
const SILENT_SECONDS = 180
export function agentState(agent: Pick<AgentRecord, 'contact' | 'revoked'>, now: Date): Pick<Agent, 'state' | 'stateLabel'> {
  const since = agent.contact ? (now.getTime() - agent.contact.getTime()) / 1000 : Number.POSITIVE_INFINITY
  const state = agent.revoked ? 'revoked' : since > SILENT_SECONDS ? 'silent' : 'online'
  return { state, stateLabel: { online: '在线', silent: '失去联系', revoked: '已停用' }[state] }
}

/** For each source that an agent reads: which, and what is owed. */
export async function agentsOf(
  ctx: { db: Database; now: Date },
  sources: SourceRecord[],
): Promise<Map<string, NonNullable<Source['agent']>>> {
  const own = sources.filter(s => s.agent_id)
  if (!own.length) return new Map()
  const { rows } = await sql<
    Pick<AgentRecord, 'id' | 'name' | 'contact' | 'revoked'>
  >`select id, name, contact, revoked from aggregation.agent where id = any(${own.map(s => s.agent_id)}::uuid[])`.execute(ctx.db)
  return new Map(
    own.flatMap(s => {
      const agent = rows.find(a => a.id === s.agent_id)
      const asked = s.agent_run_at?.toISOString() ?? null
      return agent ? [[s.id, { id: agent.id, name: agent.name, source: s.agent_source!, ...agentState(agent, ctx.now), asked }]] : []
    }),
  )
}

/** The platform knows where such a source is, not how to sign in there. */
export function requireOwnReach(source: SourceRecord): void {
  if (!source.agent_id) return
  refuse('agent.reads', {
    status: 409,
    detail: '这个来源由前置机读取，平台不去连接。',
    remedy: '请用「现在读取」请前置机读取；连接在那台机器上用 ./huitong agent source add 修改。',
  })
}

/** The columns an agent told of; rows are not looked at before there is a mapping that says which of them are needed. */
export async function agentLook(ctx: Pick<Context, 'db'>, source: SourceRecord): Promise<Look> {
  const { rows } = await sql<{
    sources: AgentSource[]
  }>`select report->'sources' as sources from aggregation.agent where id = ${source.agent_id}`.execute(ctx.db)
  const offered = rows[0]?.sources.find(s => s.name === source.agent_source)
  if (!offered?.columns)
    refuse('agent.not_looked', {
      status: 409,
      detail: offered?.error ?? '前置机还没有报告这个表的列。',
      remedy: '请看前置机是否在运行，稍后再试。',
    })
  return { columns: offered.columns, rows: [], estimate: null }
}
