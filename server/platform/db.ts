import { Kysely, PostgresDialect, type Transaction } from 'kysely'
import pg from 'pg'
import type { DB } from './tables.ts'

export type Database = Kysely<DB>
export type Tx = Transaction<DB>

// Dates are calendar days, not instants: keep 'YYYY-MM-DD' and never let a time zone touch them.
pg.types.setTypeParser(pg.types.builtins.DATE, text => text)
// Counts and positions stay below 2^53 here; a string would only move the conversion to every caller.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

/** The role that requests run as: it can add to the ledger but not change it (migration 0010). */
export const appRole = 'huitong_app'

/**
 * A connection that breaks (server restart) is replaced at the next use, and who is using it hears of it by his next query; without a
 * listener it would end the process. A pool listens to idle ones only.
 */
export class Listening extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config)
    this.on('error', () => {})
  }
}

export type Connections = { db: Database; pool: pg.Pool; close(): Promise<void> }

/**
 * Opens a pool. `as: 'app'` drops to the application role where the server has it;
 * `as: 'owner'` is for migrations and administration only.
 */
export async function connect(url: string, options: { max?: number; as?: 'app' | 'owner' } = {}): Promise<Connections> {
  const role = options.as === 'owner' ? undefined : await usableRole(url)
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max ?? 10,
    Client: Listening,
    application_name: 'huitong',
    options: `-c TimeZone=Asia/Shanghai${role ? ` -c role=${role}` : ''}`,
  })
  pool.on('error', () => {})
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) })
  return { db, pool, close: () => db.destroy() }
}

/** `lost`: the connection is no more, and the lock with it. `spent`, set by the work: nobody is to use the connection again. */
export type Held = { lost: boolean; spent: boolean }

/**
 * Does the work as the only one with this lock, on the connection that holds it, so that the lock goes with whoever dies; `busy` says what happens
 * where somebody else has it. `space` keeps the same key of two kinds of work apart.
 */
export async function alone<T>(
  pool: pg.Pool,
  [key, space]: [key: string, space: number],
  work: (client: pg.PoolClient, held: Held) => Promise<T>,
  busy: () => T | Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  const held: Held = { lost: false, spent: false }
  const lost = () => {
    held.lost = true
  }
  client.on('error', lost)
  try {
    const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock(hashtextextended($1, $2)) as mine', [key, space])
    if (!rows[0]!.mine) return await busy()
    try {
      return await work(client, held)
    } finally {
      // A connection that cannot give the lock back is not used again.
      await client.query('select pg_advisory_unlock(hashtextextended($1, $2))', [key, space]).catch(lost)
    }
  } finally {
    client.off('error', lost)
    client.release(held.lost || held.spent)
  }
}

async function usableRole(url: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query(`select 1 from pg_roles where rolname = $1 and pg_has_role(current_user, oid, 'member')`, [appRole])
    return rows.length ? appRole : undefined
  } finally {
    await client.end()
  }
}
