import type { Cite } from '../../../contract/common.ts'
import { dayOf } from '../../platform/clock.ts'
import type { Context, Services } from '../../platform/context.ts'
import { Problem, refuse } from '../../platform/problem.ts'
import { type OutgoingItem, type Param, project, projectJson, readFilter, splitNames } from '../delivery/public.ts'
import { marksOf, markText, rowMarks } from '../quality/public.ts'
import { govern } from '../regulation/public.ts'
import { type AccessRow, admit } from './admit.ts'
import { asReviewed } from './attributes.ts'
import { withdrawListing } from './commands.ts'
import { findEntry, findScan, type Listing, markOf, type OpenEntry, storeProfile, storeScan } from './queries.ts'
import { type Findings, findingWords, stillOpen } from './rules.ts'
import { type Profile, profileTable, scanTable } from './scan.ts'

/** An open data set whose present data have been scanned. */
export type OpenSource = OpenEntry & {
  listing: Listing
  relation: string
  items: (OutgoingItem & { treatment: 'plain' | 'masked'; description: string })[]
  /** Conditional sets: the authorisation the data are taken under. */
  access: AccessRow | null
  /** Holds as long as the listing and the data are the ones judged here. */
  guard: (param: Param) => string
}
/** How somebody comes: for the page about the set, or for its data, with the key of an authorisation or without. */
export type Caller = 'page' | { key: string | null; purpose: string | null }
export type OpenQuery = { fields?: string | undefined; filter?: string | undefined; after?: string | undefined; limit: number }

/** The way out to the public. */
export function openServing(services: Services) {
  const { pool, secrets } = services
  const counters = openCounters(services)
  const scanning = new Map<string, Promise<Record<string, Findings>>>()

  /** What the present data contain; scanned once for every state of the table, whoever asks first. */
  const findingsOf = async (entry: OpenEntry): Promise<Record<string, Findings>> => {
    const { entryId, relation, columns, mark, content } = entry
    if (!relation || !content) return {}
    const known = await findScan(pool, entryId)
    if (known?.mark === mark) return known.findings
    const key = `${entryId} ${mark}`
    let running = scanning.get(key)
    if (!running) {
      running = scanTable(pool, { relation, columns }, content.items)
        .then(async findings => {
          await storeScan(pool, entryId, mark, findings)
          return findings
        })
        .finally(() => scanning.delete(key))
      scanning.set(key, running)
    }
    return running
  }

  /** The data set as it may be served now; withdrawn ones answer 410, new data that show a person take the set down first. */
  const source = async (ctx: Context, urlCode: string, caller: Caller): Promise<OpenSource> => {
    const entry = await findEntry(pool, { urlCode })
    if (!entry?.listing || entry.secret) notListed(entry && !entry.secret ? govern(entry.region, 'open-platform', ctx.day).cite : null)
    const { listing } = entry
    if (listing.state === 'withdrawn') gone(entry.title, listing.withdrawnReason, listing.withdrawnCite)
    if (entry.state !== 'published' || (entry.openClass !== 'open' && entry.openClass !== 'conditional'))
      gone(entry.title, '目录已撤销或开放类型已变更', null)
    // What was reviewed for authorised use stays so, whatever the catalog says since; and the other way round.
    const openClass = listing.openClass === 'conditional' ? 'conditional' : entry.openClass
    const access = openClass === 'conditional' && caller !== 'page' ? await admit(ctx, entry, caller) : null
    if (!entry.relation || !entry.content) {
      refuse('opening.not_mounted', {
        status: 503,
        reason: 'not-mounted',
        detail: `「${entry.title}」目前没有挂接数据。`,
        remedy: '请稍后再试。',
      })
    }
    const items = stillOpen(listing.items, entry.content.items, openClass).filter(i => entry.columns.includes(i.key))
    const findings = await findingsOf(entry)
    const exposed = items.find(i => i.treatment === 'plain' && findings[i.key])
    if (exposed) {
      const reason = `新到的数据里「${exposed.name}」${findingWords(findings[exposed.key]).join('，')}，平台已自动下架，待提供部门处理。`
      await services.db
        .transaction()
        .execute(tx => withdrawListing(tx, { ...ctx, actor: null }, entry, reason, { by: '平台', assess: true }))
        .catch(error => {
          if ((error as { code?: string }).code !== 'opening.not_open') throw error
        })
      gone(entry.title, reason, null)
    }
    const { entryId, mark } = entry
    const { version } = listing
    const guard = (param: Param) =>
      `exists (select from opening.listing where entry_id = ${param(entryId)}::uuid and version = ${param(version)}::int and state = 'open')
       and exists (select from aggregation.mount_view m where m.entry_id = ${param(entryId)}::uuid and ${markOf('m')} = ${param(mark)})${
         access
           ? `
       and exists (select from opening.access where id = ${param(access.id)}::uuid and version = ${param(access.version)}::int and state = ${param(access.state)})`
           : ''
       }`
    return {
      ...entry,
      content: asReviewed(entry.content, listing.attributes),
      openClass,
      listing,
      relation: entry.relation,
      items,
      access,
      guard,
    }
  }

  /** Tries again when the data or the listing changed between the look and the read. */
  const steady = async <T>(ctx: Context, urlCode: string, caller: Caller, take: (s: OpenSource) => Promise<T | undefined>): Promise<T> => {
    for (let attempt = 0; attempt < 5; attempt++) {
      const s = await source(ctx, urlCode, caller)
      const taken = await take(s).catch(error => {
        if (error instanceof Problem && error.details.reason === 'field-not-granted')
          refuse(error.code, {
            ...error.details,
            detail: `「${s.title}」${error.details.detail}`,
            remedy: '请核对信息项名称。',
            cite: s.listing.cite,
          })
        throw error
      })
      if (taken !== undefined) return taken
    }
    refuse('opening.changing', { status: 503, detail: '数据正在更新。', remedy: '请稍后重试。', headers: { 'retry-after': '2' } })
  }

  return {
    source,
    findingsOf,
    counters,

    /** One page as JSON text. */
    rows: (ctx: Context, urlCode: string, q: OpenQuery, caller: Caller) =>
      steady(ctx, urlCode, caller, async s => {
        const marks = await marksOf(ctx.db, s.entryId)
        const disputed = marks.some(m => m.kind === 'objection' && m.record === null)
        const statement = projectJson({
          ...s,
          marks: rowMarks(marks),
          fields: q.fields ? splitNames(q.fields) : undefined,
          filter: q.filter ? readFilter(q.filter) : undefined,
          after: q.after ? unsealAfter(q.after, s.entryId) : undefined,
          limit: q.limit,
        })
        const row = (await pool.query(statement).catch(badValue)).rows[0] as {
          live: boolean
          rows: string
          count: number
          last: string | null
        }
        if (!row.live) return undefined
        // The key of a row may be an item that is not open, so the position is sealed.
        const next = row.count === q.limit && row.last !== null ? secrets.seal(JSON.stringify([s.entryId, row.last])) : null
        return {
          source: s,
          columns: statement.columns,
          count: row.count,
          body: `{"rows":${row.rows},"count":${row.count},"total":${s.rows},"next":${JSON.stringify(next)}${disputed ? `,"objection":${JSON.stringify(markText)}` : ''}}`,
        }
      }),

    preview: (ctx: Context, urlCode: string, limit: number, caller: Caller) =>
      steady(ctx, urlCode, caller, async s => {
        const statement = project({ ...s, limit })
        const { rows } = await pool.query<Record<string, string | null>>(statement)
        if (!rows.length && s.rows > 0) return undefined
        return { source: s, columns: statement.columns, rows: rows.map(r => statement.columns.map(c => r[c.key] ?? null)) }
      }),

    /**
     * All rows, page by page along the key: no connection is held while a slow reader reads, and every page looks again
     * whether the data set is still open.
     */
    async *all(ctx: Context, urlCode: string, caller: Caller, pageSize = 4000): AsyncGenerator<Record<string, string | null>> {
      let after: string | null = null
      for (;;) {
        const page: Record<string, string | null>[] = await steady(ctx, urlCode, caller, async s => {
          const { rows } = await pool.query<Record<string, string | null>>(project({ ...s, after, limit: pageSize }))
          if (rows.length) return rows
          // Nothing: the end, or the guard no longer held. Versions only grow, so asking afterwards is safe.
          const values: unknown[] = []
          const { rows: still } = await pool.query<{ ok: boolean }>(`select ${s.guard(v => `$${values.push(v)}`)} as ok`, values)
          return still[0]!.ok ? [] : undefined
        })
        yield* page
        if (page.length < pageSize) return
        after = page.at(-1)!._key!
      }
    },

    /** Fill rates and frequent values of what leaves, kept for each state of the data. */
    async profile(s: OpenSource): Promise<Profile> {
      // Frequent values are data: of a conditional set they do not stand on a public page.
      if (s.openClass === 'conditional') return {}
      if (s.listing.profile && s.listing.profileMark === s.mark) return s.listing.profile
      const profile = await profileTable(pool, s, s.items)
      await storeProfile(pool, s.entryId, s.listing.version, s.mark, profile)
      return profile
    },
  }

  function unsealAfter(after: string, entryId: string): string {
    try {
      const [id, last] = JSON.parse(secrets.unseal(after)) as [string, string]
      if (id === entryId) return last
    } catch {}
    refuse('data.after_invalid', {
      status: 400,
      reason: 'field-invalid',
      detail: 'after 不是这个数据集的翻页位置。',
      remedy: '请原样使用上一页答复里的 next。',
    })
  }
}
export type Serving = ReturnType<typeof openServing>

function notListed(cite: Cite | null): never {
  refuse('opening.dataset_not_found', {
    status: 404,
    reason: 'not-in-open-catalog',
    detail: '没有这个开放数据集：开放平台只提供已公布的开放清单里的数据。',
    remedy: '请核对代码，或在「数据」页查找；还没有开放的，可以提出开放需求。',
    ...(cite && { cite }),
  })
}

function gone(title: string, reason: string | null, cite: Cite | null): never {
  refuse('opening.withdrawn', {
    status: 410,
    reason: 'dataset-withdrawn',
    title: '已下架',
    detail: `「${title}」已下架，不再提供下载和接口。原因：${reason ?? '未写明'}`,
    remedy: '需要这类数据的，可以查找其他数据集或联系提供部门。',
    ...(cite && { cite }),
  })
}

function badValue(error: { code?: string }): never {
  if (/^22/.test(error.code ?? '')) {
    refuse('data.value_invalid', {
      status: 400,
      reason: 'field-invalid',
      detail: '给的值与信息项的类型不符，例如日期应写作 2026-09-24。',
      remedy: '请按信息项的类型改正。',
    })
  }
  throw error
}

type Count = 'downloads' | 'calls' | 'previews'
/** Counts for pages, added up in memory and written every second; the ledger has each of them for proof. */
function openCounters({ pool, clock, log }: Services) {
  let held = new Map<string, { entryId: string; day: string } & Record<Count, number>>()
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<unknown> = Promise.resolve()
  const flush = (): Promise<unknown> => {
    clearTimeout(timer)
    timer = undefined
    const rows = [...held.values()]
    held = new Map()
    if (!rows.length) return writing
    writing = writing.then(() =>
      pool
        .query(
          `insert into opening.counter as c (entry_id, day, downloads, calls, previews)
           select * from unnest($1::uuid[], $2::date[], $3::int[], $4::int[], $5::int[])
           on conflict (entry_id, day) do update set downloads = c.downloads + excluded.downloads, calls = c.calls + excluded.calls,
             previews = c.previews + excluded.previews`,
          [rows.map(r => r.entryId), rows.map(r => r.day), rows.map(r => r.downloads), rows.map(r => r.calls), rows.map(r => r.previews)],
        )
        .catch(error => log.error({ error: (error as Error).message }, 'open counters')),
    )
    return writing
  }
  return {
    add(entryId: string, what: Count): void {
      const day = dayOf(clock())
      const key = `${entryId} ${day}`
      const row = held.get(key) ?? { entryId, day, downloads: 0, calls: 0, previews: 0 }
      row[what]++
      held.set(key, row)
      timer ??= setTimeout(flush, 1000).unref()
    },
    flush,
  }
}
