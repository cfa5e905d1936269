import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { isDeepStrictEqual } from 'node:util'
import type pg from 'pg'
import type { Block, Checkpoint, Key, Statement, Witness } from './format.ts'
import { type Bad, type Source, type Trust, verifyLedger } from './verify.ts'

// Enough for few round trips, little enough to hold: about 15 MB of records.
const together = 20_000

type BlockRow = {
  height: number
  first_seq: number
  count: number
  records: (string | null)[]
  leaves: Buffer
  root: Buffer
  previous: Buffer
  hash: Buffer
  at: Date
  pruned: [number, number][] | null
}

const entryColumns = {
  action: 'action',
  person: 'person',
  person_id: 'personId',
  department: 'department',
  department_id: 'departmentId',
  region: 'region',
  purpose: 'purpose',
  approver: 'approver',
  content: 'content',
  method: 'method',
  medium: 'medium',
  subject: 'subject',
  case_no: 'caseNo',
  key: 'key',
  cite: 'cite',
  data: 'data',
} as const

/** The ledger in the database, as of one moment. */
export async function withDatabase<T>(client: pg.ClientBase, use: (source: Source) => Promise<T>): Promise<T> {
  await client.query('begin isolation level repeatable read read only')
  try {
    return await use(await databaseSource(client))
  } finally {
    await client.query('rollback')
  }
}

export const verifyDatabase = (client: pg.ClientBase, trust: Trust) => withDatabase(client, source => verifyLedger(source, trust))

export async function databaseSource(client: pg.ClientBase): Promise<Source> {
  const list = async <T extends pg.QueryResultRow>(text: string) => (await client.query<T>(text)).rows
  // What people are found by.
  const names = new Set((await list<{ name: string }>(`select kind || ' ' || name as name from audit.name`)).map(n => n.name))
  const expanded = (await list<{ seq: number | null }>('select max(seq) as seq from audit.entry'))[0]!.seq ?? 0
  return {
    keys: await list<Key>('select no, at, public, hash, signatures from audit.key order by no'),
    checkpoints: await list<Checkpoint>('select no, height, hash, at, key_no as key, signatures from audit.checkpoint order by no'),
    witnesses: await list<Witness>('select name, public from audit.witness'),
    statements: await list<Statement>('select witness, no, height, hash, at, signatures from audit.statement order by no'),
    async *blocks() {
      for (let height = 0, next = 1; ; ) {
        // By height, not by a cursor: a cursor would keep the connection from the comparison in between.
        const { rows } = await client.query<BlockRow>(
          `select height, first_seq, count, records, leaves, root, previous, hash, at,
             (select jsonb_agg(jsonb_build_array(i - 1, p.order_no)) from audit.pruned p, unnest(p.indexes) i where p.height = b.height) as pruned
           from audit.block b
           where height > $1 and height <= greatest($1 + 200, (select min(height) from audit.block where height > $1))
             and (first_seq < $2 or height = (select min(height) from audit.block where height > $1)) order by height`,
          [height, next + together],
        )
        if (rows.length === 0) return
        yield rows.map(readBlock)
        const end = rows.at(-1)!
        height = end.height
        next = end.first_seq + end.count
      }
    },
    async compare(blocks) {
      const from = blocks[0]!.first
      const to = Math.min(blocks.at(-1)!.first + blocks.at(-1)!.count - 1, expanded)
      if (to < from) return null
      const { rows } = await client.query(
        `select *, encode(key, 'hex') as key from audit.entry where seq <= $2 and (seq >= $1 or $1 = 1)`,
        [from, to],
      )
      const bySeq = Map.groupBy(rows, r => r.seq as number)
      for (const seq of bySeq.keys()) if (seq < from) return { seq: null, height: 1, message: `查询表里有第 ${seq} 条，账本从第 1 条开始` }
      for (const b of blocks)
        for (const [i, text] of b.records.entries()) {
          const seq = b.first + i
          if (seq > to) return null
          const bad = differs(bySeq.get(seq) ?? [], text, names)
          if (bad) return { seq, height: b.height, message: `第 ${seq} 条${bad}` }
        }
      return null
    },
    async beyond(seq, height): Promise<Bad | null> {
      if (expanded <= seq) return null
      return {
        seq: seq + 1,
        height,
        message: `查询表里有第 ${seq + 1} 条，账本里没有：账本末尾被删去，只到区块 ${height}，或查询表里添了记录`,
      }
    },
  }
}

function differs(rows: Record<string, unknown>[], text: string | null, names: Set<string>): string | null {
  if (text === null) return rows.length ? '的内容已清理，查询表里却还有' : null
  const [row] = rows
  if (!row) return '从查询表中消失'
  if (rows.length > 1) return `在查询表里有 ${rows.length} 条`
  const record = JSON.parse(text) as Record<string, unknown> & { data?: { providerId?: string } | null; at: string }
  const { at, provider_id } = row as { at: Date; provider_id: string | null }
  if (at.getTime() !== Date.parse(record.at)) return '在查询表中的「at」与账本不符'
  if (provider_id !== (record.data?.providerId ?? null)) return '在查询表中的「provider_id」与账本不符'
  for (const [column, key] of Object.entries(entryColumns))
    if (!isDeepStrictEqual(row[column] ?? null, record[key] ?? null)) return `在查询表中的「${column}」与账本不符`
  for (const kind of ['person', 'department'])
    if (record[kind] && !names.has(`${kind} ${record[kind]}`)) return `的「${record[kind]}」从查找用的名单里消失`
  return null
}

const split = (leaves: Buffer) => Array.from({ length: Math.floor(leaves.length / 32) }, (_, i) => leaves.subarray(32 * i, 32 * i + 32))
const readBlock = (r: BlockRow): Block => ({
  height: r.height,
  first: r.first_seq,
  count: r.count,
  at: r.at,
  records: r.records,
  leaves: split(r.leaves),
  root: r.root,
  previous: r.previous,
  hash: r.hash,
  pruned: new Map(r.pruned ?? []),
})

/* An exported ledger: one JSON object a line. What is needed to judge blocks comes before them; docs/ledger-format.md says it all. */

const hex = (b: Buffer) => b.toString('hex')
const keyLine = (k: Key) => ({ type: 'key', no: k.no, at: k.at, public: k.public, hash: hex(k.hash), signatures: k.signatures })
const checkpointLine = (c: Checkpoint) => ({
  type: 'checkpoint',
  no: c.no,
  height: c.height,
  hash: hex(c.hash),
  at: c.at,
  key: c.key,
  signatures: c.signatures,
})
const statementLine = (s: Statement) => ({
  type: 'statement',
  witness: s.witness,
  no: s.no,
  height: s.height,
  hash: hex(s.hash),
  at: s.at,
  signatures: s.signatures,
})
const blockLine = (b: Block) => ({
  type: 'block',
  height: b.height,
  first: b.first,
  count: b.count,
  at: b.at,
  root: hex(b.root),
  previous: hex(b.previous),
  hash: hex(b.hash),
  records: b.records,
  leaves: hex(Buffer.concat(b.leaves)),
  ...(b.pruned.size && { pruned: [...b.pruned].sort((x, y) => x[0] - y[0]) }),
})

/** All of a ledger as lines of JSON. */
export async function* exportLines(source: Source, at: Date): AsyncIterable<string> {
  const line = (value: object) => `${JSON.stringify(value)}\n`
  yield line({ type: 'ledger', format: 'huitong-ledger-1', at })
  for (const k of source.keys) yield line(keyLine(k))
  for (const w of source.witnesses) yield line({ type: 'witness', ...w })
  for (const c of source.checkpoints) yield line(checkpointLine(c))
  for (const s of source.statements) yield line(statementLine(s))
  let blocks = 0
  for await (const batch of source.blocks())
    for (const b of batch) {
      blocks++
      yield line(blockLine(b))
    }
  yield line({ type: 'end', blocks })
}

/** Reads an exported ledger; throws with the line where it is none. */
export async function fileSource(path: string): Promise<Source> {
  const source: Source & { keys: Key[]; checkpoints: Checkpoint[]; witnesses: Witness[]; statements: Statement[] } = {
    keys: [],
    checkpoints: [],
    witnesses: [],
    statements: [],
    async *blocks() {
      let blocks = 0
      let ended = false
      for await (const line of linesOf(path)) {
        if (line.type === 'end') ended = line.blocks === blocks
        if (line.type !== 'block') continue
        blocks++
        yield [readBlockLine(line)]
      }
      if (!ended) throw new Error('导出文件不完整：没有结束的一行，或区块数与它不符')
    },
  }
  for await (const line of linesOf(path)) {
    if (line.type === 'block') break
    if (line.type === 'key')
      source.keys.push({ no: line.no, at: new Date(line.at), public: line.public, hash: bytes(line.hash), signatures: line.signatures })
    if (line.type === 'witness') source.witnesses.push({ name: line.name, public: line.public })
    if (line.type === 'checkpoint' || line.type === 'statement') {
      const common = { no: line.no, height: line.height, hash: bytes(line.hash), at: new Date(line.at), signatures: line.signatures }
      if (line.type === 'checkpoint') source.checkpoints.push({ ...common, key: line.key })
      else source.statements.push({ ...common, witness: line.witness })
    }
  }
  return source
}

const bytes = (text: string) => Buffer.from(text, 'hex')

const readBlockLine = (line: any): Block => ({
  height: line.height,
  first: line.first,
  count: line.count,
  at: new Date(line.at),
  root: bytes(line.root),
  previous: bytes(line.previous),
  hash: bytes(line.hash),
  records: line.records,
  leaves: split(bytes(line.leaves)),
  pruned: new Map(line.pruned),
})

async function* linesOf(path: string): AsyncIterable<any> {
  let n = 0
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    n++
    let line: any
    try {
      line = JSON.parse(text)
    } catch {
      throw new Error(`导出文件第 ${n} 行读不出来`)
    }
    if (n === 1 && line.format !== 'huitong-ledger-1') throw new Error('不是账本的导出文件')
    yield line
  }
}

/** Heads kept outside of the database: `{"by","height","hash","at"}`, one a line; a witness's file of statements serves as well. */
export function readKept(text: string, by: string): { by: string; height: number; hash: Buffer; at: Date }[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line, i) => {
      try {
        const one = JSON.parse(line) as { witness?: string; height: number; hash: string; at: string }
        return { by: one.witness ? `见证人「${one.witness}」` : by, height: one.height, hash: bytes(one.hash), at: new Date(one.at) }
      } catch {
        throw new Error(`${by}保存的第 ${i + 1} 行读不出来，不是区块的见证`)
      }
    })
}
