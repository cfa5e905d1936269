import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Context, StaffContext } from '../../platform/context.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { loadKey, openSecrets } from '../../platform/secrets.ts'
import { isSm2Key, openSigner } from '../../platform/signer.ts'
import { type ByAlgorithm, statementHash, wrongSignatures } from './format.ts'
import { keepOutside } from './jobs.ts'
import { brokenHeads, type HeadText } from './prove.ts'
import { record } from './public.ts'
import { badKey } from './verify.ts'

/** Somebody outside who keeps our checkpoints. Its public key becomes part of the ledger, so that it cannot be exchanged later. */
export async function addWitness(ctx: StaffContext, w: { name: string; public: ByAlgorithm }): Promise<void> {
  if (w.public.SM2 && !isSm2Key(w.public.SM2))
    refuse('audit.witness_key', {
      detail: '这不是 SM2 公钥：不是曲线上的点，用它核对不了任何签名。',
      remedy: '请对方重新用 audit witness keys 打印，整行复制。',
    })
  await ctx.db.transaction().execute(async tx => {
    const { numInsertedOrUpdatedRows: added } = await tx
      .insertInto('audit.witness')
      .values({ name: w.name, public: JSON.stringify(w.public), at: ctx.now })
      .onConflict(c => c.doNothing())
      .executeTakeFirstOrThrow()
    if (!added)
      refuse('audit.witness_known', {
        status: 409,
        detail: `已经登记过见证人「${w.name}」，公钥不能改。`,
        remedy: '对方换了密钥的，请用新的名称登记。',
      })
    await record(tx, ctx, { action: 'audit.witness', subject: w.name, data: { name: w.name, public: w.public } })
  })
}

export type StatementText = { witness: string; no: number; height: number; hash: string; at: string; signatures: ByAlgorithm }

/** Takes a statement in: about a checkpoint of ours, signed by a known witness. Signing stands for signing in. */
export async function receiveStatement(ctx: Context, text: StatementText): Promise<void> {
  const s = { ...text, hash: Buffer.from(text.hash, 'hex'), at: new Date(text.at) }
  const witness =
    (await ctx.db.selectFrom('audit.witness').selectAll().where('name', '=', s.witness).executeTakeFirst()) ??
    notFound('audit.witness', '见证人登记')
  const bad = wrongSignatures(statementHash(s), s.signatures, witness.public as ByAlgorithm)
  if (bad.length)
    refuse('audit.statement_signature', {
      status: 403,
      detail: `见证的签名不是「${s.witness}」登记的密钥签的（${bad.join('、')}）。`,
      remedy: '请核对名称和密钥。',
    })
  const ours =
    (await ctx.db.selectFrom('audit.checkpoint').select(['height', 'hash']).where('no', '=', s.no).executeTakeFirst()) ??
    notFound('audit.checkpoint', '检查点')
  if (ours.height !== s.height || !ours.hash.equals(s.hash))
    refuse('audit.statement_differs', {
      status: 409,
      detail: `检查点 #${s.no} 与见证人保存的不是同一个区块：账本可能被改写或换成了旧的副本。`,
      remedy: '请保留双方的文件，用见证文件核验账本，并告知审计管理员。',
    })
  await ctx.db.transaction().execute(async tx => {
    const { numInsertedOrUpdatedRows: added } = await tx
      .insertInto('audit.statement')
      .values({ witness: s.witness, no: s.no, height: s.height, hash: s.hash, at: s.at, signatures: JSON.stringify(s.signatures) })
      .onConflict(c => c.doNothing())
      .executeTakeFirstOrThrow()
    if (added)
      await record(tx, ctx, {
        action: 'audit.witnessed',
        person: s.witness,
        subject: `#${s.no}`,
        data: { height: s.height, hash: text.hash },
      })
  })
  keepOutside(ctx, { witness: s.witness, height: s.height, hash: text.hash, at: text.at })
}

/* The other side: what a level above, or any organisation, runs against a platform. It needs no database, only a directory of its own. */

type KeyText = { no: number; at: string; public: ByAlgorithm; hash: string; signatures: ByAlgorithm }
export type CheckpointText = { no: number; height: number; hash: string; at: string; key: number; signatures: ByAlgorithm }
export type Offered = { keys: KeyText[]; checkpoint: CheckpointText | null }
/** What the witness remembers of a platform. */
export type Remembered = { firstKey: string; last: { no: number; height: number; hash: string } | null }

/**
 * Whether what a platform shows today goes on from what it showed before: the same first key, a good signature, and heads that lead from
 * the block seen last to the one that is signed now. Pure; `heads` are those after the block seen last.
 */
export function judgeOffer(offered: Offered, heads: HeadText[], before: Remembered | null): string | null {
  const { keys, checkpoint } = offered
  if (!checkpoint) return before?.last ? '对方说还没有检查点，而此前有过：账本被换成了旧的副本' : null
  const broken = badKey(
    keys.map(k => ({ ...k, at: new Date(k.at), hash: bytes(k.hash) })),
    undefined,
  )
  if (broken) return broken
  if (before && keys[0]?.hash !== before.firstKey) return '第 1 号密钥与第一次见到的不同：这不是同一本账'
  const key = keys[checkpoint.key - 1]
  const bad = key ? wrongSignatures(bytes(checkpoint.hash), checkpoint.signatures, key.public) : [`没有第 ${checkpoint.key} 号密钥`]
  if (bad.length) return `检查点 #${checkpoint.no} 的签名不对（${bad.join('、')}）`
  const last = before?.last
  if (!last) return null
  if (checkpoint.height < last.height)
    return `此前见过区块 ${last.height}，对方现在只到区块 ${checkpoint.height}：末尾被删去，或换成了旧的副本`
  if (checkpoint.height === last.height && checkpoint.hash === last.hash) return null
  const way = heads.slice(0, checkpoint.height - last.height)
  if (brokenHeads(way) || way[0]?.height !== last.height + 1 || way[0].previous !== last.hash || way.at(-1)!.hash !== checkpoint.hash)
    return `从此前见过的区块 ${last.height} 走不到检查点 #${checkpoint.no}：账本被改写`
  return null
}

const bytes = (text: string) => Buffer.from(text, 'hex')

type Asking = { address: string; name: string; home: string; now: Date; ask?: typeof fetch }

/** One visit: look, judge, keep, countersign. Throws with the reason when the platform's ledger does not go on from what was kept. */
export async function visit({ address, name, home, now, ask = fetch }: Asking): Promise<{ kept: StatementText | null; sent: boolean }> {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const file = join(home, 'statements.jsonl')
  const pin = join(home, 'first-key.txt')
  const signer = openSigner(openSecrets(loadKey(undefined, home)).derive)
  const get = async <T>(path: string): Promise<T> => {
    const reply = await ask(new URL(`/api/audit/${path}`, address))
    if (!reply.ok) throw new Error(`${address} 答复 ${reply.status}`)
    return (await reply.json()) as T
  }
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)!) as StatementText) : null
  const before: Remembered | null = existsSync(pin) ? { firstKey: readFileSync(pin, 'utf8').trim(), last: kept } : null
  const offered = await get<Offered>('head')
  const heads: HeadText[] = []
  for (let after = kept?.height; offered.checkpoint && after !== undefined && after < offered.checkpoint.height; ) {
    const { rows } = await get<{ rows: HeadText[] }>(`heads?after=${after}`)
    if (!rows.length) break
    heads.push(...rows)
    after = rows.at(-1)!.height
  }
  const wrong = judgeOffer(offered, heads, before)
  if (wrong) throw new Error(wrong)
  const { checkpoint } = offered
  if (!checkpoint) return { kept: null, sent: false }
  if (!before) appendFileSync(pin, `${offered.keys[0]!.hash}\n`)
  const text = { witness: name, no: checkpoint.no, height: checkpoint.height, hash: checkpoint.hash, at: now.toISOString() }
  const statement = { ...text, signatures: signer.sign(statementHash({ ...text, hash: bytes(text.hash), at: now })) }
  if (checkpoint.height > (kept?.height ?? 0)) appendFileSync(file, `${JSON.stringify(statement)}\n`)
  const reply = await ask(new URL('/api/audit/statements', address), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(statement),
  })
  return { kept: statement, sent: reply.ok }
}

/** The witness's public keys, to be registered at the platform. */
export const witnessKeys = (home: string): ByAlgorithm => {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  return openSigner(openSecrets(loadKey(undefined, home)).derive).publicKeys()
}
