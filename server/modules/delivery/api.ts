import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { FileFacts } from '../../../contract/evidence.ts'
import { type Context, type Services, systemContext } from '../../platform/context.ts'
import { Problem, refuse } from '../../platform/problem.ts'
import { keyCommitment, recordRead } from '../audit/public.ts'
import { publishedEntry } from '../catalog/public.ts'
import { markText, reportDoubt, rowMarks } from '../quality/public.ts'
import { gateMode, govern } from '../regulation/public.ts'
import { openCallLog, openQuota } from './calls.ts'
import { gather } from './gather.ts'
import { pseudonymsOf } from './preview.ts'
import {
  aggregate,
  comparison,
  hmacPads,
  isText,
  leaving,
  type Measures,
  type OutgoingItem,
  type Pads,
  type Param,
  project,
  projectChanges,
  projectCopy,
  projectCount,
  projectEach,
  projectJson,
  type Statement,
  usable,
} from './projection.ts'
import { type LoadedGrant, loadGrantRow } from './queries.ts'
import { type Articles, judgeCall, type Refusal, type Verdict } from './rules.ts'
import { raiseAlert } from './unusual.ts'
import { openBurst, openScanWatch, rateHeaders, secondsLeft } from './watch.ts'

/** Who calls, for what, under which grant; the same for the API and for a trial on the page. */
export type Call = {
  grantId: string
  credential: number | null
  code: string
  operator: string | null
  caseRef: string | null
  purpose: string | null
  user: string | null
  channel?: 'api' | 'file'
}
/** Rows on their way out into a file: one after the other, or all at once by COPY. */
export type Outflow = {
  columns: OutgoingItem[]
  rows: AsyncIterable<Record<string, string | null>>
  copy: ReturnType<typeof projectCopy>
  /** The grant is no longer what it was: no more rows. */
  signal: AbortSignal
  /** Whether any record is under objection or in doubt, and what is said of one. */
  marked: boolean
  markOf(key: string): string | null
}
export type RowsQuery = {
  fields?: string | undefined
  filter?: string | undefined
  sort?: string | undefined
  as_of?: string | undefined
  after?: string | undefined
  limit: number
}
type Delivered = { body: string; seq: number; rows: number; limits: Record<string, string> }
type Caller = Pick<Context, 'now' | 'day' | 'requestId' | 'ip' | 'ledger'>
/** `looked`: how many keys or values were looked for, and how many of them are not there. */
type Taken = {
  live: boolean
  body: string
  rows: number
  content: string
  /** The one record that was looked up, by its key. */
  key?: string | undefined
  looked?: { asked: number; missed: number } | undefined
  /** The file the rows are in: its record says which, so that a proof of the record is one of the file. */
  file?: FileFacts
}
type Known = LoadedGrant & {
  articles: Articles
  loaded: number
  statements: Map<string, string>
  plans: Map<string, Plan>
  pseudonyms: Pads
  /** Whether a row can be named by its key: all of it is text and leaves as it is. */
  byKey: boolean
  lookUps: Map<string, LookUp>
}
/** The row of one key as JSON, by the items wanted. */
type LookUp = { columns: OutgoingItem[]; one(key: string): Promise<{ live: boolean; rows: Map<string, string> }> }

// Entry and table are looked up again after this time; the grant itself is checked inside every data statement.
const freshMs = 1000
const pageRows = 4000
/** How often a long COPY is asked whether its grant still stands. */
const lookMs = 1000

/** The way out of the data API. One per process. */
export function openDelivery(services: Services) {
  const { pool, secrets } = services
  const calls = openCallLog(pool, services.log)
  const spend = openQuota(pool)
  const { burst: mostPerSecond, scanSuspends } = services.config.data
  const burst = openBurst(mostPerSecond)
  const watch = openScanWatch()
  const known = new Map<string, Promise<Known | null>>()

  const load = async (id: string, day: string): Promise<Known | null> => {
    const grant = await loadGrantRow(pool, id)
    if (!grant) return null
    const cite = (topic: 'usage-record' | 'no-grant' | 'not-granted' | 'share-use') => govern(grant.providerRegion, topic, day).cite
    const articles = {
      record: cite('usage-record'),
      access: cite('no-grant'),
      purpose: cite('not-granted'),
      use: cite('share-use'),
      remind: reminding(grant),
    }
    const pseudonyms = pseudonymsOf(secrets, grant.granteeDepartmentId)
    const byKey =
      usable(grant.items, grant.keys).lookUp &&
      grant.items.every(i => !grant.keys.includes(i.key) || (isText(i) && grant.columns.includes(i.key)))
    return {
      ...grant,
      articles,
      loaded: performance.now(),
      statements: new Map(),
      plans: new Map(),
      pseudonyms,
      byKey,
      lookUps: new Map(),
    }
  }
  const find = async (id: string, day: string, again: boolean): Promise<Known> => {
    let found = known.get(id)
    const before = await found
    if (!before || again || performance.now() - before.loaded > freshMs) {
      // Whoever waits for the same reload shares it.
      if (known.get(id) === found) {
        known.set(id, load(id, day))
        if (known.size > 2000) known.delete(known.keys().next().value!)
      }
      found = known.get(id)
    }
    const grant = await found?.catch(error => {
      known.delete(id)
      throw error
    })
    return (
      grant ??
      refuse('data.token_invalid', {
        status: 401,
        title: '令牌无效',
        reason: 'token-invalid',
        detail: '令牌所指的授权已不存在。',
        remedy: '请核对凭证。',
      })
    )
  }

  /** The statement keeps its plan on the connection; rare combinations of items are not worth one. */
  const run = async (grant: Known, s: Statement): Promise<pg.QueryResult> => {
    let name = grant.statements.get(s.text)
    if (!name && grant.statements.size < 12) {
      name = `d.${digest(s.text)}`
      grant.statements.set(s.text, name)
    }
    return pool.query({ ...s, ...(name && { name }) }).catch(error => explain(grant, error))
  }

  /** Look-ups of these items that come at the same time share a statement: most of what one costs is not its row. */
  const lookUp = (grant: Known, guard: (param: Param) => string, fields: string | undefined): LookUp => {
    const before = grant.lookUps.get(fields ?? '')
    if (before) return before
    const p = { ...sourceOf(grant, guard), fields: fields ? splitNames(fields) : undefined, marks: rowMarks(grant.marked) }
    const { text, values, columns } = projectEach(p, [])
    const rest = values.slice(1)
    const made: LookUp = {
      columns,
      one: gather(async keys => {
        const { rows } = await run(grant, { text, values: [keys, ...rest] })
        const found = rows as { live: boolean; key: string | null; row: string }[]
        return { live: found[0]!.live, rows: new Map(found.flatMap(r => (r.key === null ? [] : [[r.key, r.row]]))) }
      }),
    }
    if (grant.lookUps.size < 12) grant.lookUps.set(fields ?? '', made)
    return made
  }

  const holds = async (guard: (param: Param) => string): Promise<boolean> => {
    const values: unknown[] = []
    const { rows } = await pool.query<{ ok: boolean }>(`select ${guard(v => `$${values.push(v)}`)} as ok`, values)
    return rows[0]!.ok
  }

  const perform = async (
    ctx: Caller,
    call: Call,
    kind: {
      action: 'data.read' | 'data.verify' | 'data.try' | 'data.package' | 'data.download'
      method: string
      medium?: string | undefined
      asked?: string | undefined
    },
    take: (grant: Known, guard: (param: Param) => string) => Promise<Taken>,
  ): Promise<Delivered> => {
    const started = performance.now()
    let grant: Known | undefined
    let left: number | null = null
    // The limit a call was taken from; a grant that changes meanwhile is asked again.
    let spentOf = 0
    let thisSecond = 0
    const finish = (status: number, code: string | null, rows: number, seq: number | null) =>
      grant &&
      calls.add({
        grantId: grant.id,
        at: ctx.now,
        day: ctx.day,
        seq,
        operator: call.operator ?? '',
        caseRef: call.caseRef ?? '',
        method: kind.method,
        rows,
        status,
        code,
        milliseconds: Math.round((performance.now() - started) * 10) / 10,
      })
    try {
      for (let attempt = 0; ; attempt++) {
        grant = await find(call.grantId, ctx.day, attempt > 0)
        if (attempt === 0) thisSecond = burst(grant.id, grant.no, started)
        const verdict = judgeCall(grant, grant, { ...call, ip: ctx.ip, day: ctx.day }, grant.articles)
        if (!verdict.ok) {
          // What is kept may be older than a resumption; only a fresh look refuses.
          if (attempt === 0) continue
          turnAway(verdict)
        }
        if (!grant.relation) notMounted(grant)
        if (grant.quotaPerDay && (left === null || spentOf !== grant.quotaPerDay)) {
          const spent = await spend(grant.id, ctx.day, grant.quotaPerDay, grant.no, secondsLeft(ctx.now)).catch(error => error as Error)
          if (typeof spent !== 'number') {
            // What the grant is now matters more than that its calls are used up.
            if (attempt === 0) continue
            throw spent
          }
          left = spent
          spentOf = grant.quotaPerDay
        }
        const { id, version } = grant
        const guard = (param: Param) =>
          `exists (select from delivery.grant where id = ${param(id)}::uuid and version = ${param(version)}::int)`
        const taken = await take(grant, guard)
        if (!taken.live) {
          // The grant changed since it was read: judge again what it is now.
          if (attempt < 5) continue
          refuse('data.grant_changing', { status: 503, detail: '授权正在变更。', remedy: '请稍后重试。', headers: { 'retry-after': '1' } })
        }
        const seq = await recordRead(ctx as Context, {
          ...usageOf(grant, call),
          action: kind.action,
          content: taken.content,
          method: kind.method,
          medium: kind.medium ?? '接口报文',
          ...(taken.key && { key: keyCommitment(secrets, taken.key) }),
          data: {
            grant: grant.no,
            rows: taken.rows,
            providerId: grant.providerDepartmentId,
            ...(taken.file && { file: taken.file }),
            ...remindedOf(grant),
          },
        })
        finish(200, null, taken.rows, seq)
        if (taken.looked) await lookedUp(ctx, grant, taken.looked.asked, taken.looked.missed)
        const limits = rateHeaders(
          { most: mostPerSecond, left: thisSecond },
          left === null ? null : { most: grant.quotaPerDay!, left, seconds: secondsLeft(ctx.now) },
        )
        return { body: taken.body, seq, rows: taken.rows, limits }
      }
    } catch (error) {
      if (!(error instanceof Problem) || !grant) {
        if (grant) finish(500, 'server.unexpected', 0, null)
        throw error
      }
      const said = named(error, grant)
      const seq = await recordRead(ctx as Context, {
        ...usageOf(grant, call),
        action: 'data.refused',
        content: `拒绝：${said.details.reason ?? said.code}`,
        method: kind.method,
        medium: '无',
        ...(said.details.cite && { cite: said.details.cite }),
        data: {
          grant: grant.no,
          code: said.code,
          providerId: grant.providerDepartmentId,
          ...(kind.asked && { asked: kind.asked.slice(0, 500) }),
        },
      })
      finish(said.status, said.code, 0, seq)
      // One of its own: calls that asked together share the error.
      throw new Problem(said.code, { ...said.details, headers: { ...said.details.headers, 'huitong-ledger': String(seq) } })
    }
  }

  /** Trying keys out is told to both sides and the authority, and ends the grant for now where the setting says so. */
  const lookedUp = async (ctx: Caller, grant: Known, asked: number, missed: number): Promise<void> => {
    const found = watch(grant.id, ctx.now, asked, missed)
    if (!found) return
    const what = `十分钟内查找 ${found.asked} 次，其中 ${found.missed} 次查无此键或值不符，疑为逐个试探`
    await raiseAlert(systemContext(services), grant, { kind: 'scan', what, cite: grant.articles.use, data: found }, scanSuspends)
    if (scanSuspends) known.delete(grant.id)
  }

  return {
    calls,

    /** Rows as JSON text. The usage record is on disk when this resolves. */
    rows(ctx: Caller, call: Call, query: RowsQuery, trial = false): Promise<Delivered> {
      return perform(
        ctx,
        call,
        {
          ...(trial ? { action: 'data.try' as const, method: '试调用' } : { action: 'data.read' as const, method: '服务接口' }),
          asked: query.fields,
        },
        async (grant, guard) => {
          const sort = query.sort ? { by: query.sort.replace(/^-/, ''), down: query.sort.startsWith('-') } : undefined
          const position = query.after ? unsealAfter(query.after, grant.id, query.sort) : undefined
          const filter = query.filter ? readFilter(query.filter) : undefined
          const key = filter && hasKey(grant, filter) ? keyOf(grant, filter) : undefined
          const told = (count: number, columns: OutgoingItem[]) => ({
            rows: count,
            key,
            looked: query.filter && !query.after ? { asked: 1, missed: count ? 0 : 1 } : undefined,
            content: `${grant.title}（${grant.code}）${query.as_of ? `${query.as_of} 的 ` : ''}${count} 行：${columns.map(c => c.name).join('、')}`,
          })
          const body = (rows: string, count: number, at: unknown[] | null) => {
            // The key of a row may be an item the grant does not hold, so the position is sealed.
            const next = at ? secrets.seal(JSON.stringify(at)) : null
            return `{"rows":${rows},"count":${count},"next":${JSON.stringify(next)}${disputedWhole(grant) ? `,"objection":${JSON.stringify(markText)}` : ''}}`
          }
          if (key !== undefined && grant.byKey && !sort && !query.after && !query.as_of && namesOneRow(grant, filter!)) {
            const { columns, one } = lookUp(grant, guard, query.fields)
            const { live, rows } = await one(key)
            const row = rows.get(key)
            const count = row === undefined ? 0 : 1
            return { live, body: body(`[${row ?? ''}]`, count, count === query.limit ? [grant.id, key] : null), ...told(count, columns) }
          }
          const build = (values: { filter: Record<string, string> | undefined; after: string | undefined; limit: number }) =>
            projectJson({
              ...sourceOf(grant, guard),
              fields: query.fields ? splitNames(query.fields) : undefined,
              ...values,
              sort,
              afterValue: position?.value,
              asOf: query.as_of ? asOf(grant, query.as_of, ctx.day) : undefined,
              marks: rowMarks(grant.marked),
            })
          const given = { filter, after: position?.last, limit: query.limit }
          // Sorted and past rows are asked for too seldom to be worth a plan.
          const s = sort || query.as_of ? build(given) : planned(grant, query.fields, given, build)
          const row = (await run(grant, s)).rows[0] as {
            live: boolean
            rows: string
            count: number
            last: string | null
            value?: string | null
          }
          const at = sort ? [grant.id, row.last, query.sort, row.value] : [grant.id, row.last]
          const more = row.count === query.limit && row.last !== null
          return { live: row.live, body: body(row.rows, row.count, more ? at : null), ...told(row.count, s.columns) }
        },
      )
    },

    /**
     * Rows for a file, page by page along the key or by one COPY; each page looks again whether the grant still stands, and so does a clock
     * while rows flow. `write` puts them where nobody can fetch them yet and says how many there were; the ledger record is on disk when this
     * resolves.
     */
    outflow(
      ctx: Caller,
      call: Call,
      query: { fields?: string[] | undefined; as_of?: string | undefined; what: string },
      write: (flow: Outflow) => Promise<{ rows: number; file: FileFacts; originals?: FileFacts[] }>,
    ): Promise<Delivered> {
      return perform(
        ctx,
        call,
        { action: 'data.package', method: '数据文件', medium: '文件', asked: query.fields?.join(',') },
        async (grant, guard) => {
          const p = {
            ...sourceOf(grant, guard),
            fields: query.fields,
            asOf: query.as_of ? asOf(grant, query.as_of, ctx.day) : undefined,
            limit: pageRows,
          }
          const { columns } = project(p)
          const moved = new Error('the grant has moved')
          async function* rows() {
            const fetch = async (after: string | null): Promise<Record<string, string | null>[]> =>
              (await run(grant, project({ ...p, after }))).rows
            for (let coming: ReturnType<typeof fetch> | null = fetch(null); coming; ) {
              const page: Record<string, string | null>[] = await coming
              if (!page.length && !(await holds(guard))) throw moved
              // The next page is on its way while this one is written; when nobody takes it any more, its error is nobody's.
              coming = page.length < pageRows ? null : fetch(page.at(-1)!._key!)
              coming?.catch(() => {})
              yield* page
            }
          }
          const marks = rowMarks(grant.marked)
          const whole = disputedWhole(grant)
          const said = new Map(marks.flatMap(m => m.keys.map(key => [key, m.text] as const)))
          const stop = new AbortController()
          // A look that fails is repeated by the next one, and after the last row.
          const look = setInterval(
            () =>
              void holds(guard).then(
                ok => ok || stop.abort(moved),
                () => {},
              ),
            lookMs,
          )
          try {
            const {
              rows: count,
              file,
              originals,
            } = await write({
              columns,
              rows: rows(),
              copy: projectCopy({ ...p, marks, whole: whole ? markText : null }),
              signal: stop.signal,
              marked: whole || said.size > 0,
              markOf: key => said.get(key) ?? (whole ? markText : null),
            })
            const content = `${grant.title}（${grant.code}）数据包 ${query.what}，${query.as_of ? `${query.as_of} 的 ` : ''}${count} 行${originals ? `、原件 ${originals.length} 份` : ''}：${columns.map(c => c.name).join('、')}`
            return { live: await holds(guard), body: '', rows: count, content, file }
          } catch (error) {
            if (error === moved) return { live: false, body: '', rows: 0, content: '' }
            return explain(grant, error as { code?: string })
          } finally {
            clearInterval(look)
          }
        },
      )
    },

    /** What would be said to a call, without making it. */
    async judge(ctx: Caller, call: Call): Promise<Verdict> {
      const grant = await find(call.grantId, ctx.day, true)
      return judgeCall(grant, grant, { ...call, ip: ctx.ip, day: ctx.day }, grant.articles)
    },

    /** A call that could not be read is judged, counted and recorded like any other, and then refused. */
    unread(ctx: Caller, call: Call, problem: Problem): Promise<Delivered> {
      return perform(ctx, call, { action: 'data.read', method: '服务接口' }, () => Promise.reject(problem))
    },

    /** What was made before is handed over now: judged and recorded like any other call. */
    handOver(ctx: Caller, call: Call, about: { rows: number; content: string }): Promise<Delivered> {
      return perform(ctx, call, { action: 'data.download', method: '数据文件', medium: '文件' }, async (grant, guard) => ({
        live: await holds(guard),
        body: '',
        rows: about.rows,
        content: `${grant.title}（${grant.code}）${about.content}`,
      }))
    },

    /** How many rows there are, and nothing of them. */
    count(ctx: Caller, call: Call, query: Pick<RowsQuery, 'filter' | 'as_of'>): Promise<Delivered> {
      return perform(ctx, call, { action: 'data.read', method: '计数接口' }, async (grant, guard) => {
        // Where no row may leave, how many there are is for the aggregate interface to say, or not.
        if (!leaving(grant.items).length && grant.items.some(i => i.treatment === 'aggregate'))
          refuse('data.nothing_to_deliver', {
            status: 403,
            reason: 'field-not-granted',
            detail: '没有可以逐行提供的信息项，行数由聚合接口给出。',
            remedy: '请用聚合接口。',
          })
        const s = projectCount({
          ...sourceOf(grant, guard),
          filter: query.filter ? readFilter(query.filter) : undefined,
          asOf: query.as_of ? asOf(grant, query.as_of, ctx.day) : undefined,
        })
        const row = (await run(grant, s)).rows[0] as { live: boolean; count: number }
        const looked = query.filter ? { asked: 1, missed: row.count ? 0 : 1 } : undefined
        return { live: row.live, looked, body: `{"count":${row.count}}`, rows: 0, content: `${grant.title}（${grant.code}）行数` }
      })
    },

    /** Counts and sums over groups; small ones are left out. */
    aggregate(
      ctx: Caller,
      call: Call,
      q: { by: string[]; filter?: Record<string, string> | undefined } & Measures,
      trial = false,
    ): Promise<Delivered> {
      const { by, filter, ...measures } = q
      const asked = [by, ...Object.values(measures), Object.keys(filter ?? {})].flat().join(',')
      return perform(
        ctx,
        call,
        { ...(trial ? { action: 'data.try' as const, method: '试调用' } : { action: 'data.read' as const, method: '聚合接口' }), asked },
        async (grant, guard) => {
          if (!grant.items.some(i => i.treatment === 'aggregate'))
            refuse('data.nothing_to_aggregate', {
              status: 403,
              reason: 'field-not-granted',
              detail: '没有供聚合的信息项。',
              remedy: '请按行取用；需要聚合的，重新申请。',
            })
          const least = services.config.data.leastGroup
          const s = aggregate({ ...sourceOf(grant, guard), by, measures, filter, least })
          const row = (await run(grant, s)).rows[0] as { live: boolean; groups: string | null; count: number; hidden: number }
          if (row.live && row.groups === null)
            refuse('data.too_many_groups', {
              detail: `分成了 ${row.count} 组，一次最多 5000 组。`,
              remedy: '请少用几个信息项分组，或加筛选。',
            })
          const names = (items: OutgoingItem[]) => items.map(i => i.name).join('、')
          const parts = [
            s.by.length ? `按${names(s.by)}分组` : '不分组',
            '计数',
            ...s.measured.map(m => `${measureWords[m.how]}（${names(m.items)}）`),
            ...(filter && Object.keys(filter).length ? [`按${Object.keys(filter).join('、')}筛选`] : []),
          ]
          return {
            live: row.live,
            body: `{"groups":${row.groups},"count":${row.count},"hidden":${row.hidden},"least":${least}}`,
            rows: 0,
            content: `${grant.title}（${grant.code}）聚合 ${row.count} 组，未列 ${row.hidden} 组：${parts.join('，')}`,
          }
        },
      )
    },

    /** Rows by their keys. */
    batch(ctx: Caller, call: Call, keys: Record<string, string>[], fields: string[] | undefined): Promise<Delivered> {
      return perform(ctx, call, { action: 'data.read', method: '批量接口', asked: fields?.join(',') }, async (grant, guard) => {
        const s = projectJson({ ...sourceOf(grant, guard), among: keys, fields, limit: keys.length, marks: rowMarks(grant.marked) })
        const row = (await run(grant, s)).rows[0] as { live: boolean; rows: string; count: number }
        return {
          live: row.live,
          body: `{"rows":${row.rows},"count":${row.count},"asked":${keys.length}${disputedWhole(grant) ? `,"objection":${JSON.stringify(markText)}` : ''}}`,
          rows: row.count,
          looked: { asked: keys.length, missed: Math.max(0, keys.length - row.count) },
          content: `${grant.title}（${grant.code}）按 ${keys.length} 个键取 ${row.count} 行：${s.columns.map(c => c.name).join('、')}`,
        }
      })
    },

    /** What changed since a position. `next` is always there: the next page, or where to go on another day. */
    changes(
      ctx: Caller,
      call: Call,
      query: { since?: string | undefined; fields?: string | undefined; limit: number },
      by: { method: string; medium?: string } = { method: '变更接口' },
    ): Promise<Delivered> {
      return perform(ctx, call, { action: 'data.read', ...by, asked: query.fields }, async (grant, guard) => {
        const from = query.since ? unsealSince(query.since, grant.id) : { since: null, until: null, after: null }
        const s = projectChanges({
          ...sourceOf(grant, guard),
          fields: query.fields ? splitNames(query.fields) : undefined,
          ...from,
          history: grant.history,
          ids: hmacPads(secrets.derive(`delivery.record ${grant.id}`)),
          limit: query.limit,
          marks: rowMarks(grant.marked),
        })
        const row = (await run(grant, s)).rows[0] as {
          live: boolean
          rows: string
          count: number
          last: string | null
          seen: number
          ahead: number
        }
        // A database that was put back to an earlier state counts its transactions anew; and nothing tells rows older than 2³¹ of them apart.
        if (row.live && from.since !== null && (from.since > row.ahead || row.ahead - from.since > 2_000_000_000)) sinceInvalid()
        const until = from.until ?? row.seen
        const more = row.count === query.limit
        const next = more ? [grant.id, 'changes', from.since, until, row.last] : [grant.id, 'changes', until, null, null]
        return {
          live: row.live,
          body: `{"rows":${row.rows},"count":${row.count},"more":${more},"next":${JSON.stringify(secrets.seal(JSON.stringify(next)))}}`,
          rows: row.count,
          content: `${grant.title}（${grant.code}）变更 ${row.count} 行：${s.columns.map(c => c.name).join('、')}`,
        }
      })
    },

    /** 校核: a doubt about one record this grant may look up. The case goes to the provider, or to whom the place names. */
    async doubt(ctx: Context, call: Call, d: { key: Record<string, string>; item?: string | undefined; doubt: string }) {
      let about: { grant: Known; item: string | null } | undefined
      const { seq, limits } = await perform(ctx, call, { action: 'data.verify', method: '校核接口' }, async (grant, guard) => {
        requireKey(grant, d.key, '校核')
        const item = d.item ? grant.items.find(i => i.name === d.item || i.key === d.item) : undefined
        if (d.item && !item)
          refuse('data.field_not_granted', {
            status: 403,
            reason: 'field-not-granted',
            detail: `不含「${d.item.slice(0, 60)}」。`,
            remedy: '请核对信息项名称；说不清是哪一项时不写。',
          })
        const s = comparison({ ...sourceOf(grant, guard), key: d.key, values: {} })
        const row = (await run(grant, s)).rows[0] as { live: boolean; agrees: object | null }
        if (row.live && !row.agrees) await lookedUp(ctx, grant, 1, 1)
        if (row.live && !row.agrees)
          refuse('data.record_not_found', {
            status: 404,
            reason: 'record-unknown',
            detail: '没有 key 所指的记录。',
            remedy: '请核对 key。',
          })
        about = { grant, item: item?.name ?? null }
        return {
          live: row.live,
          body: '',
          rows: 1,
          key: keyOf(grant, d.key),
          content: `${grant.title}（${grant.code}）校核${item ? `：${item.name}` : ''}`,
        }
      })
      const { grant, item } = about!
      const entry = (await publishedEntry(ctx.db, { id: grant.entryId }))!
      const c = await reportDoubt(ctx, {
        entry,
        departmentId: grant.granteeDepartmentId,
        person: call.operator ?? '未写明',
        record: keyOf(grant, d.key).replaceAll('\u001f', ' + '),
        item,
        doubt: d.doubt,
      })
      known.delete(grant.id)
      return { seq, limits, caseNo: c.no }
    },

    /** Records of this entry put right after a doubt, so that what was taken before can be fetched again. */
    corrections(ctx: Caller, call: Call, since: string | undefined): Promise<Delivered> {
      return perform(ctx, call, { action: 'data.verify', method: '更正清单接口' }, async (grant, guard) => {
        // A key leaves only where the grant gives all of its items as they are.
        const plain = grant.keys.length > 0 && grant.keys.every(k => grant.items.some(i => i.key === k && i.treatment === 'plain'))
        const values: unknown[] = []
        const live = guard(value => `$${values.push(value)}`)
        const { rows } = await pool.query<{ live: boolean; rows: { record: string; item: string; batch: string; at: string }[] }>(
          `select ${live} as live, coalesce((select jsonb_agg(jsonb_build_object('record', record, 'item', item, 'batch', batch_no, 'at', at) order by at desc)
             from (select * from quality.correction_view where entry_id = $${values.push(grant.entryId)} and at >= $${values.push(since ?? '1970-01-01')}::timestamptz order by at desc limit 1000) c), '[]') as rows`,
          values,
        )
        const list = rows[0]!.rows.map(r => ({
          ...(plain && { key: Object.fromEntries(r.record.split(' + ').map((v, i) => [keyNames(grant)[i] ?? String(i), v])) }),
          item: r.item || null,
          batch: r.batch,
          at: new Date(r.at).toISOString(),
        }))
        return {
          live: rows[0]!.live,
          body: JSON.stringify({ rows: list }),
          rows: list.length,
          content: `${grant.title}（${grant.code}）更正清单`,
        }
      })
    },

    /** Yes or no for each value. */
    compare(ctx: Caller, call: Call, key: Record<string, string>, values: Record<string, string>): Promise<Delivered> {
      return perform(ctx, call, { action: 'data.verify', method: '核验接口' }, async (grant, guard) => {
        requireKey(grant, key, '核验')
        const s = comparison({ ...sourceOf(grant, guard), key, values })
        const asked = keyOf(grant, key)
        const standing = rowMarks(grant.marked).filter(m => m.keys.includes(asked))
        const disputed = disputedWhole(grant) || standing.some(m => m.field === '_objection')
        const doubt = standing.find(m => m.field === '_doubt')?.text
        const row = (await run(grant, s)).rows[0] as { live: boolean; agrees: Record<string, boolean> | null }
        return {
          live: row.live,
          body: JSON.stringify({
            found: row.agrees !== null,
            agrees: row.agrees ?? {},
            ...(disputed && { objection: markText }),
            ...(doubt && { doubt }),
          }),
          rows: row.agrees ? 1 : 0,
          key: asked,
          // Values are tried out like keys: one that is wrong tells as much.
          looked: { asked: 1, missed: row.agrees && Object.values(row.agrees).every(Boolean) ? 0 : 1 },
          content: `${grant.title}（${grant.code}）核验：${Object.keys(values).join('、')}`,
        }
      })
    },
  }

  function unsealAfter(after: string, grantId: string, sort: string | undefined): { last: string; value: string | null } {
    try {
      const [id, last, by, value] = JSON.parse(secrets.unseal(after)) as [string, string, string?, (string | null)?]
      if (id === grantId && last !== 'changes' && by === sort) return { last, value: value ?? null }
    } catch {}
    refuse('data.after_invalid', {
      status: 400,
      reason: 'field-invalid',
      detail: 'after 不是这个授权、这个次序的翻页位置。',
      remedy: '请原样使用上一页答复里的 next，sort 也不要变。',
    })
  }

  function unsealSince(since: string, grantId: string): { since: number | null; until: number | null; after: string | null } {
    try {
      const [id, kind, from, until, after] = JSON.parse(secrets.unseal(since)) as [
        string,
        string,
        number | null,
        number | null,
        string | null,
      ]
      if (id === grantId && kind === 'changes') return { since: from, until, after }
    } catch {}
    return sinceInvalid()
  }
}
function sinceInvalid(): never {
  refuse('data.since_invalid', {
    status: 400,
    reason: 'field-invalid',
    detail: 'since 不是这个授权的变更位置，或数据库恢复过，原来的位置不再有效。',
    remedy: '请不带 since 从头取一遍，再从答复里的 next 接着取。',
  })
}

const sourceOf = (grant: Known, guard: (param: Param) => string) => ({
  relation: grant.relation!,
  columns: grant.columns,
  keys: grant.keys,
  items: grant.items,
  limits: grant.limits,
  pseudonyms: grant.pseudonyms,
  guard,
})

/** The end of a day that has come. */
function asOf(grant: Known, day: string, today: string): { at: string; history: boolean } {
  const at = new Date(`${day}T00:00:00+08:00`).getTime() + 86_400_000
  if (day > today)
    refuse('data.day_invalid', {
      status: 400,
      reason: 'field-invalid',
      detail: `as_of 须是已经到来的日期，${day} 不是。`,
      remedy: '请写成 2026-09-24，今天或更早。',
    })
  return { at: new Date(at).toISOString(), history: grant.history }
}

export type Delivery = ReturnType<typeof openDelivery>

const deliveries = new WeakMap<Services['pool'], Delivery>()
/** One per process, whatever part of the app asks. */
export function deliveryOf(services: Services): Delivery {
  const found = deliveries.get(services.pool) ?? openDelivery(services)
  deliveries.set(services.pool, found)
  return found
}

type Values = { filter: Record<string, string> | undefined; after: string | undefined; limit: number }
type Plan = ReturnType<typeof projectJson>
// No value that comes in holds this character in a plan: it stands for one that is not known yet.
const HOLE = '\u0000'
/** The statement for these items and filters, built once for each version of the grant; then only its values are other ones. */
function planned(grant: Known, fields: string | undefined, given: Values, build: (values: Values) => Plan): Plan {
  const names = given.filter ? Object.keys(given.filter) : []
  const shape = JSON.stringify([fields, names, given.after !== undefined, given.limit])
  let plan = grant.plans.get(shape)
  if (!plan) {
    plan = build({
      filter: given.filter && Object.fromEntries(names.map((name, i) => [name, `${HOLE}${i}`])),
      after: given.after === undefined ? undefined : `${HOLE}after`,
      limit: given.limit,
    })
    if (grant.plans.size < 12) grant.plans.set(shape, plan)
  }
  const fill = (value: string) =>
    value.startsWith(HOLE) ? (value === `${HOLE}after` ? given.after! : given.filter![names[Number(value.slice(1))]!]!) : value
  const values = plan.values.map(value =>
    typeof value === 'string' && value.includes(HOLE) ? value.split('\u001f').map(fill).join('\u001f') : value,
  )
  return { ...plan, values }
}

const disputedWhole = (grant: Known) => grant.marked.some(m => m.kind === 'objection' && !m.record)
const measureWords: Record<keyof Measures, string> = { sum: '合计', average: '平均', min: '最小', max: '最大' }
const keyNames = (grant: Known) => grant.keys.map(k => grant.items.find(i => i.key === k)?.name ?? k)
/** The key as the table has it. */
const keyOf = (grant: Known, key: Record<string, string>) =>
  keyNames(grant)
    .map((name, i) => key[name] ?? key[grant.keys[i]!])
    .join('\u001f')
/** Whether these name one row. */
const hasKey = (grant: Known, given: Record<string, string>): boolean =>
  grant.keys.length > 0 && keyNames(grant).every((name, i) => name in given || grant.keys[i]! in given)
/** The whole key and nothing else. A value that holds the separator might be read as two. */
const namesOneRow = (grant: Known, given: Record<string, string>): boolean =>
  Object.keys(given).length === grant.keys.length && !Object.values(given).some(value => value.includes('\u001f'))
function requireKey(grant: Known, key: Record<string, string>, what: string): void {
  const keys = keyNames(grant)
  const missing = keys.filter((name, i) => !(name in key) && !(grant.keys[i]! in key))
  if (!keys.length || missing.length || Object.keys(key).length !== keys.length) {
    refuse('data.key_incomplete', {
      reason: 'field-missing',
      detail: `${what}须给出能唯一确定一行的信息项：${keys.join('、') || `这个目录没有标识项，不能${what}`}。`,
      remedy: '请在 key 里逐项写出，不多不少。',
    })
  }
}

/** The seven fields of the usage record: purpose, person, approver, content, time, method, medium; content and method are added by the caller. */
const usageOf = (grant: Known, call: Call) => ({
  subject: grant.code,
  purpose: call.purpose && grant.matters.includes(call.purpose) ? `${grant.purpose}（${call.purpose}）` : grant.purpose,
  person: call.operator ?? '未写明',
  approver: grant.approver,
  department: grant.grantee,
  departmentId: grant.granteeDepartmentId,
  region: grant.providerRegion,
  caseNo: call.caseRef ?? grant.no,
  cite: grant.articles.record,
})

/** Gates of this grant that only remind in the provider's region. */
const reminding = (grant: LoadedGrant): Set<string> =>
  new Set(grant.awaits.flatMap(a => (a.gate && gateMode(grant.providerRegion, a.gate) === 'remind' ? [a.gate] : [])))
const remindedOf = (grant: Known) => {
  const what = grant.awaits.filter(a => a.gate && grant.articles.remind?.has(a.gate)).map(a => a.what)
  return what.length ? { reminded: what } : {}
}

function turnAway({ code, status, reason, detail, remedy, cite }: Refusal): never {
  refuse(code, { status, reason, detail, remedy, ...(cite && { cite }) })
}

/** Errors of PostgreSQL that have a reason the caller can be told. */
function explain(grant: Known, error: { code?: string }): never {
  // Class 22: a value in the filter that the column's type cannot read.
  if (/^22/.test(error.code ?? ''))
    refuse('data.value_invalid', {
      status: 400,
      reason: 'field-invalid',
      detail: '给的值与信息项的类型不符，例如日期应写作 2026-09-24。',
      remedy: '请按目录里的数据类型改正。',
    })
  if (error.code === '42P01') notMounted(grant)
  throw error
}

function notMounted(grant: LoadedGrant): never {
  refuse('data.not_mounted', {
    status: 503,
    reason: 'not-mounted',
    detail: `「${grant.title}」目前没有挂接数据。`,
    remedy: '请联系提供部门。',
  })
}

/** A refusal about items names the grant and stands on the article that limits use to what was approved. */
function named(problem: Problem, grant: Known): Problem {
  const d = problem.details
  if (d.reason !== 'field-not-granted') return problem
  return new Problem(problem.code, { ...d, detail: `本授权 ${grant.no} ${d.detail}`, cite: d.cite ?? grant.articles.purpose })
}

const gb18030 = new TextDecoder('gb18030')
const digest = (text: string) => createHash('sha1').update(text).digest('base64url')

export const splitNames = (text: string): string[] =>
  text
    .split(/[,，]/)
    .map(name => name.trim())
    .filter(Boolean)

/** `{"信息项":"值"}`; numbers may be written bare. */
export function readFilter(text: string): Record<string, string> {
  try {
    const value = JSON.parse(text) as unknown
    if (value && typeof value === 'object' && !Array.isArray(value)) {
      const entries = Object.entries(value)
      if (entries.length <= 20 && entries.every(([, v]) => typeof v === 'string' || typeof v === 'number'))
        return Object.fromEntries(entries.map(([k, v]) => [k, String(v)]))
    }
  } catch {}
  refuse('data.filter_invalid', {
    status: 400,
    reason: 'field-invalid',
    detail: 'filter 须是 JSON 对象，例如 {"信息项名称":"值"}。',
    remedy: '请改正后重试；在地址里须作百分号编码。',
  })
}

const encoded = (value: string): string | undefined => {
  try {
    return /^[\x20-\x7e]*$/.test(value) ? decodeURIComponent(value) : undefined
  } catch {
    return undefined
  }
}
const raw = (value: string): string => {
  const bytes = Buffer.from(
    value.replace(/%([\da-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  return isUtf8(bytes) ? bytes.toString() : gb18030.decode(bytes)
}
/** A name in a request header: percent-encoded or raw, which Node reads byte by byte. What is no UTF-8 is GB18030, as older systems send it. */
export function headerText(value: string | string[] | undefined): string | null {
  if (typeof value !== 'string') return null
  let text = encoded(value) ?? raw(value)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters have no place in a record
  text = text.replace(/[\u0000-\u001f\u007f]/g, ' ').trim()
  return text ? text.slice(0, 100) : null
}
