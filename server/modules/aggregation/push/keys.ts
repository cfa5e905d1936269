import { createHash, timingSafeEqual } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import { sql } from 'kysely'
import type { Actor, Context, StaffContext } from '../../../platform/context.ts'
import { isId, newId, newSecret } from '../../../platform/id.ts'
import { notFound, refuse } from '../../../platform/problem.ts'
import { record } from '../../audit/public.ts'
import type { SourceRecord } from '../queries.ts'

export type PushKeyRecord = {
  id: string
  source_id: string
  name: string
  secret_hash: Buffer
  ips: string[]
  actor: Actor
  created: Date
  used: Date | null
  revoked: Date | null
}

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()
/** Names the key by its id, so that one row is looked up and one digest compared. */
const written = (id: string, secret: string) => `htk_${id.replaceAll('-', '')}_${secret}`

export async function issueKey(ctx: StaffContext, source: SourceRecord, o: { name: string; ips: string[] }) {
  if (source.kind !== 'push')
    refuse('ingest.not_a_push_source', { detail: '这个数据源不接收推送。', remedy: '请新建一个「接口推送」的数据源。' })
  const id = newId()
  const secret = newSecret()
  // A key acts for the system it was issued to; its records also carry who issued it.
  const actor: Actor = { ...ctx.actor, name: `${o.name}（接口推送）`, roles: [] }
  await ctx.db.transaction().execute(async tx => {
    await sql`insert into aggregation.push_key (id, source_id, name, secret_hash, ips, actor, created)
      values (${id}, ${source.id}, ${o.name}, ${hashOf(secret)}, ${o.ips}, ${JSON.stringify(actor)}, ${ctx.now})`.execute(tx)
    await record(tx, ctx, { action: 'push.key', subject: source.id, content: o.name, data: { key: id, ips: o.ips } })
  })
  return { id, key: written(id, secret) }
}

export const keysOf = async (ctx: Pick<Context, 'db'>, sourceId: string): Promise<(PushKeyRecord & { by: string })[]> =>
  (
    await sql<PushKeyRecord & { by: string }>`select k.*, coalesce(p.name, '') as by from aggregation.push_key k
      left join organization.person_view p on p.id = (k.actor->>'personId')::uuid where source_id = ${sourceId} order by k.id desc`.execute(
      ctx.db,
    )
  ).rows

export async function keyById(ctx: Pick<Context, 'db'>, id: string): Promise<PushKeyRecord | undefined> {
  return (await sql<PushKeyRecord>`select * from aggregation.push_key where id = ${id}`.execute(ctx.db)).rows[0]
}

/** Another secret for the same key; who holds the old one is refused from now on. */
export async function rotateKey(ctx: StaffContext, key: PushKeyRecord) {
  const secret = newSecret()
  await ctx.db.transaction().execute(async tx => {
    const { numAffectedRows } =
      await sql`update aggregation.push_key set secret_hash = ${hashOf(secret)} where id = ${key.id} and revoked is null`.execute(tx)
    if (!numAffectedRows) refuse('ingest.key_revoked', { status: 409, detail: '这个密钥已经停用。', remedy: '请生成一个新的。' })
    await record(tx, ctx, { action: 'push.key', subject: key.source_id, content: key.name, data: { key: key.id, rotated: true } })
  })
  return { id: key.id, key: written(key.id, secret) }
}

export async function setKeyIps(ctx: StaffContext, key: PushKeyRecord, ips: string[]): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    await sql`update aggregation.push_key set ips = ${ips} where id = ${key.id}`.execute(tx)
    await record(tx, ctx, { action: 'push.ips', subject: key.source_id, content: key.name, data: { key: key.id, ips } })
  })
}

export async function revokeKey(ctx: StaffContext, key: PushKeyRecord): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    await sql`update aggregation.push_key set revoked = coalesce(revoked, ${ctx.now}) where id = ${key.id}`.execute(tx)
    await record(tx, ctx, { action: 'push.revoke', subject: key.source_id, content: key.name, data: { key: key.id } })
  })
}

/** Whose key this is. An unknown one costs the same comparison as a known one, and is told the same. */
export async function keyOf(ctx: Context, authorization: string | undefined): Promise<PushKeyRecord> {
  const [, hex = '', secret = ''] = /^Bearer htk_([0-9a-f]{32})_(\S{20,100})$/i.exec(authorization ?? '') ?? []
  const id = hex.toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  const key = isId(id) ? await keyById(ctx, id) : undefined
  const right = timingSafeEqual(hashOf(secret), key?.secret_hash ?? Buffer.alloc(32))
  if (!key || !right || key.revoked)
    refuse('ingest.key_invalid', {
      status: 401,
      title: '密钥无效',
      reason: 'token-invalid',
      detail: authorization ? '推送密钥不对，或已经停用。' : '没有带推送密钥。',
      remedy: '请把密钥放在请求头 Authorization: Bearer 里；密钥丢失时请数据专员在数据源页更换。',
      headers: { 'www-authenticate': 'Bearer realm="huitong"' },
    })
  if (key.ips.length && !listed(key.ips, ctx.ip)) {
    await record(ctx.db, { ...ctx, actor: key.actor }, { action: 'push.refused', subject: key.source_id, data: { key: key.id, why: 'ip' } })
    refuse('ingest.ip_not_allowed', {
      status: 403,
      reason: 'ip-not-allowed',
      detail: `这个密钥不能从 ${ctx.ip} 使用。`,
      remedy: '请数据专员在数据源页修改 IP 白名单。',
    })
  }
  // Told to the minute is enough for a page.
  if (!key.used || ctx.now.getTime() - key.used.getTime() > 60_000)
    await sql`update aggregation.push_key set used = ${ctx.now} where id = ${key.id}`.execute(ctx.db)
  return key
}

export async function ownKey(ctx: StaffContext, id: string): Promise<PushKeyRecord> {
  const key = await keyById(ctx, id)
  return key?.actor.departmentId === ctx.actor.departmentId ? key : notFound('ingest.key', '推送密钥')
}

function listed(allowed: string[], ip: string): boolean {
  const list = new BlockList()
  for (const entry of allowed) {
    const [address, prefix] = entry.split('/') as [string, string | undefined]
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  const plain = ip.replace(/^::ffff:/, '')
  return list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
}
