import type pg from 'pg'
import { blockHash, genesis, leafOf, rootOf } from './merkle.ts'

/**
 * Puts records into blocks, many at a time. One per process. A block of reads goes on from the newest one this process knows, in one
 * statement; when another process was faster its height is taken, and the block is made again under the lock that processes take turns
 * by. What lies in the outbox always goes that way.
 */
export type Ledger = {
  /** Resolves with the record's sequence number after its block is on disk. */
  append(record: string): Promise<number>
  /** Resolves when everything committed to the outbox before the call is in a block. */
  flush(): Promise<void>
  close(): Promise<void>
}

type Waiting = { record: string | null; done: (seq: number) => void; fail: (error: Error) => void }

const begin = `begin; set local synchronous_commit = on; select pg_advisory_xact_lock(7281001);
  select id, record from audit.outbox order by id;
  select height, first_seq, count, hash from audit.block order by height desc limit 1`

type Head = { height: number; first: number; count: number; hash: Buffer }
/** The block of these records after `head`, and the head it leaves. */
function after(head: Head | undefined, records: string[]): { head: Head; values: unknown[] } {
  const leaves = records.map(leafOf)
  const b = {
    height: head ? head.height + 1 : 1,
    first: head ? head.first + head.count : 1,
    count: records.length,
    at: new Date(),
    root: rootOf(leaves),
    previous: head?.hash ?? genesis,
  }
  const hash = blockHash(b)
  return {
    head: { height: b.height, first: b.first, count: b.count, hash },
    // One text instead of an array, which would be escaped, and read, character by character; JSON has no line breaks of its own.
    values: [b.height, b.first, b.count, records.join('\n'), Buffer.concat(leaves), b.root, b.previous, hash, b.at],
  }
}
const columns = '(height, first_seq, count, records, leaves, root, previous, hash, at)'
const given = String.raw`$1::bigint, $2::bigint, $3::int, string_to_array($4, E'\n'), $5::bytea, $6::bytea, $7::bytea, $8::bytea, $9::timestamptz`
const atOnce = {
  name: 'audit.block',
  text: `with sure as materialized (select set_config('synchronous_commit', 'on', true))
    insert into audit.block ${columns} select ${given} from sure`,
}
/** What jobs changed waits for nobody's reply; it is sealed with the next records after this time. */
const OUTBOX_MS = 100
const taken = (error: unknown) => (error as { code?: string }).code === '23505'

export function openLedger(pool: pg.Pool): Ledger {
  /** The newest block as this process knows it; another process may have made one since. */
  let known: Head | undefined
  /** When the outbox was looked at last. */
  let looked = 0
  const waiting: Waiting[] = []
  let running: Promise<void> | null = null
  let closed = false

  const run = async () => {
    while (waiting.length > 0) {
      const group = waiting.splice(0, 2000)
      try {
        if (!(await quick(group))) await insist(group)
      } catch (error) {
        for (const w of group) w.fail(error as Error)
      }
    }
    running = null
  }

  /** False: somebody waits for the outbox, or another process has made the next block. */
  const quick = async (group: Waiting[]): Promise<boolean> => {
    if (!known || Date.now() - looked > OUTBOX_MS || group.some(w => w.record === null)) return false
    const block = after(
      known,
      group.map(w => w.record!),
    )
    try {
      await pool.query({ ...atOnce, values: block.values })
    } catch (error) {
      known = undefined
      if (taken(error)) return false
      throw error
    }
    known = block.head
    for (const [i, w] of group.entries()) w.done(block.head.first + i)
    return true
  }

  const insist = async (group: Waiting[]): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await seal(group)
      } catch (error) {
        // A block that was made at once by another process, between our look and our insert.
        if (!taken(error) || attempt > 50) throw error
      }
    }
  }

  const seal = async (group: Waiting[]) => {
    known = undefined
    looked = Date.now()
    const client = await pool.connect()
    try {
      const results = (await client.query(begin)) as unknown as pg.QueryResult[]
      const outbox = results[3]!.rows as { id: number; record: string }[]
      const newest = results[4]!.rows[0] as { height: number; first_seq: number; count: number; hash: Buffer } | undefined
      const head = newest && { height: newest.height, first: newest.first_seq, count: newest.count, hash: newest.hash }
      const own = group.filter(w => w.record !== null)
      const records = [...outbox.map(o => o.record), ...own.map(w => w.record!)]
      const first = head ? head.first + head.count : 1
      const block = records.length ? after(head, records) : undefined
      if (block) await client.query(`insert into audit.block ${columns} select ${given}`, block.values)
      // In one go with the commit. These ids only: what was committed to the outbox meanwhile belongs to the next block.
      const sealed = outbox.length ? `delete from audit.outbox where id in (${outbox.map(o => Number(o.id)).join()});` : ''
      await client.query(`${sealed}commit`)
      known = block?.head ?? head
      for (const [i, w] of own.entries()) w.done(first + outbox.length + i)
      for (const w of group) if (w.record === null) w.done(0)
      client.release()
    } catch (error) {
      // A broken connection rolls back by itself; the records stay in the outbox, the waiting callers are told.
      await client.query('rollback').catch(() => {})
      client.release(error as Error)
      throw error
    }
  }

  const join = (record: string | null) =>
    new Promise<number>((done, fail) => {
      if (closed) return fail(new Error('账本已关闭'))
      waiting.push({ record, done, fail })
      running ??= Promise.resolve().then(run)
    })

  return {
    append: record => join(record),
    flush: async () => void (await join(null)),
    close: async () => {
      if (running) await running
      closed = true
    },
  }
}
