import { createHash, randomInt } from 'node:crypto'
import { sql } from 'kysely'
import type * as contract from '../../../../contract/agents.ts'
import { type Connection, type Follow, placeOf } from '../../../../contract/connections.ts'
import { publicKeyOf } from '../../../agent/sign.ts'
import type { Actor, Context, StaffContext } from '../../../platform/context.ts'
import { newId } from '../../../platform/id.ts'
import { notFound, refuse } from '../../../platform/problem.ts'
import { record } from '../../audit/public.ts'
import { createSource, setFollow } from '../commands.ts'
import { fileConnector, tableConnector } from '../connectors/index.ts'
import { type SourceRecord, sourceById } from '../queries.ts'
import { type AgentRecord, agentById } from './caller.ts'

// Without letters and digits that people take for one another.
const ALPHABET = '23456789ABCDEFGHJKMNPQRSTUVWXYZ'
export const PAIRING_MINUTES = 10
const hashOf = (code: string): Buffer =>
  createHash('sha256')
    .update(code.toUpperCase().replace(/[^0-9A-Z]/g, ''))
    .digest()

/** A code of twelve characters: 59 bits, ten minutes, few tries. */
export async function makePairing(ctx: StaffContext, name: string): Promise<{ code: string; expires: Date }> {
  const letters = Array.from({ length: 12 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
  const code = letters.replace(/(.{4})(?=.)/g, '$1-')
  const expires = new Date(ctx.now.getTime() + PAIRING_MINUTES * 60_000)
  const actor: Actor = { ...ctx.actor, name: `${name}（前置机）`, roles: [] }
  await ctx.db.transaction().execute(async tx => {
    await sql`insert into aggregation.pairing (code_hash, department_id, name, actor, expires)
      values (${hashOf(code)}, ${ctx.actor.departmentId}, ${name}, ${JSON.stringify(actor)}, ${expires})`.execute(tx)
    await record(tx, ctx, { action: 'agent.code', subject: name })
  })
  return { code, expires }
}

export async function pairWith(ctx: Context, o: { code: string; publicKey: string; version: string }): Promise<AgentRecord> {
  try {
    publicKeyOf(o.publicKey)
  } catch {
    refuse('agent.public_key', { status: 400, detail: '公钥不对：要 Ed25519 的 SPKI，base64。' })
  }
  const id = newId()
  return ctx.db.transaction().execute(async tx => {
    const { rows } = await sql<{
      department_id: string
      name: string
      actor: Actor
    }>`select department_id, name, actor from aggregation.pairing
      where code_hash = ${hashOf(o.code)} and agent_id is null and expires > ${ctx.now} for update`.execute(tx)
    const pairing =
      rows[0] ??
      refuse('agent.code', {
        status: 401,
        title: '配对码无效',
        detail: '配对码不对、已经用过，或超过了 10 分钟。',
        remedy: '请在工作台「前置机」重新生成，10 分钟内输入。',
      })
    await sql`insert into aggregation.agent (id, department_id, name, public_key, actor, version, contact, paired)
      values (${id}, ${pairing.department_id}, ${pairing.name}, ${o.publicKey}, ${JSON.stringify(pairing.actor)}, ${o.version}, ${ctx.now}, ${ctx.now})`.execute(
      tx,
    )
    await sql`update aggregation.pairing set agent_id = ${id} where code_hash = ${hashOf(o.code)}`.execute(tx)
    await record(
      tx,
      { ...ctx, actor: pairing.actor },
      { action: 'agent.pair', subject: id, content: pairing.name, data: { version: o.version } },
    )
    return (await agentById({ db: tx as never }, id))!
  })
}

export async function ownAgent(ctx: StaffContext, id: string): Promise<AgentRecord> {
  const agent = await agentById(ctx, id)
  return agent?.department_id === ctx.actor.departmentId ? agent : notFound('agent.machine', '前置机')
}

export async function revoke(ctx: StaffContext, agent: AgentRecord): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    await sql`update aggregation.agent set revoked = coalesce(revoked, ${ctx.now}) where id = ${agent.id}`.execute(tx)
    await record(tx, ctx, { action: 'agent.revoke', subject: agent.id, content: agent.name })
  })
}

/** A source for an entry out of what an agent offers. The platform knows where it is, not how to sign in there. */
export async function makeSource(
  ctx: StaffContext,
  agent: AgentRecord,
  o: { entryId: string; source: string; name: string; threshold: number; systemId?: string | undefined; follow?: Follow | undefined },
): Promise<SourceRecord> {
  const offered = offeredBy(agent, o.source)
  const { connection } = offered
  const made = await createSource(ctx, {
    entryId: o.entryId,
    kind: connection.kind,
    name: o.name || `${agent.name} ${o.source}`,
    connection: {
      ...connection,
      ...('user' in connection && { password: '' }),
      ...(connection.kind === 'sftp' && { privateKey: '' }),
    } as Connection,
    threshold: o.threshold,
    ...(o.systemId && { systemId: o.systemId }),
  })
  await assign(ctx, made, { agent, source: o.source })
  const source = (await sourceById(ctx.db, made.id))!
  if (o.follow) await setFollow(ctx, source, o.follow)
  return source
}

export async function assign(ctx: StaffContext, source: SourceRecord, to: { agent: AgentRecord; source: string } | null): Promise<void> {
  if (!tableConnector(source.kind) && !fileConnector(source.kind))
    refuse('agent.not_readable', { detail: '这种来源由提供方送来，前置机不能读取。', remedy: '请选择数据表或文件夹的数据源。' })
  // What was made at the source is taken away by who made it.
  if (source.mode === 'capture' || source.slot)
    refuse('agent.capture', {
      status: 409,
      detail: source.mode === 'capture' ? '这个数据源正在实时捕获变更，不能改派。' : '来源里的捕获还没有撤去，不能改派。',
      remedy: source.mode === 'capture' ? '请先改为整表或增量读取，稍等片刻再改派。' : '请等现在读取它的一方撤去，通常几秒钟。',
    })
  if (to?.agent.revoked) refuse('agent.revoked', { status: 409, detail: '这个前置机已经停用。', remedy: '请重新配对一个。' })
  const connection = to ? offeredBy(to.agent, to.source).connection : null
  if (connection && connection.kind !== source.kind)
    refuse('agent.other_kind', { detail: '前置机上的这个来源与数据源的种类不同。', remedy: '请新建一个数据源。' })
  await ctx.db.transaction().execute(async tx => {
    // Elsewhere the position may mean something else; and what the platform knew of a password it need not keep.
    await sql`update aggregation.source set agent_id = ${to?.agent.id ?? null}, agent_source = ${to?.source ?? null}, agent_run = null, agent_run_at = null, position = null
      ${connection ? sql`, connection = ${JSON.stringify(connection)}, secret = null, secret_names = null` : sql``} where id = ${source.id}`.execute(
      tx,
    )
    await record(tx, ctx, {
      action: 'source.change',
      subject: source.id,
      data: { agent: to?.agent.name ?? null, ...(connection && { place: placeOf(connection) }) },
    })
  })
}

const offeredBy = (agent: AgentRecord, name: string): contract.AgentSource =>
  agent.report.sources.find(s => s.name === name) ??
  refuse('agent.unknown_source', {
    detail: `前置机「${agent.name}」上没有名为「${name}」的来源。`,
    remedy: '请先在前置机上运行 ./huitong agent source add，等它下一次联系平台。',
  })
