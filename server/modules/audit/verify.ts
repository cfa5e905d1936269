import type pg from 'pg'
import { checkSignatures } from '../../platform/signer.ts'
import { blockHash, genesis, leafOf, rootOf } from './merkle.ts'

export type Verification = {
  ok: boolean
  records: number
  blocks: number
  upTo: number
  milliseconds: number
  bad: { seq: number | null; height: number; message: string } | null
  checkpoint: { no: number; at: string; algorithms: string[] } | null
}

type BlockRow = {
  height: number
  first_seq: number
  count: number
  records: string[]
  leaves: Buffer
  root: Buffer
  previous: Buffer
  hash: Buffer
  at: Date
}
type Checkpoint = { no: number; height: number; hash: Buffer; at: Date; signatures: Record<string, string> }
type EntryRow = { seq: number } & Record<string, unknown>

const entryColumns = {
  action: 'action',
  person: 'person',
  department: 'department',
  region: 'region',
  purpose: 'purpose',
  approver: 'approver',
  content: 'content',
  method: 'method',
  medium: 'medium',
  subject: 'subject',
  case_no: 'caseNo',
} as const

/**
 * Re-reads the whole ledger: every record against its leaf, leaves against the root, blocks against the chain,
 * checkpoints against their signatures, and the queryable copy against the blocks. Names the first bad record.
 * Memory stays at a few blocks, whatever the length. `keys`: public keys by algorithm.
 */
export async function verifyLedger(
  client: pg.ClientBase,
  keys: Record<string, string>,
  progress?: (seq: number) => void,
): Promise<Verification> {
  const started = performance.now()
  const { rows: checkpoints } = await client.query<Checkpoint>('select no, height, hash, at, signatures from audit.checkpoint order by no')
  const byHeight = new Map(checkpoints.map(c => [c.height, c]))
  const { rows: top } = await client.query<{ seq: number | null }>('select max(seq) as seq from audit.entry')
  const expanded = top[0]!.seq ?? 0
  let records = 0
  let blocks = 0
  let next = 1
  let previous: Buffer = genesis
  let last: Checkpoint | null = null
  const finish = (bad: Verification['bad']): Verification => ({
    ok: bad === null,
    records,
    blocks,
    upTo: next - 1,
    milliseconds: Math.round(performance.now() - started),
    bad,
    checkpoint: last && { no: last.no, at: last.at.toISOString(), algorithms: Object.keys(last.signatures) },
  })

  for (;;) {
    // By height, not by a cursor: a cursor would keep the connection from the comparison below.
    const { rows: batch } = await client.query<BlockRow>(
      'select height, first_seq, count, records, leaves, root, previous, hash, at from audit.block where height > $1 order by height limit 200',
      [blocks],
    )
    if (batch.length === 0) break
    for (const b of batch) {
      const fail = (seq: number | null, message: string) => finish({ seq, height: b.height, message })
      if (b.height !== blocks + 1) return fail(null, `缺少第 ${blocks + 1} 个区块`)
      if (b.first_seq !== next) return fail(b.first_seq, `区块 ${b.height} 从第 ${b.first_seq} 条开始，应为第 ${next} 条`)
      if (b.records.length !== b.count || b.leaves.length !== 32 * b.count)
        return fail(b.first_seq, `区块 ${b.height} 的记录数与登记数不符`)
      const leaves: Buffer[] = []
      for (let i = 0; i < b.count; i++) {
        const registered = b.leaves.subarray(32 * i, 32 * i + 32)
        if (!leafOf(b.records[i]!).equals(registered))
          return fail(b.first_seq + i, `第 ${b.first_seq + i} 条内容与登记摘要不符（区块 ${b.height}）`)
        leaves.push(registered)
      }
      if (!rootOf(leaves).equals(b.root)) return fail(null, `区块 ${b.height} 的摘要树与登记的根不符`)
      if (!b.previous.equals(previous)) return fail(null, `区块 ${b.height} 没有接上前一个区块`)
      if (!blockHash({ height: b.height, first: b.first_seq, count: b.count, at: b.at, root: b.root, previous: b.previous }).equals(b.hash))
        return fail(null, `区块 ${b.height} 的头与登记的摘要不符`)
      const checkpoint = byHeight.get(b.height)
      if (checkpoint) {
        const signed = checkSignatures(b.hash, checkpoint.signatures, keys)
        const wrong = Object.entries(signed)
          .filter(([, good]) => !good)
          .map(([name]) => name)
        if (!checkpoint.hash.equals(b.hash) || wrong.length)
          return fail(null, `检查点 #${checkpoint.no} 的签名与区块 ${b.height} 不符${wrong.length ? `（${wrong.join('、')}）` : ''}`)
        byHeight.delete(b.height)
        last = checkpoint
      }
      blocks++
      records += b.count
      next += b.count
      previous = b.hash
    }
    const from = batch[0]!.first_seq
    const to = Math.min(next - 1, expanded)
    if (to >= from) {
      const bad = await compareEntries(client, batch, from, to)
      if (bad) return finish(bad)
    }
    progress?.(next - 1)
  }
  const lost = byHeight.values().next().value
  if (lost) return finish({ seq: null, height: lost.height, message: `检查点 #${lost.no} 签过的区块 ${lost.height} 不见了` })
  return finish(null)
}

/** The queryable copy must say what the blocks say. */
async function compareEntries(client: pg.ClientBase, blocks: BlockRow[], from: number, to: number): Promise<Verification['bad']> {
  const { rows } = await client.query<EntryRow>(
    `select seq, ${Object.keys(entryColumns).join(', ')} from audit.entry where seq between $1 and $2 order by seq`,
    [from, to],
  )
  const bySeq = new Map(rows.map(r => [Number(r.seq), r]))
  for (const b of blocks) {
    for (let i = 0; i < b.count; i++) {
      const seq = b.first_seq + i
      if (seq > to) return null
      const row = bySeq.get(seq)
      if (!row) return { seq, height: b.height, message: `第 ${seq} 条从查询表中消失` }
      const record = JSON.parse(b.records[i]!) as Record<string, unknown>
      for (const [column, key] of Object.entries(entryColumns)) {
        if ((row[column] ?? null) !== (record[key] ?? null))
          return { seq, height: b.height, message: `第 ${seq} 条在查询表中的「${column}」与账本不符` }
      }
    }
  }
  return null
}
