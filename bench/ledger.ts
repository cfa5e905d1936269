// Search over the ledger through its HTTP endpoint, by department, person, entry, case and key, beside plain SQL (an `or`, `like` over the
// names, an exact count) on the same records in the same run: ./huitong bench ledger [--records=10000000]
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { buildApp } from '../server/app.ts'
import { createDepartment, createPerson } from '../server/modules/organization/public.ts'
import { loadConfig } from '../server/platform/config.ts'
import { systemContext } from '../server/platform/context.ts'
import { migrate } from '../server/platform/migrate.ts'
import { startTemporaryPostgres } from '../server/platform/postgres.ts'
import { creditCode } from '../test/support/world.ts'
import { keep, option } from './results.ts'

export const measures = ['ledger.search_ms']
const total = Number(option('records') ?? 10_000_000)
const questions = 200

let seed = 20261127
const random = (below: number) => {
  seed = (seed * 1_664_525 + 1_013_904_223) >>> 0
  return Math.floor((seed / 2 ** 32) * below)
}

const server = await startTemporaryPostgres({ durable: true })
const dataDir = mkdtempSync(join(tmpdir(), 'huitong-bench-'))
const client = new pg.Client({ connectionString: server.url })
try {
  await migrate(server.url)
  const config = { ...loadConfig({ HUITONG_LOG_LEVEL: 'silent' }), dataDir }
  const app = await buildApp({ config, databaseUrl: server.url, roles: ['api'] })
  const ctx = systemContext(app.services)
  const own = await createDepartment(app.services.db, ctx, {
    region: '350100',
    name: '第 7 局',
    creditCode: creditCode('350100', 1),
    roles: [],
  })
  const password = 'a long enough password'
  for (const [username, role] of [
    ['auditor', 'audit_admin'],
    ['steward', 'steward'],
  ] as const)
    await createPerson(app.services.db, ctx, { username, name: username, departmentId: own.id, password, roles: [role] })

  // Three years of reads by 300 departments and 6,000 people of 5,000 entries under 20,000 grants; a third asks for one record by its key.
  // Straight into the queryable copy: what is measured is the search. The newest record goes through a block, so that numbers go on from there.
  await client.connect()
  const began = performance.now()
  await client.query(`select audit.ensure_month((date '2023-11-01' + make_interval(months => m))::date) from generate_series(0, 36) m`)
  await client.query('alter table audit.entry disable trigger user')
  const indexes = (
    await client.query<{ name: string; def: string }>(
      `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as def from pg_index where indrelid = 'audit.entry'::regclass and not indisprimary`,
    )
  ).rows
  for (const { name } of indexes) await client.query(`drop index ${name}`)
  const before = (await client.query<{ n: number }>('select coalesce(max(first_seq + count - 1), 0) as n from audit.block')).rows[0]!.n
  await client.query(
    `insert into audit.entry (seq, at, action, person, department, department_id, region, purpose, approver, content, method, medium, subject, case_no, data, key, provider_id)
     select $1 + i, timestamptz '2023-11-01' + (interval '1119 days') * (i::float8 / $2), case when i % 3 = 0 then 'data.verify' when i % 97 = 0 then 'data.refused' else 'data.read' end,
       '人员' || (i * 7919 % 6000), '第 ' || (i * 7919 % 300) || ' 局', case when i * 7919 % 300 = 7 then $3::uuid else ('00000000-0000-7000-8000-' || lpad((i * 7919 % 300)::text, 12, '0'))::uuid end,
       '350100', '核对办理资格', '批准人', '数据目录（' || (i * 104729 % 5000) || '）1 行：姓名、证件号', '服务接口', '接口报文',
       '3070/' || lpad((i * 104729 % 5000)::text, 6, '0'), 'GX-' || (i * 15485863 % 20000), null,
       case when i % 3 = 0 then sha256(int8send(i % 1000000)) end, case when i * 104729 % 5000 < 20 then $3::uuid end
     from generate_series(1, $2::int8) i`,
    [before, total, own.id],
  )
  console.log(`${total} records after ${((performance.now() - began) / 1000).toFixed(0)} s`)
  for (const { def } of indexes) await client.query(def.replace(' ON ONLY ', ' ON '))
  await client.query('alter table audit.entry enable trigger user')
  await client.query(
    `insert into audit.name select distinct 'person', person from audit.entry where person is not null union select distinct 'department', department from audit.entry where department is not null on conflict do nothing`,
  )
  // So that the next block goes on where the copy ends.
  await client.query(
    `insert into audit.block (height, first_seq, count, records, leaves, root, previous, hash, at)
     select coalesce(max(height), 0) + 1, $1, 1, '{"{}"}', sha256('x'), sha256('x'), sha256('x'), sha256('x'), now() from audit.block`,
    [before + total],
  )
  await client.query('vacuum analyze audit.entry')
  const size = (
    await client.query<{ all: string }>(
      `select pg_size_pretty(sum(pg_total_relation_size(inhrelid))) as all from pg_inherits where inhparent = 'audit.entry'::regclass`,
    )
  ).rows[0]!
  console.log(`indexed after ${((performance.now() - began) / 1000).toFixed(0)} s, ${size.all}`)

  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const cookieOf = async (username: string) => {
    const signed = await fetch(`${url}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password }),
    })
    return signed.headers.getSetCookie()[0]!.split(';')[0]!
  }
  const cookies = { auditor: await cookieOf('auditor'), steward: await cookieOf('steward') }

  type Question = { who: keyof typeof cookies; kind: string; query: Record<string, string> }
  const kinds: Record<string, () => Record<string, string>> = {
    department: () => ({ department: `第 ${random(300)} 局` }),
    'part of a department': () => ({ department: `${random(30)} 局` }),
    person: () => ({ person: `人员${random(6000)}` }),
    entry: () => ({ subject: `3070/${String(random(5000)).padStart(6, '0')}` }),
    case: () => ({ caseNo: `GX-${random(20_000)}` }),
    key: () => ({ key: hash(3 * random(333_333)) }),
    'person and month': () => ({ person: `人员${random(6000)}`, from: '2025-03-01', to: '2025-03-31' }),
    'entry and department': () => ({ subject: `3070/${String(random(5000)).padStart(6, '0')}`, department: `第 ${random(300)} 局` }),
    newest: () => ({ reads: 'true' }),
  }
  const names = Object.keys(kinds)
  const asked: Question[] = Array.from({ length: questions }, (_, i) => ({
    who: i % 5 === 4 ? 'steward' : 'auditor',
    kind: names[i % names.length]!,
    query: kinds[names[i % names.length]!]!(),
  }))
  let empty = 0
  const ask = async ({ who, query }: Question) => {
    const reply = await fetch(`${url}/api/audit/records?${new URLSearchParams({ limit: '50', ...query })}`, {
      headers: { cookie: cookies[who] },
    })
    if (reply.status !== 200) throw new Error(`${JSON.stringify(query)}: ${reply.status} ${await reply.text()}`)
    if (!((await reply.json()) as { rows: unknown[] }).rows.length) empty++
  }
  /** What one would write first. */
  const plain = async ({ who, query: q }: Question) => {
    const where = `($1::text is null or department like '%' || $1 || '%') and ($2::text is null or person like '%' || $2 || '%') and ($3::text is null or subject like '%' || $3 || '%')
      and ($4::text is null or case_no = $4) and ($5::bytea is null or key = $5) and ($6::timestamptz is null or at >= $6) and ($7::timestamptz is null or at < $7)
      and ($8::uuid is null or department_id = $8 or provider_id = $8)`
    const values = [
      q.department,
      q.person,
      q.subject,
      q.caseNo,
      q.key && Buffer.from(q.key, 'hex'),
      q.from,
      q.to,
      who === 'steward' ? own.id : undefined,
    ].map(v => v ?? null)
    await client.query(`select count(*) from audit.entry where ${where}`, values)
    await client.query(`select * from audit.entry where ${where} order by seq desc limit 50`, values)
  }
  const measure = async (list: Question[], run: (q: Question) => Promise<void>) => {
    const times: { ms: number; q: Question }[] = []
    for (const q of list) {
      const from = performance.now()
      await run(q)
      times.push({ ms: performance.now() - from, q })
    }
    const sorted = [...times].sort((a, b) => a.ms - b.ms)
    const at = (p: number) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * p) - 1)]!.ms
    return { p50: at(0.5), p95: at(0.95), worst: sorted.at(-1)!, times }
  }
  await measure(asked.slice(0, 20), ask)
  empty = 0
  const ours = await measure(asked, ask)
  const base = await measure(asked.slice(0, names.length), plain)
  for (const kind of names) {
    const of = (m: typeof ours) =>
      Math.max(...m.times.filter(x => x.q.kind === kind).map(x => x.ms))
        .toFixed(0)
        .padStart(7)
    console.log(`${kind.padEnd(24)} slowest ${of(ours)} ms, plain ${of(base)} ms`)
  }
  console.log(`${questions} questions, ${empty} found nothing; slowest ${ours.worst.ms.toFixed(0)} ms ${JSON.stringify(ours.worst.q)}`)
  keep([
    {
      name: 'ledger.search_ms',
      value: Math.round(ours.p95),
      unit: 'ms',
      baseline: Math.round(base.p95),
      ratio: Number((ours.p95 / base.p95).toFixed(4)),
      at: new Date().toISOString(),
      note: `${total} records, ${questions} questions through HTTP, p50 ${Math.round(ours.p50)} ms, slowest ${Math.round(ours.worst.ms)} ms; baseline: or, like and an exact count in plain SQL`,
    },
  ])
  await app.close()
} finally {
  await client.end().catch(() => {})
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
}

function hash(i: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(i))
  return createHash('sha256').update(bytes).digest('hex')
}
