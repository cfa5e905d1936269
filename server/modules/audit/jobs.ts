import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import type { Jobs } from '../../platform/jobs.ts'
import { openSigner } from '../../platform/signer.ts'
import { type Key, keyHash } from './format.ts'
import { genesis } from './merkle.ts'
import { keyText } from './prove.ts'
import { prune, type Retention } from './prune.ts'
import { record } from './public.ts'
import { readKept } from './sources.ts'
import type { Kept } from './verify.ts'

type Parts = Pick<Context, 'secrets' | 'config' | 'now'>

/** Writes keys and checkpoints, one at a time over all processes. */
const turn = (tx: Tx) => sql`select pg_advisory_xact_lock(7281003)`.execute(tx)

/** The key that signs now. The first is introduced by itself, when it is first needed. */
async function currentKey(tx: Tx, ctx: Parts): Promise<Key> {
  const last = await tx.selectFrom('audit.key').selectAll().orderBy('no', 'desc').limit(1).executeTakeFirst()
  return (last as Key | undefined) ?? introduce(tx, ctx, null)
}

async function introduce(tx: Tx, ctx: Parts, before: Key | null): Promise<Key> {
  const no = (before?.no ?? 0) + 1
  const publicKeys = openSigner(ctx.secrets.derive, no).publicKeys()
  const hash = keyHash(no, ctx.now, publicKeys, before?.hash ?? genesis)
  const signatures = openSigner(ctx.secrets.derive, before?.no ?? no).sign(hash)
  await tx
    .insertInto('audit.key')
    .values({ no, at: ctx.now, public: JSON.stringify(publicKeys), hash, signatures: JSON.stringify(signatures) })
    .execute()
  return { no, at: ctx.now, public: publicKeys, hash, signatures }
}

/** Signs the newest block when it is not signed yet; with `covering` only when no checkpoint covers that record. */
export async function checkpoint(ctx: Context, covering?: number): Promise<boolean> {
  const made = await ctx.db.transaction().execute(async tx => {
    await turn(tx)
    const head = await tx
      .selectFrom('audit.block')
      .select(['height', 'first_seq', 'count', 'hash'])
      .orderBy('height', 'desc')
      .limit(1)
      .executeTakeFirst()
    const last = await tx.selectFrom('audit.checkpoint').select(['no', 'height', 'seq']).orderBy('no', 'desc').limit(1).executeTakeFirst()
    // The record of a checkpoint makes a block of its own; without the 1 the ledger would sign itself for ever.
    const enough = covering === undefined ? (head?.height ?? 0) <= (last?.height ?? 0) + 1 : (last?.seq ?? 0) >= covering
    if (!head || enough) return null
    const no = (last?.no ?? 0) + 1
    const key = await currentKey(tx, ctx)
    // Not when the work began that asks for it: the block is younger than that.
    const at = ctx.clock()
    await tx
      .insertInto('audit.checkpoint')
      .values({
        no,
        height: head.height,
        seq: head.first_seq + head.count - 1,
        hash: head.hash,
        at,
        key_no: key.no,
        signatures: JSON.stringify(openSigner(ctx.secrets.derive, key.no).sign(head.hash)),
      })
      .execute()
    await record(tx, ctx, { action: 'audit.checkpoint', subject: `#${no}`, data: { height: head.height } })
    return { height: head.height, hash: head.hash.toString('hex'), at }
  })
  if (made) keepOutside(ctx, made)
  return made !== null
}

/** A signature by the key in use, and the keys that lead to it. */
export async function signNow(ctx: Context, message: Buffer) {
  return ctx.db.transaction().execute(async tx => {
    await turn(tx)
    const { no } = await currentKey(tx, ctx)
    const keys = await tx.selectFrom('audit.key').selectAll().where('no', '<=', no).orderBy('no').execute()
    return { keys: keys.map(keyText), key: no, signatures: openSigner(ctx.secrets.derive, no).sign(message) }
  })
}

/** The next key takes over: the one before introduces it, and the ledger records the change. Old checkpoints stay under the key that signed them. */
export async function rotateKey(ctx: Parts & Pick<Context, 'db' | 'actor' | 'requestId' | 'ip'>, reason: string): Promise<Key> {
  return ctx.db.transaction().execute(async tx => {
    await turn(tx)
    const key = await introduce(tx, ctx, await currentKey(tx, ctx))
    await record(tx, ctx, {
      action: 'audit.key',
      subject: `第 ${key.no} 号密钥`,
      content: reason,
      data: { no: key.no, public: key.public, hash: key.hash.toString('hex'), signatures: key.signatures },
    })
    return key
  })
}

const headsFile = (dataDir: string) => join(dataDir, 'ledger-heads.jsonl')

/** What was signed is also noted beside the database, so that `verify` notices when the database alone is put back to an older copy. */
export function keepOutside(ctx: Parts & Pick<Context, 'log'>, head: object): void {
  try {
    mkdirSync(ctx.config.dataDir, { recursive: true })
    appendFileSync(headsFile(ctx.config.dataDir), `${JSON.stringify(head)}\n`)
  } catch (error) {
    ctx.log.warn({ error: (error as Error).message }, 'a checkpoint could not be noted in the data directory')
  }
}

export function keptOutside(dataDir: string): Kept[] {
  try {
    return readKept(readFileSync(headsFile(dataDir), 'utf8'), '平台在数据库之外')
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return []
    throw error
  }
}

export function auditJobs(jobs: Jobs, databaseUrl: string, retention: Retention): void {
  jobs.on('audit.prune', async ({ no }: { no: number }, ctx) => {
    await prune(databaseUrl, ctx, no, retention)
    await ctx.ledger.flush()
  })
  jobs.on('audit.checkpoint', async (_, ctx) => {
    await checkpoint(ctx)
    await ctx.ledger.flush()
  })
  jobs.every('audit.checkpoint', '*/10 * * * *')
}
