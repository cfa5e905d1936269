import type pg from 'pg'
import { blockHash, genesis, leafOf, rootOf } from './merkle.ts'

/** Puts records into blocks, many at a time. One per process; processes take turns through an advisory lock. */
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

export function openLedger(pool: pg.Pool): Ledger {
  const waiting: Waiting[] = []
  let running: Promise<void> | null = null
  let closed = false

  const run = async () => {
    while (waiting.length > 0) {
      const group = waiting.splice(0, 2000)
      try {
        await seal(group)
      } catch (error) {
        for (const w of group) w.fail(error as Error)
      }
    }
    running = null
  }

  const seal = async (group: Waiting[]) => {
    const client = await pool.connect()
    try {
      const results = (await client.query(begin)) as unknown as pg.QueryResult[]
      const outbox = results[3]!.rows as { id: number; record: string }[]
      const head = results[4]!.rows[0] as { height: number; first_seq: number; count: number; hash: Buffer } | undefined
      const own = group.filter(w => w.record !== null)
      const records = [...outbox.map(o => o.record), ...own.map(w => w.record!)]
      const first = head ? head.first_seq + head.count : 1
      if (records.length > 0) {
        const leaves = records.map(leafOf)
        const b = {
          height: head ? head.height + 1 : 1,
          first,
          count: records.length,
          at: new Date(),
          root: rootOf(leaves),
          previous: head?.hash ?? genesis,
        }
        await client.query(
          'insert into audit.block (height, first_seq, count, records, leaves, root, previous, hash, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)',
          [b.height, b.first, b.count, records, Buffer.concat(leaves), b.root, b.previous, blockHash(b), b.at],
        )
      }
      // In one go with the commit. These ids only: what was committed to the outbox meanwhile belongs to the next block.
      const sealed = outbox.length ? `delete from audit.outbox where id in (${outbox.map(o => Number(o.id)).join()});` : ''
      await client.query(`${sealed}commit`)
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
