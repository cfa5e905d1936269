/**
 * A CSV of 10 columns from upload to commit, next to plain COPY into the same typed table plus its primary key, in the same run and
 * database.   ./huitong bench ingest.csv [rows, default 1000000] [--gb: also the peak memory of a file of one gigabyte]
 * Three rounds; the ratios compare the best time of each, so that another program on the machine disturbs them less.
 */

import { once } from 'node:events'
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import copy from 'pg-copy-streams'
import { buildApp } from '../server/app.ts'
import { importFile, loadUpload } from '../server/modules/aggregation/public.ts'
import { createDepartment, createPerson } from '../server/modules/organization/public.ts'
import { creditCheck, idCheck } from '../server/modules/quality/public.ts'
import { loadConfig } from '../server/platform/config.ts'
import { systemContext } from '../server/platform/context.ts'
import { newId } from '../server/platform/id.ts'
import { migrate } from '../server/platform/migrate.ts'
import { startTemporaryPostgres } from '../server/platform/postgres.ts'

const total = Number(process.argv.slice(2).find(a => /^\d+$/.test(a)) ?? 1_000_000)
const items = [
  { name: '公民身份号码', type: 'C', length: 18, semantic: 'id-number', identifier: true, required: true },
  { name: '姓名', type: 'C', length: 50, required: true },
  { name: '统一社会信用代码', type: 'C', length: 18, semantic: 'credit-code' },
  { name: '保障类别', type: 'C', length: 2, codes: ['00', '01', '02', '03', '04', '05', '06'] },
  { name: '月补助金额', type: 'Y', length: 12 },
  { name: '起始日期', type: 'D', length: 8 },
  { name: '人数', type: 'I', length: 3 },
  { name: '登记时间', type: 'T' },
  { name: '是否在享', type: 'L' },
  { name: '备注', type: 'C', length: 200 },
].map((item, i) => ({ key: `c${i + 1}`, description: '', identifier: false, required: false, ...item }))
const types = 'c1 text collate "C", c2 text, c3 text, c4 text, c5 numeric, c6 date, c7 bigint, c8 timestamp, c9 boolean, c10 text'

/** Made-up people; every identifier has its right check character. */
async function write(path: string, rows: number, note = '号住户说明文字'): Promise<void> {
  const out = createWriteStream(path)
  const credit = Array.from({ length: 1000 }, (_, i) => {
    const body = `91350125FAKE${String(i).padStart(5, '0')}`
    return body + creditCheck(body)
  })
  const two = (n: number) => String(n).padStart(2, '0')
  let text = `${items.map(i => i.name).join(',')}\n`
  for (let i = 0; i < rows; i++) {
    const born = new Date(Date.UTC(1930, 0, 1) + (i % 27_000) * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '')
    const n = Math.floor(i / 27_000)
    const body = `35${two(Math.floor(n / 1000))}25${born}${String(n % 1000).padStart(3, '0')}`
    text += `${body}${idCheck(body)},${'赵钱孙李周吴郑王冯陈'[i % 10]}${'伟芳娜敏静丽强磊军洋'[(i * 7) % 10]},${credit[i % 1000]},0${i % 7},${100 + (i % 900)}.50,2024${two((i % 12) + 1)}${two((i % 28) + 1)},${(i % 9) + 1},2026-01-${two((i % 28) + 1)} 10:${two(i % 60)}:00,${i % 2},樟城镇第${i % 1000}${note}\n`
    if (text.length < 1_000_000) continue
    if (!out.write(text)) await once(out, 'drain')
    text = ''
  }
  out.end(text)
  await once(out, 'close')
}

const folder = mkdtempSync(join(tmpdir(), 'huitong-bench-'))
const server = await startTemporaryPostgres({ durable: true })
await migrate(server.url)
const app = await buildApp({
  config: { ...loadConfig({ HUITONG_LOG_LEVEL: 'error' }), dataDir: folder },
  databaseUrl: server.url,
  roles: ['api'],
})
await app.ready()
const { services } = app
const ctxOf = async () => {
  const department = await createDepartment(services.db, systemContext(services), {
    region: '350125',
    name: '永泰县民政局',
    creditCode: '11350125FAKE000134',
    roles: [],
  })
  const username = 'bench'
  const personId = await createPerson(services.db, systemContext(services), {
    username,
    name: '测量',
    departmentId: department.id,
    password: 'a long enough password',
    roles: ['steward'],
  })
  const actor = {
    personId,
    username,
    name: '测量',
    departmentId: department.id,
    department: '永泰县民政局',
    region: '350125',
    departmentRoles: [],
    roles: ['steward' as const],
  }
  return () => systemContext(services, actor) as any
}
const ctx = await ctxOf()
const anEntry = async (n: number): Promise<string> => {
  const id = newId()
  await services.pool.query(
    `insert into catalog.entry (id, code, region, department_id, published, created_by) values ($1, $2, '350125', $3, 1, $1)`,
    [id, `307013350125001/${n}`, ctx().actor.departmentId],
  )
  await services.pool.query(
    `insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved) values ($1, 1, 'published', $2, 'x', 'x', now())`,
    [id, JSON.stringify({ title: '测量', items })],
  )
  return id
}

let peak = 0
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss)
}, 50)
const timed = async <T>(name: string, rows: number, work: () => Promise<T>): Promise<{ seconds: number; result: T }> => {
  await client.query('checkpoint')
  peak = 0
  const began = performance.now()
  const result = await work()
  const seconds = (performance.now() - began) / 1000
  console.log(
    `${name.padEnd(48)} ${seconds.toFixed(2).padStart(7)} s  ${Math.round(rows / seconds)
      .toLocaleString('en')
      .padStart(10)} rows/s  peak ${Math.round(peak / 1024 / 1024)} MB`,
  )
  return { seconds, result }
}
const client = new pg.Client({ connectionString: server.url })
await client.connect()
const plain = async (path: string, table: string, before: boolean) => {
  await client.query(`drop table if exists ${table}`)
  await client.query(`create table ${table} (${types}${before ? ', primary key (c1)' : ''})`)
  await pipeline(
    createReadStream(path, { highWaterMark: 256 * 1024 }),
    client.query(copy.from(`copy ${table} from stdin (format csv, header)`)),
  )
  if (!before) await client.query(`alter table ${table} add primary key (c1)`)
}

try {
  const path = join(folder, 'rows.csv')
  await write(path, total)
  console.log(`${total.toLocaleString('en')} rows × ${items.length} columns, ${(statSync(path).size / 1e6).toFixed(0)} MB`)
  const other = join(folder, 'again.csv')
  await pipeline(createReadStream(path), createWriteStream(other))
  await appendFile(other, '\n')
  const best = { after: Infinity, inPlace: Infinity, first: Infinity, sameFile: Infinity, sameRows: Infinity }
  const keep = (name: keyof typeof best, seconds: number) => {
    best[name] = Math.min(best[name], seconds)
  }
  for (let round = 1; round <= 3; round++) {
    keep('after', (await timed('plain COPY, then primary key', total, () => plain(path, 'public.plain_after', false))).seconds)
    keep(
      'inPlace',
      (await timed('plain COPY into a table with primary key', total, () => plain(path, 'public.plain_before', true))).seconds,
    )
    const entryId = await anEntry(round)
    const first = await timed('huitong, first load', total, () => importFile(ctx(), { entryId, path }))
    const { sourceId, state, read, accepted, rejected } = first.result
    console.log(`    ${state}: read ${read} = accepted ${accepted} + rejected ${rejected}`)
    keep('first', first.seconds)
    keep('sameFile', (await timed('huitong, the same file again', total, () => loadUpload(ctx(), sourceId, path))).seconds)
    const again = await timed('huitong, the same rows in another file', total, () => loadUpload(ctx(), sourceId, other))
    console.log(`    ${again.result.state}: read ${again.result.read} = unchanged ${again.result.unchanged}`)
    keep('sameRows', again.seconds)
  }
  for (const [name, base] of [
    ['COPY, then primary key', best.after],
    ['COPY with the primary key in place', best.inPlace],
  ] as const) {
    const of = (seconds: number) => (base / seconds).toFixed(2)
    console.log(
      `ratio to plain ${name}: first load ${of(best.first)}, same rows again ${of(best.sameRows)}, same file again ${of(best.sameFile)}`,
    )
  }
  if (process.argv.includes('--gb')) {
    const big = join(folder, 'big.csv')
    await client.query('drop table public.plain_after, public.plain_before')
    await write(big, 8_800_000)
    console.log(`${(statSync(big).size / 1024 ** 3).toFixed(2)} GB`)
    const entryId = await anEntry(99)
    const { result } = await timed('huitong, one gigabyte', 8_800_000, () => importFile(ctx(), { entryId, path: big }))
    console.log(`    ${JSON.stringify(result)}`)
  }
} finally {
  clearInterval(watch)
  await client.end()
  await app.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}
