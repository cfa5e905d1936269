/**
 * Files from upload to commit: speed beside plain COPY into the same typed table plus its primary key, memory, and how time grows with
 * the number of rows. ./huitong bench ingest [rows of ingest.csv and ingest.rerun, default 1000000] [--most=10000000]
 */
import { createReadStream, createWriteStream, rmSync, statSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import copy from 'pg-copy-streams'
import { buildApp } from '../server/app.ts'
import { importFile, loadUpload } from '../server/modules/aggregation/public.ts'
import { loadConfig } from '../server/platform/config.ts'
import { asked, keep, median, option } from './results.ts'
import { items, types, writeCsv, writeXlsx } from './support/people.ts'
import { anEntry, loadApart, steward, withServer } from './support/world.ts'

export const measures = ['ingest.csv', 'ingest.rerun', 'ingest.growth', 'ingest.memory_mb', 'ingest.xlsx_memory_mb']

const total = Number(process.argv.slice(2).find(a => /^\d+$/.test(a)) ?? 1_000_000)
const ROUNDS = 3
const LIMIT_MB = 400
const SHEET_ROWS = 200_000
const n = (value: number) => value.toLocaleString('en')

/** Turn by turn in one database; the median of the rounds' ratios counts. */
async function speed(url: string, folder: string): Promise<void> {
  const app = await buildApp({
    config: { ...loadConfig({ HUITONG_LOG_LEVEL: 'error' }), dataDir: folder },
    databaseUrl: url,
    roles: ['api'],
  })
  await app.ready()
  const { services } = app
  const ctx = await steward(services)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<{ seconds: number; result: T }> => {
    await client.query('checkpoint')
    const began = performance.now()
    const result = await work()
    const seconds = (performance.now() - began) / 1000
    console.log(`${what.padEnd(44)} ${seconds.toFixed(2).padStart(7)} s  ${n(Math.round(total / seconds)).padStart(10)} rows/s`)
    return { seconds, result }
  }
  const plain = async (path: string) => {
    await client.query('drop table if exists public.plain')
    await client.query(`create table public.plain (${types})`)
    await pipeline(
      createReadStream(path, { highWaterMark: 256 * 1024 }),
      client.query(copy.from('copy public.plain from stdin (format csv, header)')),
    )
    await client.query('alter table public.plain add primary key (c1)')
  }
  const path = join(folder, 'rows.csv')
  const other = join(folder, 'again.csv')
  await writeCsv(path, total)
  await pipeline(createReadStream(path), createWriteStream(other))
  await appendFile(other, '\n')
  console.log(`${n(total)} rows × ${items.length} columns, ${(statSync(path).size / 1e6).toFixed(0)} MB`)
  const seconds = { plain: [] as number[], first: [] as number[], again: [] as number[] }
  for (let round = 1; round <= ROUNDS; round++) {
    seconds.plain.push((await timed('plain COPY, then primary key', () => plain(path))).seconds)
    const entryId = await anEntry(services.pool, ctx().actor.departmentId)
    const first = await timed('first load', () => importFile(ctx(), { entryId, path }))
    if (first.result.accepted !== total) throw new Error(JSON.stringify(first.result))
    seconds.first.push(first.seconds)
    const again = await timed('the same rows in another file', () => loadUpload(ctx(), first.result.sourceId, other))
    if (again.result.unchanged !== total) throw new Error(JSON.stringify(again.result))
    seconds.again.push(again.seconds)
  }
  await client.end()
  await app.close()
  for (const [name, list, title] of [
    ['ingest.csv', seconds.first, 'first load of a CSV file'],
    ['ingest.rerun', seconds.again, 'the same rows in another file'],
  ] as const) {
    if (!asked(name)) continue
    keep([
      {
        name,
        value: Math.round(total / median(list)),
        unit: 'rows/s',
        baseline: Math.round(total / median(seconds.plain)),
        ratio: Number(median(list.map((s, i) => seconds.plain[i]! / s)).toFixed(2)),
        at: new Date().toISOString(),
        note: `${title}, ${n(total)} rows × ${items.length} columns, upload included; baseline: plain COPY and primary key; at least ${name === 'ingest.csv' ? 0.5 : 1}`,
      },
    ])
  }
}

/** Each size in a process of its own. */
async function sizes(url: string, folder: string, list: number[]): Promise<void> {
  const app = await buildApp({
    config: { ...loadConfig({ HUITONG_LOG_LEVEL: 'error' }), dataDir: folder },
    databaseUrl: url,
    roles: ['api'],
  })
  await app.ready()
  const ctx = await steward(app.services)
  const perRow: { rows: number; micros: number }[] = []
  let most = 0
  const path = join(folder, 'rows.csv')
  for (const rows of list) {
    await writeCsv(path, rows)
    const entryId = await anEntry(app.services.pool, ctx().actor.departmentId)
    const { seconds, megabytes } = await loadApart(url, folder, entryId, path)
    most = megabytes
    perRow.push({ rows, micros: (seconds / rows) * 1e6 })
    console.log(
      `${n(rows).padStart(10)} rows  ${seconds.toFixed(2).padStart(7)} s  ${((seconds / rows) * 1e6).toFixed(2)} µs a row  peak ${megabytes.toFixed(0)} MB`,
    )
  }
  await app.close()
  rmSync(path)
  const at = new Date().toISOString()
  if (asked('ingest.growth')) {
    const pairs = perRow.flatMap((small, i) => perRow.slice(i + 1).map(large => ({ small, large, ratio: large.micros / small.micros })))
    const worst = pairs.sort((a, b) => b.ratio - a.ratio)[0]!
    keep([
      {
        name: 'ingest.growth',
        value: Number(worst.large.micros.toFixed(2)),
        unit: 'µs/row',
        baseline: Number(worst.small.micros.toFixed(2)),
        ratio: Number(worst.ratio.toFixed(2)),
        at,
        note: `time per row at ${n(worst.large.rows)} rows; baseline: at ${n(worst.small.rows)}, the pair that grows most of ${list.map(n).join(' / ')}; at most 1.3`,
      },
    ])
  }
  if (asked('ingest.memory_mb')) memory('ingest.memory_mb', most, `CSV of ${n(list.at(-1)!)} rows`)
}

const memory = (name: string, megabytes: number, what: string) =>
  keep([
    {
      name,
      value: Math.round(megabytes),
      unit: 'MB',
      baseline: LIMIT_MB,
      ratio: Number((megabytes / LIMIT_MB).toFixed(2)),
      at: new Date().toISOString(),
      note: `most memory of a process that only loads one ${what}; baseline: the limit; at most 1`,
    },
  ])

async function sheet(url: string, folder: string): Promise<void> {
  const app = await buildApp({
    config: { ...loadConfig({ HUITONG_LOG_LEVEL: 'error' }), dataDir: folder },
    databaseUrl: url,
    roles: ['api'],
  })
  await app.ready()
  const ctx = await steward(app.services)
  const path = join(folder, 'rows.xlsx')
  await writeXlsx(path, SHEET_ROWS)
  const entryId = await anEntry(app.services.pool, ctx().actor.departmentId)
  await app.close()
  const { seconds, megabytes } = await loadApart(url, folder, entryId, path)
  console.log(
    `XLSX of ${n(SHEET_ROWS)} rows, ${(statSync(path).size / 1e6).toFixed(0)} MB: ${seconds.toFixed(1)} s, peak ${megabytes.toFixed(0)} MB`,
  )
  memory('ingest.xlsx_memory_mb', megabytes, `XLSX of ${n(SHEET_ROWS)} rows`)
}

const most = Number(option('most') ?? 10_000_000)
if (asked('ingest.csv') || asked('ingest.rerun')) await withServer(({ url, folder }) => speed(url, folder))
if (asked('ingest.xlsx_memory_mb')) await withServer(({ url, folder }) => sheet(url, folder))
if (asked('ingest.growth'))
  await withServer(({ url, folder }) =>
    sizes(
      url,
      folder,
      [10_000, 100_000, 1_000_000, 10_000_000].filter(x => x <= most),
    ),
  )
else if (asked('ingest.memory_mb')) await withServer(({ url, folder }) => sizes(url, folder, [most]))
