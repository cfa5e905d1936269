import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import copy from 'pg-copy-streams'
import type { Item } from '../../../contract/catalog.ts'
import { checkSql, columnType, literal } from '../quality/public.ts'
import type { Feed } from './reading/feed.ts'
import type { Wiring } from './rules.ts'

export type Plan = {
  batchId: string
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
}
export type Outcome = {
  held: boolean
  read: number
  accepted: number
  changed: number
  unchanged: number
  rejected: number
  waiting: number
  relation: string
  poolColumns: string[]
  rowsAdded: number
}
export type Phase = 'reading' | 'checking' | 'writing'

/**
 * Brings one delivery into its pool table, inside the caller's transaction and on its connection:
 * COPY into staging, leave out what has not changed, check the rest, reject, write. Returns the counts; commits nothing itself.
 *
 * Why in this order: a row that is byte for byte the one loaded last time under the same rules needs no check, so a repeated delivery
 * costs little more than reading it. Steps that only look (compare, check, find duplicates) are CREATE TABLE AS or SELECT, which
 * PostgreSQL runs in parallel; INSERT is not.
 */
export async function load(client: pg.PoolClient, feed: Feed, p: Plan, phase: (phase: Phase) => void): Promise<Outcome> {
  const run = async (text: string, values?: unknown[]) => (await client.query(text, values)).rowCount ?? 0
  const one = async <T>(text: string, values?: unknown[]): Promise<T> => (await client.query(text, values)).rows[0] as T
  const stage = `staging.b_${p.short}`
  const temp = (name: string) => `staging.${name}_${p.short}`
  const made: string[] = []
  const makeTable = async (name: string, select: string) => {
    made.push(temp(name))
    return run(`create unlogged table ${temp(name)} as ${select}`)
  }

  await run(`set local work_mem = '128MB'`)
  await run(`set local maintenance_work_mem = '256MB'`)
  await run('set local jit = off')
  await run(`select pg_advisory_xact_lock(hashtextextended($1, 7))`, [p.table])

  // ── read ──
  phase('reading')
  const s = Array.from({ length: p.columns }, (_, i) => `s${i + 1}`)
  // Every record arrives with its number and the hash of its bytes.
  await run(`create unlogged table ${stage} (_n bigint not null, _hash bigint not null, ${s.map(c => `${c} text`).join(', ')})`)
  made.push(stage)
  const into = client.query(copy.from(`copy ${stage} from stdin (format csv, delimiter ${literal(feed.delimiter)}, freeze)`))
  await pipeline(Readable.from(feed.bytes(), { objectMode: false, highWaterMark: 1 << 20 }), into)

  // ── check ──
  phase('checking')
  const wires = p.wiring.map(w => {
    const column = `s.s${w.index + 1}`
    const check = checkSql(w.item, column, p.today, w.required)
    return { ...w, column, ...check, ...(w.identity && { fault: check.fault.replace(`'required'`, `'identity-key-missing'`) }) }
  })
  const checks: { item: { key: string }; column: string; fault: string }[] =
    p.unidentified === null
      ? wires
      : [{ item: { key: p.unidentified }, column: 'null::text', fault: `'identity-key-missing'::text` }, ...wires]
  const keyWires = p.keys.map(k => wires.find(w => w.item.key === k)!)
  const join = (parts: string[]) => (parts.length === 1 ? parts[0]! : `concat_ws(chr(31), ${parts.join(', ')})`)
  const rawKey = join(keyWires.map(w => w.column))
  const key = join(keyWires.map(w => (columnType(w.item) === 'text' ? w.value : `(${w.value})::text`)))
  const plainKey = join(keyWires.map(w => (columnType(w.item) === 'text' ? w.plain : `(${w.plain})::text`)))
  const fault = `coalesce(${checks.map(w => w.fault).join(', ')}) is not null`
  const firstFault = `case ${checks.map((w, i) => `when (${w.fault}) is not null then ${i + 1}`).join(' ')} end`

  const relation = `pool.e_${p.table}`
  const history = `pool.h_${p.table}`
  const fresh = !(await one<{ t: string | null }>('select to_regclass($1) as t', [relation])).t
  const poolColumns = await shape(client, relation, history, p.items, fresh)

  let rest = stage
  let same = 0
  if (!fresh) {
    await run(`analyze ${stage} (${keyWires.map(w => w.column.slice(2)).join(', ')})`)
    rest = temp('d')
    const left = await makeTable(
      'd',
      `select s.* from ${stage} s where not exists (select from ${relation} p where p._key = ${rawKey} and p._hash = s._hash)`,
    )
    same = feed.passed - left
    if (left) await run(`analyze ${rest}`)
  }
  // Rows whose values were all plainly right when read need no check; `v` numbers the others.
  const doubtful = p.unidentified === null ? feed.doubtful : null
  if (doubtful?.length) {
    await makeTable('v', 'select 0::bigint as _n where false')
    for (let i = 0; i < doubtful.length; i += 100_000)
      await run(`insert into ${temp('v')} select unnest($1::bigint[])`, [doubtful.slice(i, i + 100_000)])
    await run(`analyze ${temp('v')}`)
  }
  // The fence (offset 0) keeps the planner from checking every row before it picks these.
  const unsure = doubtful === null ? rest : `(select s.* from ${rest} s join ${temp('v')} v on v._n = s._n offset 0)`
  // Rejected rows, with the place of the first item that is wrong.
  const nothingToCheck = doubtful?.length === 0 || feed.passed === same
  const wrong = await makeTable(
    'x',
    nothingToCheck
      ? `select _n, 0 as place from ${rest} where false`
      : `select _n, place from (select s._n, ${firstFault} as place from ${unsure} s offset 0) f where place is not null`,
  )
  let repeated = 0
  /** Later rows of a key already seen in this delivery, with the first one's number. */
  const findRepeats = async () => {
    repeated = await makeTable(
      'u',
      `select _n, first_n from (select _n, first_value(_n) over (partition by k order by _n) as first_n
         from (select s._n, ${key} as k from ${stage} s where not (${fault})) k) u where _n <> first_n`,
    )
  }
  if (!fresh && (await mayRepeat())) await findRepeats()
  /** Whether a key may stand twice in this delivery. Errs on the safe side: what it lets pass has no duplicates. */
  async function mayRepeat(): Promise<boolean> {
    const yes = async (condition: string) => (await one<{ yes: boolean }>(`select ${condition} as yes`)).yes
    // Among the unchanged rows. When they are as many as the pool has, they are its rows once each, unless their keys differ as a whole.
    const mark = (k: string, from: string) => `(select coalesce(bit_xor(hashtextextended(${k}, 0)), 0) from ${from} s)`
    const rows = await one<{ n: number }>(`select count(*) as n from ${relation}`)
    if (same > 1) {
      const all = same === rows.n && (await yes(`${mark(rawKey, stage)} # ${mark(rawKey, rest)} = ${mark('_key', relation)}`))
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
        `exists (select from (select s.* from ${rest} s where not exists (select from ${temp('x')} x where x._n = s._n) offset 0) s where ${key} <> ${rawKey})`,
      ))
    )
  }

  const rejected = () => feed.bad.length + wrong + repeated
  const over = () => p.unidentified !== null || (!p.released && (p.hold || rejected() > p.threshold * feed.read))
  /** The good rows, typed: the plainly right ones by a bare cast, the others through the functions that clean a value. */
  const good = () => {
    const once = repeated ? ` and not exists (select from ${temp('u')} u where u._n = s._n)` : ''
    const right = wrong ? ` and not exists (select from ${temp('x')} x where x._n = s._n)` : ''
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
    return `${plain()} from ${rest} s where not exists (select from ${temp('v')} v where v._n = s._n)${once} union all ${cleaned()}`
  }
  const columns = wires.map(w => w.item.key)
  const meta = `'${p.batchId}'::uuid, ${literal(p.now.toISOString())}::timestamptz`

  // ── write ──
  let accepted = 0
  let changed = 0
  let added = 0
  if (!over()) {
    phase('writing')
    if (fresh) {
      const fill = async () => {
        accepted = await run(
          `insert into ${relation} (_key, ${columns.join(', ')}, _hash, _batch, _updated) select g.*, ${meta} from (${good()}) g`,
        )
        // The index is built over all rows at once, which is several times faster than row by row, and finds repeated keys.
        await run(`alter table ${relation} add primary key (_key)`)
      }
      await run('savepoint filling')
      try {
        await fill()
      } catch (error) {
        if ((error as { code?: string }).code !== '23505') throw error
        await run('rollback to savepoint filling')
        await findRepeats()
        accepted = 0
        if (!over()) await fill()
      }
      added = accepted
    } else if (feed.passed > same) {
      const g = temp('g')
      await makeTable('g', good())
      await run(`analyze ${g}`)
      const differs = (a: string, b: string) =>
        `(${columns.map(c => `${a}.${c}`).join(', ')}) is distinct from (${columns.map(c => `${b}.${c}`).join(', ')})`
      const all = poolColumns.join(', ')
      changed = await run(
        `insert into ${history} (_key, ${all}, _batch, _updated, _replaced_by, _replaced)
         select p._key, ${poolColumns.map(c => `p.${c}`).join(', ')}, p._batch, p._updated, ${meta}
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
  }
  const held = over()
  if (fresh && held) await run(`drop table ${relation}, ${history}`)

  await writeRejects(client, feed, p, {
    stage,
    rest,
    wrong: temp('x'),
    repeats: repeated ? temp('u') : null,
    wires: checks,
    rawKey,
    columns: s,
    count: wrong,
  })
  await run(`drop table ${made.reverse().join(', ')}`)

  return {
    held,
    read: feed.read,
    accepted,
    changed,
    unchanged: held ? 0 : feed.read - rejected() - accepted,
    rejected: rejected(),
    waiting: held ? feed.read - rejected() : 0,
    relation,
    poolColumns,
    rowsAdded: added,
  }
}

/** Creates the pool table and its history, or brings them to the items of the published version. */
async function shape(client: pg.PoolClient, relation: string, history: string, items: Item[], fresh: boolean): Promise<string[]> {
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

async function writeRejects(
  client: pg.PoolClient,
  feed: Feed,
  p: Plan,
  t: {
    stage: string
    rest: string
    wrong: string
    repeats: string | null
    wires: { column: string; fault: string; item: { key: string } }[]
    rawKey: string
    columns: string[]
    count: number
  },
): Promise<void> {
  if (!t.count && !t.repeats && !feed.bad.length) return
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
  const row = `to_jsonb(array[${t.columns.map(c => `s.${c}`).join(', ')}])`
  if (t.count) {
    // Arrays rather than VALUES: those are prepared anew for every row, which took ten times as long as the checks themselves.
    const array = (parts: string[]) => `array[${parts.join(', ')}]::text[]`
    const items = array(t.wires.map(w => `'${w.item.key}'`))
    await client.query(
      `insert into aggregation.reject (batch_id, line, item, rule, value, row)
       select '${p.batchId}', ${line('s._n')}, nullif((${items})[f.place], ''), f.rule, f.value, case when f.place = x.place then ${row} end
       from ${t.wrong} x join ${t.rest} s on s._n = x._n
       cross join lateral unnest(${array(t.wires.map(w => w.fault))}, ${array(t.wires.map(w => w.column))}) with ordinality f(rule, value, place)
       where f.rule is not null`,
    )
  }
  if (t.repeats) {
    await client.query(
      `insert into aggregation.reject (batch_id, line, item, rule, value, note, row)
       select '${p.batchId}', ${line('s._n')}, ${literal(p.keys[0]!)}, 'duplicate-key', replace(${t.rawKey}, chr(31), ' + '),
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
