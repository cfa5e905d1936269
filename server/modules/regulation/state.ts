import { CompiledQuery } from 'kysely'
import pg from 'pg'
import type { Cite } from '../../../contract/common.ts'
import type { Log } from '../../platform/context.ts'
import type { Database } from '../../platform/db.ts'
import { setYears, type Year } from './calendar.ts'
import { gateKey, type Law, type LawRecord, lawOf } from './law.ts'
import { type Loaded, loadLaw, readRegulation } from './load.ts'
import { knownEffects } from './public.ts'
import type { RegionRecord } from './schema.ts'

let stock: Law | undefined
let current: Law | undefined

/** The files alone. Throws RegulationError naming file, path and problem. */
export const stockLaw = (): Law => (stock ??= loadLaw(undefined, knownEffects))

/** The law in force in this process: the files, and what this process's database lays over them once `openLaw` has read it. */
export const law = (): Law => (current ??= stockLaw())

const channel = 'huitong_law'

/** Tells every process, when the transaction commits, to read the law again. */
export const announce = async (tx: Pick<Database, 'executeQuery'>): Promise<void> => {
  await tx.executeQuery(CompiledQuery.raw(`select pg_notify('${channel}', '')`))
}

/** Reads what the database lays over the files and puts it in force here. */
export async function reloadLaw(db: Database, log?: Log): Promise<void> {
  const files = stockLaw()
  const made: Law = lawOf(new Map(files.regulations), new Map(files.regions))
  const [regions, imports, adoptions, gates, calendars, overrides] = await Promise.all([
    db.selectFrom('regulation.region').selectAll().orderBy('code').execute(),
    db
      .selectFrom('regulation.import')
      .select(['regulation', 'version', 'source'])
      .where('state', '=', 'adopted')
      .orderBy('decided')
      .execute(),
    db.selectFrom('regulation.adoption').selectAll().orderBy('recorded').execute(),
    db.selectFrom('regulation.gate').select(['region', 'key', 'mode']).execute(),
    db
      .selectFrom('regulation.calendar')
      .select(['year', 'holidays', 'workdays'])
      .where('state', '=', 'adopted')
      .orderBy('adopted')
      .execute(),
    db.selectFrom('regulation.override').selectAll().where('ended', 'is', null).execute(),
  ])
  for (const r of regions)
    if (!made.regions.has(r.code))
      made.regions.set(r.code, {
        code: r.code,
        name: r.name,
        level: r.level as RegionRecord['level'],
        parent: r.parent,
        adopts: [],
        layers: [],
      })
  for (const i of imports) {
    const read = await importedText(db, i, files, log)
    made.versions.set(read.version, read)
    // A text of the files keeps its own place; what only the database knows is listed in its newest version.
    if (!files.regulations.has(i.regulation)) made.regulations.set(i.regulation, read)
  }
  for (const a of adoptions) {
    const record: LawRecord = {
      id: a.id,
      kind: a.kind as LawRecord['kind'],
      region: a.region,
      regulation: a.regulation,
      version: a.version,
      from: a.from_day as unknown as string | null,
      until: a.until_day as unknown as string | null,
      document: a.document,
      note: a.note,
      origin: 'record',
      by: a.recorded_by,
      ended: a.ended_on ? { on: a.ended_on as unknown as string, reason: a.ended_reason ?? '', by: a.ended_by ?? '' } : null,
    }
    const list = made.records.get(a.region) ?? []
    const shipped = list.findIndex(r => r.id === a.id)
    if (shipped >= 0) list[shipped] = { ...list[shipped]!, ended: record.ended }
    else list.push(record)
    made.records.set(a.region, list)
  }
  for (const g of gates) made.gates.set(gateKey(g.region, g.key), g.mode as 'block' | 'remind')
  for (const o of overrides) {
    const cite: Cite = { regulation: `override-${o.id}`, title: o.instrument, article: o.article, text: o.text }
    const list = made.overrides.get(o.entry_id) ?? []
    list.push({
      id: o.id,
      region: o.region,
      entry: o.entry_id,
      topic: o.topic as never,
      value: o.value,
      cite,
      by: o.recorded_by,
      at: o.recorded,
    })
    made.overrides.set(o.entry_id, list)
  }
  setYears(calendars as unknown as Year[])
  current = made
}

/** A text as it was imported; one that today's format no longer reads is taken as it was understood then. */
async function importedText(
  db: Database,
  i: { regulation: string; version: string; source: string },
  files: Law,
  log?: Log,
): Promise<Loaded> {
  try {
    return readRegulation(i.regulation, i.source, files.regulations.get('platform'), knownEffects)
  } catch (error) {
    log?.warn({ regulation: i.regulation, error: (error as Error).message }, 'imported regulation')
    const row = await db.selectFrom('regulation.version').select('content').where('version', '=', i.version).executeTakeFirstOrThrow()
    return row.content as unknown as Loaded
  }
}

/** Puts this database's law in force and keeps it so: another process's change arrives as a notification. */
export async function openLaw(url: string, db: Database, log: Log): Promise<{ close(): Promise<void> }> {
  let closed = false
  let client: pg.Client | undefined
  let retry: NodeJS.Timeout | undefined
  let reading = Promise.resolve()
  const again = () => {
    reading = reading.then(() => reloadLaw(db, log)).catch(error => log.error({ error: (error as Error).message }, 'law'))
  }
  const later = () => {
    if (!closed) retry = setTimeout(() => void listen().then(again, later), 2000)
  }
  const listen = async () => {
    const one = new pg.Client({ connectionString: url, application_name: 'huitong-law' })
    one.on('error', () => {})
    one.on('end', () => client === one && later())
    one.on('notification', again)
    await one.connect()
    await one.query(`listen ${channel}`)
    client = one
  }
  await listen()
  await reloadLaw(db, log)
  return {
    async close() {
      closed = true
      clearTimeout(retry)
      const last = client
      client = undefined
      await last?.end().catch(() => {})
      await reading
    },
  }
}
