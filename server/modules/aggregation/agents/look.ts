import { sql } from 'kysely'
import type { AgentSource } from '../../../../contract/agents.ts'
import type { Context } from '../../../platform/context.ts'
import { refuse } from '../../../platform/problem.ts'
import type { Look } from '../connectors/types.ts'
import type { SourceRecord } from '../queries.ts'

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
