import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import copy from 'pg-copy-streams'
import type { Item } from '../../../contract/catalog.ts'
import type { Pace } from '../../platform/priority.ts'
import { checkSql, columnType, literal, type RejectRule, rowRules } from '../quality/public.ts'
import { noteKeys, type Order, spokenOf } from './order.ts'
import type { Feed } from './reading/feed.ts'
import type { Wiring } from './rules.ts'

export type Plan = {
  batchId: string
  sourceId: string
  /** Suffix of the staging tables, e.g. the end of the batch id. */
  short: string
  table: string
  items: Item[]
  wiring: Wiring
  /** Columns of the source. */
  columns: number
  keys: string[]
  threshold: number
  released: boolean
  /** Waits for a decision even when nothing is wrong. */
  hold: boolean
  /** The identifier every row must carry has no column: nothing can be taken. Key of the item, or '' when the entry has none. */
  unidentified: string | null
  today: string
  now: Date
  /** Rules of the entry that turn rows away. */
  rules?: readonly RejectRule[]
  /** The delivery is all the source has: rows of this source that are not in it leave the pool. */
  follow?: boolean
  /** Columns of the source as its rejects workbook shows them; -1: not in this delivery. */
  shown?: number[]
  /** See Order; nothing when the deliveries of the source come one after another. */
  order?: Order
  /** Where a corrected rejects workbook says which batch and line a row comes from. */
  mends?: { batch: number; line: number } | null
  pace?: Pace
}
export type Outcome = {
  held: boolean
  read: number
  accepted: number
  changed: number
  unchanged: number
  rejected: number
  waiting: number
  /** Rows of this source that its delivery no longer holds and that moved to the history. */
  removed: number
  /** How many that would be, where it is too many to believe. */
  vanishing: number
  /** Rows that stay as a later delivery left them; counted as unchanged. */
  kept: number
  relation: string
  poolColumns: string[]
  rowsAdded: number
}
export type Phase = 'reading' | 'checking' | 'writing'

/** With `follow`: a larger share of the rows is not believed to be gone until somebody says so. */
export const VANISHING = 0.1
/** Doubtful rows of a first load wait in memory up to here. */
const ASIDE = 8 * 1024 * 1024

/**
 * Brings one delivery into its pool table, inside the caller's transaction and on its connection, in the cheapest way that is right.
 * Returns the counts; commits nothing itself.
 *
 * - First load of a file: rows that are plainly right go straight into the pool table, the others through staging. That is one
 *   writing of every row instead of two. A repeated key shows when the index is built; then everything is undone and staged.
 * - Later ones: number, hash and key of every row are compared with what is there. When the hashes of all rows add up to those of the
 *   pool nothing has changed; else the rows that differ are staged and checked. Byte for byte the same under the same rules needs no check.
 * - What can only be read once is staged whole.
 *
 * Steps that only look (compare, check, find duplicates) are CREATE TABLE AS or SELECT, which PostgreSQL runs in parallel; INSERT is not.
 */
export async function load(client: pg.PoolClient, feed: Feed, p: Plan, phase: (phase: Phase) => void): Promise<Outcome> {
  await client.query(`set local work_mem = '128MB'`)
  await client.query(`set local maintenance_work_mem = '256MB'`)
  await client.query('set local jit = off')
  // What is written goes to the disk as it comes; left to the system, gigabytes come due at once and everybody's commit waits behind them.
  await client.query(`set local backend_flush_after = '1MB'`)
  await client.query(`select pg_advisory_xact_lock(hashtextextended($1, 7))`, [p.table])
  const { rows } = await client.query<{ fresh: boolean }>('select to_regclass($1) is null as fresh', [`pool.e_${p.table}`])
  const { fresh } = rows[0]!
  const once: Once = { client, feed, p, phase, fresh, ...sqlOf(p) }
  // What a corrected workbook says of its rows stands in columns only the slow way reads; and the first load of all notes no keys.
  if (feed.again && !p.mends && !(fresh && p.order?.noted)) {
    await client.query('savepoint quick')
    const done = fresh ? await fill(once) : await merge(once, true)
    if (done) return done
    await client.query('rollback to savepoint quick')
  }
  return (await merge(once, false))!
}

type Once = { client: pg.PoolClient; feed: Feed; p: Plan; phase: (phase: Phase) => void; fresh: boolean } & ReturnType<typeof sqlOf>

/** The expressions of this plan over a staging table `s`. */
export function sqlOf(p: Plan) {
  const wires = p.wiring.map(w => {
    const column = `s.s${w.index + 1}`
    const check = checkSql(w.item, column, p.today, w.required)
    return { ...w, column, ...check, ...(w.identity && { fault: check.fault.replace(`'required'`, `'identity-key-missing'`) }) }
  })
  const checks: { item: { key: string }; column: string; fault: string }[] = [
    ...(p.unidentified === null ? [] : [{ item: { key: p.unidentified }, column: 'null::text', fault: `'identity-key-missing'::text` }]),
    ...wires,
    ...rowRules(p.rules ?? [], wires, p.today),
  ]
  const keyWires = p.keys.map(k => wires.find(w => w.item.key === k)!)
  const join = (parts: string[]) => (parts.length === 1 ? parts[0]! : `concat_ws(chr(31), ${parts.join(', ')})`)
  return {
    wires,
    checks,
    keyWires,
    columns: wires.map(w => w.item.key),
    rawKey: join(keyWires.map(w => w.column)),
    key: join(keyWires.map(w => (columnType(w.item) === 'text' ? w.value : `(${w.value})::text`))),
    plainKey: join(keyWires.map(w => (columnType(w.item) === 'text' ? w.plain : `(${w.plain})::text`))),
    fault: `coalesce(${checks.map(w => w.fault).join(', ')}) is not null`,
    firstFault: `case ${checks.map((w, i) => `when (${w.fault}) is not null then ${i + 1}`).join(' ')} end`,
    relation: `pool.e_${p.table}`,
    history: `pool.h_${p.table}`,
    batch: `'${p.batchId}'::uuid`,
    now: `${literal(p.now.toISOString())}::timestamptz`,
  }
}

/** Tables of this batch in staging; `drop` removes those that were made. */
function staging({ client, feed, p }: Once) {
  const made: string[] = []
  const name = (n: string) => `staging.${n}_${p.short}`
  const run = async (text: string, values?: unknown[]) => (await client.query(text, values)).rowCount ?? 0
  return {
    name,
    run,
    one: async <T>(text: string, values?: unknown[]): Promise<T> => (await client.query(text, values)).rows[0] as T,
    /** A table for records as they come: number, hash and these columns of the source. */
    async table(n: string, columns: number[]): Promise<string> {
      await run(
        `create unlogged table ${name(n)} (_n bigint not null, _hash bigint not null, ${columns.map(c => `s${c + 1} text`).join(', ')})`,
      )
      made.push(name(n))
      return name(n)
    },
    async select(n: string, select: string): Promise<number> {
      made.push(name(n))
      return run(`create unlogged table ${name(n)} as ${select}`)
    },
    async copy(into: string, pieces: AsyncIterable<Piece> | Iterable<Piece>): Promise<number> {
      const stream = client.query(copy.from(`copy ${into} from stdin (format csv, delimiter ${literal(feed.delimiter)}, freeze)`))
      const { stream: socket } = (client as unknown as { connection: { stream: Writable } }).connection
      await pipeline(async function* () {
        // Buffers whose bytes may still wait in the socket. Given back, they are written anew; left to the garbage collector, they make it
        // stop everything every second.
        let waiting: (() => void)[] = []
        for await (const { out, free } of pieces) {
          const bytes = out.length
          if (!bytes) continue
          yield out
          if (free) waiting.push(free)
          await p.pace?.rest(bytes)
          // The stream asks for more when it has handed on all of this.
          if (socket.writableLength > 0) continue
          for (const give of waiting) give()
          waiting = []
        }
      }, stream)
      return stream.rowCount ?? 0
    },
    /** An index is built in one go: by one process while others are served. */
    modest: async () => void (p.pace?.served && (await run('set local max_parallel_maintenance_workers = 0'))),
    drop: () => run(`drop table ${made.reverse().join(', ')}`),
  }
}

const all = (p: Plan) => Array.from({ length: p.columns }, (_, i) => i)
type Piece = { out: Buffer; free?: () => void }
const piecesOf = async function* (bytes: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  for await (const out of bytes) yield { out }
}

/** First load of a source that can be read again. Undefined: not possible this way, nothing may be kept. */
async function fill(once: Once): Promise<Outcome | undefined> {
  const { client, feed, p, phase, wires, keyWires, relation, history, columns, firstFault, key, batch, now } = once
  // A typed key is written anew by the database; and what will not be loaded need not be written.
  if (keyWires.some(w => columnType(w.item) !== 'text') || p.unidentified !== null || (p.hold && !p.released)) return undefined
  const { run, table, select, copy, drop, name, modest } = staging(once)
  phase('reading')
  const poolColumns = await shape(client, relation, history, p.items, true)
  await run(`alter table ${relation} alter _batch set default ${batch}, alter _updated set default ${now}`)
  const stage = await table('b', all(p))
  const keys = keyWires.map(w => w.index)
  const pieces = feed.again!({ kind: 'typed', keys, fields: wires.map(w => w.index) })[Symbol.asyncIterator]()
  let plain = 0
  let doubtful = 0
  try {
    for (let ended = false; !ended; ) {
      const aside: Buffer[] = []
      let held = 0
      // One COPY at a time runs on a connection: the doubtful rows take their turn when there are many of them.
      const part = async function* (): AsyncGenerator<Piece> {
        while (held < ASIDE) {
          const { value, done } = await pieces.next()
          if (done) {
            ended = true
            return
          }
          if (value.aside.length) aside.push(value.aside)
          held += value.aside.length
          yield value
        }
      }
      plain += await copy(`${relation} (_hash, _key, ${columns.join(', ')})`, part())
      if (held)
        doubtful += await copy(
          stage,
          aside.map(out => ({ out })),
        )
    }
  } finally {
    await pieces.return?.()
  }
  phase('checking')
  const wrong = doubtful
    ? await select('x', `select _n, place from (select s._n, ${firstFault} as place from ${stage} s offset 0) f where place is not null`)
    : 0
  const rejected = feed.bad.length + wrong
  const held = !p.released && rejected > p.threshold * feed.read
  if (held) await run(`drop table ${relation}, ${history}`)
  else {
    phase('writing')
    const right = wrong ? `where not exists (select from ${name('x')} x where x._n = s._n)` : ''
    if (doubtful)
      await run(
        `insert into ${relation} (_key, ${columns.join(', ')}, _hash) select ${key}, ${wires.map(w => w.value).join(', ')}, s._hash from ${stage} s ${right}`,
      )
    try {
      await modest()
      await run(`alter table ${relation} add primary key (_key), alter _batch drop default, alter _updated drop default`)
    } catch (error) {
      if ((error as { code?: string }).code !== '23505') throw error
      return undefined
    }
  }
  await writeRejects(once, { stage, rest: stage, wrong: wrong ? name('x') : null, repeats: null })
  await drop()
  const accepted = held ? 0 : feed.read - rejected
  if (!held && accepted !== plain + doubtful - wrong)
    throw new Error(`rows do not add up: ${plain} + ${doubtful} - ${wrong} of ${accepted}`)
  const waiting = held ? feed.read - rejected : 0
  return { ...counts(feed.read, rejected, accepted, 0), held, waiting, relation, poolColumns, rowsAdded: accepted }
}

const counts = (read: number, rejected: number, accepted: number, changed: number) => ({
  read,
  accepted,
  changed,
  unchanged: 0,
  rejected,
  removed: 0,
  vanishing: 0,
  kept: 0,
})

/** Any delivery, against what is there. `narrow`: reads keys first and only then the rows that differ; undefined when that is not enough. */
async function merge(once: Once, narrow: boolean): Promise<Outcome | undefined> {
  const { client, feed, p, phase, fresh, wires, keyWires, columns, rawKey, key, plainKey, fault, firstFault, relation, history } = once
  const { run, one, table, select, copy, drop, name, modest } = staging(once)
  const keys = [...new Set(keyWires.map(w => w.index))]

  // ── read ──
  phase('reading')
  const stage = await table('b', narrow ? keys : all(p))
  await copy(stage, narrow ? feed.again!({ kind: 'keys', keys }) : piecesOf(feed.bytes()))
  // In the CSV we gave out a quote before a sign keeps spreadsheets from taking the value for a formula.
  if (p.mends)
    for (const s of all(p).map(c => `s${c + 1}`)) await run(`update ${stage} set ${s} = substr(${s}, 2) where ${s} ~ '^''[-=+@＝＋－＠]'`)

  // ── compare ──
  phase('checking')
  const poolColumns = await shape(client, relation, history, p.items, fresh)
  let rest = stage
  let same = 0
  let pool = 0
  let identical = false
  if (!fresh) {
    const there = await one<{ rows: number; mark: number; sum: number }>(
      `select count(*) as rows, coalesce(bit_xor(_hash), 0) as mark, coalesce(mod(sum(_hash & 4294967295), 4294967296), 0)::bigint as sum from ${relation}`,
    )
    pool = there.rows
    const { mark } = feed
    const marked = mark && there.mark === (mark.high >>> 0) * 2 ** 32 + (mark.low >>> 0) && there.sum === mark.sum >>> 0
    identical = marked === true && pool === feed.passed
    if (identical) {
      same = pool
      rest = await table('d', all(p))
    } else {
      await run(`analyze ${stage} (${keys.map(k => `s${k + 1}`).join(', ')})`)
      const differing = `from ${stage} s where not exists (select from ${relation} p where p._key = ${rawKey} and p._hash = s._hash)`
      if (narrow) {
        const left = await select('n', `select s._n ${differing}`)
        rest = await table('d', all(p))
        if (left) await copy(rest, feed.again!({ kind: 'some', wanted: await numbersIn(client, name('n'), feed.passed) }))
        same = feed.passed - left
      } else {
        same = feed.passed - (await select('d', `select s.* ${differing}`))
        rest = name('d')
      }
      if (same < feed.passed) await run(`analyze ${rest}`)
    }
  }

  // ── check ──
  // Rows whose values were all plainly right when read need no check; `v` numbers the others.
  const doubtful = p.unidentified === null ? feed.doubtful : null
  if (doubtful?.length) {
    await select('v', 'select 0::bigint as _n where false')
    for (let i = 0; i < doubtful.length; i += 100_000)
      await run(`insert into ${name('v')} select unnest($1::bigint[])`, [doubtful.slice(i, i + 100_000)])
    await run(`analyze ${name('v')}`)
  }
  // The fence (offset 0) keeps the planner from checking every row before it picks these.
  const unsure = doubtful === null ? rest : `(select s.* from ${rest} s join ${name('v')} v on v._n = s._n offset 0)`
  // Rejected rows, with the place of the first item that is wrong.
  const nothingToCheck = doubtful?.length === 0 || feed.passed === same
  const wrong = await select(
    'x',
    nothingToCheck
      ? `select _n, 0 as place from ${rest} where false`
      : `select _n, place from (select s._n, ${firstFault} as place from ${unsure} s offset 0) f where place is not null`,
  )
  let repeated = 0
  /** Later rows of a key already seen in this delivery, with the first one's number. */
  const findRepeats = async () => {
    repeated = await select(
      'u',
      `select _n, first_n from (select _n, first_value(_n) over (partition by k order by _n) as first_n
         from (select s._n, ${key} as k from ${stage} s where not (${fault})) k) u where _n <> first_n`,
    )
  }
  if (!fresh && !identical && (await mayRepeat())) {
    if (narrow) return undefined
    await findRepeats()
  }
  /** Whether a key may stand twice in this delivery. Errs on the safe side: what it lets pass has no duplicates. */
  async function mayRepeat(): Promise<boolean> {
    const yes = async (condition: string) => (await one<{ yes: boolean }>(`select ${condition} as yes`)).yes
    // Among the unchanged rows. When they are as many as the pool has, they are its rows once each, unless their keys differ as a whole.
    const mark = (k: string, from: string) => `(select coalesce(bit_xor(hashtextextended(${k}, 0)), 0) from ${from} s)`
    if (same > 1) {
      const all = same === pool && (await yes(`${mark(rawKey, stage)} # ${mark(rawKey, rest)} = ${mark('_key', relation)}`))
      if (!all && (await yes(`exists (select from ${stage} s group by ${rawKey} having count(*) > 1)`))) return true
    }
    if (feed.passed === same) return false
    // Between a new or changed row and any other, as written; and rows whose key is written in another way than it is kept.
    const other = rawKey.replaceAll('s.s', 'o.s')
    return (
      // Grouped, not joined: a join that may stop at the first hit is planned row by row, which takes for ever when there is none.
      (await yes(
        `exists (select from ${stage} o where ${other} in (select ${rawKey} from ${rest} s) group by ${other} having count(*) > 1)`,
      )) ||
      (await yes(
        `exists (select from (select s.* from ${rest} s where not exists (select from ${name('x')} x where x._n = s._n) offset 0) s where ${key} <> ${rawKey})`,
      ))
    )
  }

  const rejected = () => feed.bad.length + wrong + repeated
  const gone = p.follow && !fresh && !identical ? await missing(once, stage, rest) : 0
  const vanishing = gone > VANISHING * pool ? gone : 0
  const over = () => p.unidentified !== null || (!p.released && (p.hold || vanishing > 0 || rejected() > p.threshold * feed.read))
  /** The good rows, typed: the plainly right ones by a bare cast, the others through the functions that clean a value. */
  const good = () => {
    const once = repeated ? ` and not exists (select from ${name('u')} u where u._n = s._n)` : ''
    const right = wrong ? ` and not exists (select from ${name('x')} x where x._n = s._n)` : ''
    const typed = (k: string, values: string[]) =>
      `select ${k} as _key, ${values.map((v, i) => `${v} as ${wires[i]!.item.key}`).join(', ')}, s._hash`
    const plain = () =>
      typed(
        plainKey,
        wires.map(w => w.plain),
      )
    const cleaned = () =>
      `${typed(
        key,
        wires.map(w => w.value),
      )} from ${unsure} s where true${right}${once}`
    if (doubtful === null) return cleaned()
    if (!doubtful.length) return `${plain()} from ${rest} s where true${once}`
    return `${plain()} from ${rest} s where not exists (select from ${name('v')} v where v._n = s._n)${once} union all ${cleaned()}`
  }
  const meta = `${once.batch}, ${once.now}`

  // ── write ──
  let accepted = 0
  let changed = 0
  let added = 0
  let removed = 0
  let stay = 0
  const kept = poolColumns.join(', ')
  const ofPool = poolColumns.map(c => `p.${c}`).join(', ')
  if (!over()) {
    phase('writing')
    if (fresh) {
      const insert = async () => {
        accepted = await run(
          `insert into ${relation} (_key, ${columns.join(', ')}, _hash, _batch, _updated) select g.*, ${meta} from (${good()}) g`,
        )
        // The index is built over all rows at once, which is several times faster than row by row, and finds repeated keys.
        await modest()
        await run(`alter table ${relation} add primary key (_key)`)
      }
      await run('savepoint filling')
      try {
        await insert()
      } catch (error) {
        if ((error as { code?: string }).code !== '23505') throw error
        await run('rollback to savepoint filling')
        await findRepeats()
        accepted = 0
        if (!over()) await insert()
      }
      added = accepted
    } else if (feed.passed > same) {
      const g = name('g')
      await select('g', good())
      if (p.order?.overtaken)
        stay = await run(`delete from ${g} g where ${spokenOf({ sourceId: p.sourceId, batch: once.batch, key: 'g._key' })}`)
      await run(`analyze ${g}`)
      const differs = (a: string, b: string) =>
        `(${columns.map(c => `${a}.${c}`).join(', ')}) is distinct from (${columns.map(c => `${b}.${c}`).join(', ')})`
      changed = await run(
        `insert into ${history} (_key, ${kept}, _batch, _updated, _replaced_by, _replaced)
         select p._key, ${ofPool}, p._batch, p._updated, ${meta}
         from ${relation} p join ${g} g on g._key = p._key where ${differs('p', 'g')}`,
      )
      accepted = await run(
        `insert into ${relation} as p (_key, ${columns.join(', ')}, _hash, _batch, _updated)
         select _key, ${columns.join(', ')}, _hash, ${meta} from ${g}
         on conflict (_key) do update set ${columns.map(c => `${c} = excluded.${c}`).join(', ')}, _hash = excluded._hash, _batch = excluded._batch, _updated = excluded._updated
         where ${differs('p', 'excluded')}`,
      )
      added = accepted - changed
    }
    if (gone) {
      removed = await run(
        `with gone as (delete from ${relation} p using ${name('m')} m where p._key = m._key returning p._key, ${ofPool}, p._batch, p._updated)
         insert into ${history} (_key, ${kept}, _batch, _updated, _replaced_by, _replaced) select p.*, ${meta} from gone p`,
      )
    }
  }
  const held = over()
  if (p.order?.noted && !held) {
    const right = `where not exists (select from ${name('x')} x where x._n = s._n)`
    // As written, and as kept; what is written otherwise than it is kept is no other row's key.
    const keys = [
      `select ${rawKey} as k from ${stage} s ${right}`,
      `select ${key} from ${rest} s ${right}`,
      ...(gone ? [`select _key from ${name('m')}`] : []),
    ]
    await run(noteKeys({ sourceId: p.sourceId, batch: once.batch, keys: keys.join(' union all ') }))
  }
  if (fresh && held) await run(`drop table ${relation}, ${history}`)
  if (p.mends && !held) {
    const [of, line] = [`s.s${p.mends.batch + 1}`, `s.s${p.mends.line + 1}`]
    await run(
      `update aggregation.reject r set mended = ${once.batch} from ${stage} s, aggregation.batch b
       where b.no = ${of} and b.source_id = (select source_id from aggregation.batch where id = ${once.batch}) and b.id <> ${once.batch}
         and r.batch_id = b.id and r.line = case when ${line} ~ '^[0-9]{1,15}$' then ${line}::bigint end and r.mended is null
         and not exists (select from ${name('x')} x where x._n = s._n)${repeated ? ` and not exists (select from ${name('u')} u where u._n = s._n)` : ''}`,
    )
  }

  await writeRejects(once, { stage, rest, wrong: wrong ? name('x') : null, repeats: repeated ? name('u') : null })
  if (gone) await run(`drop table ${name('m')}`)
  await drop()

  return {
    ...counts(feed.read, rejected(), accepted, changed),
    held,
    unchanged: held ? 0 : feed.read - rejected() - accepted,
    waiting: held ? feed.read - rejected() : 0,
    removed,
    vanishing: held ? vanishing : 0,
    kept: stay,
    relation,
    poolColumns,
    rowsAdded: added - removed,
  }
}

/**
 * Puts the keys of this source's rows that a whole delivery no longer holds into table `m` and says how many. None when a row of the
 * delivery cannot be told apart, because it cannot be read or its key is wrong: it might be any of them.
 */
async function missing(once: Once, stage: string, rest: string): Promise<number> {
  const { client, feed, p, keyWires, rawKey, key, relation } = once
  const { run, one, name } = staging(once)
  const unknown = `coalesce(${keyWires.map(w => w.fault).join(', ')})`
  if (feed.bad.length || (await one<{ yes: boolean }>(`select exists (select from ${rest} s where ${unknown} is not null) as yes`)).yes)
    return 0
  const { rows } = await client.query<{ ids: string[] }>(
    `select array_agg(id) as ids from aggregation.batch where source_id = (select source_id from aggregation.batch where id = $1)`,
    [p.batchId],
  )
  return run(
    `create unlogged table ${name('m')} as select p._key from ${relation} p
     where p._batch = any(array[${rows[0]!.ids.map(literal).join(', ')}]::uuid[])
       and not exists (select from ${stage} s where ${rawKey} = p._key)
       and not exists (select from (select ${key} as k from ${rest} s) r where r.k = p._key)`,
  )
}

/** The numbers a staging table lists, one bit each. */
async function numbersIn(client: pg.PoolClient, table: string, most: number): Promise<Uint8Array> {
  const bits = new Uint8Array((most >> 3) + 1)
  let n = 0
  for await (const chunk of client.query(copy.to(`copy ${table} (_n) to stdout`)) as AsyncIterable<Buffer>)
    for (const byte of chunk) {
      if (byte !== 10) n = n * 10 + byte - 48
      else {
        bits[n >> 3]! |= 1 << (n & 7)
        n = 0
      }
    }
  return bits
}

/** Creates the pool table and its history, or brings them to the items of the published version. */
export async function shape(client: pg.PoolClient, relation: string, history: string, items: Item[], fresh: boolean): Promise<string[]> {
  const column = (i: Item) => `${i.key} ${columnType(i)}`
  if (fresh) {
    const own = '_batch uuid not null, _updated timestamptz not null'
    // Keys are compared byte by byte: faster than by language, and the same on every server.
    await client.query(
      `create table ${relation} (_key text collate "C" not null, ${items.map(column).join(', ')}, _hash bigint not null, ${own})`,
    )
    await client.query(
      `create table ${history} (_key text collate "C" not null, ${items.map(column).join(', ')}, ${own}, _replaced_by uuid not null, _replaced timestamptz not null)`,
    )
    await client.query(`create index on ${history} (_key, _replaced)`)
    return items.map(i => i.key)
  }
  const { rows } = await client.query<{ name: string; type: string }>(
    `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attname ~ '^c[0-9]+$'`,
    [relation],
  )
  const now = new Map(rows.map(r => [r.name, r.type]))
  for (const item of items) {
    const have = now.get(item.key)
    const want = columnType(item) === 'timestamp' ? 'timestamp without time zone' : columnType(item)
    for (const table of [relation, history]) {
      if (!have) await client.query(`alter table ${table} add column ${column(item)}`)
      else if (have !== want)
        await client.query(
          `alter table ${table} alter column ${item.key} type ${columnType(item)} using ${item.key}::text::${columnType(item)}`,
        )
    }
    now.set(item.key, want)
  }
  return [...now.keys()]
}

async function writeRejects(once: Once, t: { stage: string; rest: string; wrong: string | null; repeats: string | null }): Promise<void> {
  const { client, feed, p, checks, rawKey } = once
  if (!t.wrong && !t.repeats && !feed.bad.length) return
  // From the number of a row to its line: they drift apart at blank lines, bad rows and line breaks inside values.
  const lines = `staging.l_${p.short}`
  await client.query(`create unlogged table ${lines} (n bigint primary key, shift bigint not null)`)
  const shifts = feed.shifts.length ? feed.shifts : [{ n: 1, shift: 0 }]
  for (let i = 0; i < shifts.length; i += 50_000) {
    const part = shifts.slice(i, i + 50_000)
    await client.query(`insert into ${lines} select * from unnest($1::bigint[], $2::bigint[])`, [
      part.map(x => x.n),
      part.map(x => x.shift),
    ])
  }
  const line = (n: string) => `${n} + (select shift from ${lines} l where l.n <= ${n} order by l.n desc limit 1)`
  const row = `to_jsonb(array[${(p.shown ?? all(p)).map(c => (c < 0 ? 'null' : `s.s${c + 1}`)).join(', ')}]::text[])`
  if (t.wrong) {
    // Arrays rather than VALUES: those are prepared anew for every row, which took ten times as long as the checks themselves.
    const array = (parts: string[]) => `array[${parts.join(', ')}]::text[]`
    const items = array(checks.map(w => `'${w.item.key}'`))
    await client.query(
      `insert into aggregation.reject (batch_id, line, item, rule, value, row)
       select '${p.batchId}', ${line('s._n')}, nullif((${items})[f.place], ''), f.rule, f.value, case when f.place = x.place then ${row} end
       from ${t.wrong} x join ${t.rest} s on s._n = x._n
       cross join lateral unnest(${array(checks.map(w => w.fault))}, ${array(checks.map(w => w.column))}) with ordinality f(rule, value, place)
       where f.rule is not null`,
    )
  }
  if (t.repeats) {
    await client.query(
      `insert into aggregation.reject (batch_id, line, item, rule, value, note, row)
       select '${p.batchId}', ${line('s._n')}, ${literal(p.keys[0]!)}, 'duplicate-key', replace(${rawKey}, chr(31), ' + '),
         '首次出现在第 ' || (${line('u.first_n')})::text || ' 行', ${row}
       from ${t.repeats} u join ${t.stage} s on s._n = u._n order by s._n`,
    )
  }
  for (let i = 0; i < feed.bad.length; i += 10_000) {
    const part = feed.bad.slice(i, i + 10_000)
    await client.query(
      `insert into aggregation.reject (batch_id, line, rule, value, note, row)
       select '${p.batchId}', b.line, b.rule, b.raw, b.note, to_jsonb(array[b.raw])
       from unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) b(line, rule, raw, note)`,
      [part.map(b => b.line), part.map(b => b.rule), part.map(b => b.raw), part.map(b => b.note)],
    )
  }
  await client.query(`drop table ${lines}`)
}
