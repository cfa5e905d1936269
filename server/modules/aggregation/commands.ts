import { createHash } from 'node:crypto'
import { mkdir, open, rm, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { sql } from 'kysely'
import type { Cadence, Mapping, ReadOptions } from '../../../contract/aggregation.ts'
import type { Item } from '../../../contract/catalog.ts'
import { type Connection, type Follow, placeOf, type SourceKind, secretFields } from '../../../contract/connections.ts'
import { dayOf } from '../../platform/clock.ts'
import type { StaffContext } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { paced } from '../../platform/priority.ts'
import { Faults, notFound, refuse } from '../../platform/problem.ts'
import { createSteady } from '../../platform/steady.ts'
import { record } from '../audit/public.ts'
import { entryForFilling, type PublishedEntry, publishedEntry } from '../catalog/public.ts'
import { govern, passGate } from '../regulation/public.ts'
import { agentLook, requireOwnReach } from './agents/look.ts'
import { requireNotDerived } from './bases/declare.ts'
import { requireStanding } from './capture/gone.ts'
import { fileConnector, tableConnector } from './connectors/index.ts'
import { type Database as DatabaseTarget, serverOf, type Target } from './connectors/types.ts'
import { orderOf } from './order.ts'
import { checkedPromise, defaultCadence, promiseOf, requireFiled } from './promises.ts'
import {
  type BatchRecord,
  batchById,
  lockBatch,
  mountOf,
  type SourceRecord,
  sourceById,
  type UploadRecord,
  uploadById,
  verificationsOf,
} from './queries.ts'
import { judge as judgeColumns, lookAt, type Seen } from './reading/inspect.ts'
import { identityOf, judge, mappingFaults, nextRun, type Verb } from './rules.ts'
import { followsWhole, OVERTAKEN, runBatch, setBatch, targetOf, uploadPath } from './run.ts'

/** Only a published entry of one's own department can be filled. */
export async function entryToFill(ctx: StaffContext, entryId: string): Promise<PublishedEntry> {
  const any = await entryForFilling(ctx.db, entryId)
  if (!any) {
    const { cite } = govern(ctx.actor.region, 'registered-only', ctx.day)
    refuse('aggregation.entry_not_registered', {
      reason: 'entry-not-registered',
      detail: `没有登记这条目录，不能接收数据（${cite.title} ${cite.article}）。`,
      cite,
      remedy: '请先登记目录并经审核发布，再挂接数据。',
    })
  }
  if (any.departmentId !== ctx.actor.departmentId) {
    refuse('aggregation.not_your_entry', {
      status: 403,
      reason: 'not-competent',
      detail: `目录 ${any.code} 属于别的部门，只有它的数据专员可以入库。`,
      remedy: '请联系该部门。',
    })
  }
  const entry = await publishedEntry(ctx.db, { id: any.id })
  if (entry?.state !== 'published') {
    const { cite } = govern(any.region, 'registered-only', ctx.day)
    const state = any.state === 'withdrawn' ? '已经撤销' : '还没有发布'
    refuse('aggregation.entry_not_registered', {
      reason: 'entry-not-registered',
      detail: `目录 ${any.code} ${state}，不能接收数据（${cite.title} ${cite.article}）。`,
      cite,
      remedy: '请先登记目录并经审核发布，再挂接数据。',
    })
  }
  return entry
}

export const itemsOf = (entry: PublishedEntry): Item[] => entry.content.items.filter(i => i.name)

export async function ownSource(ctx: StaffContext, id: string): Promise<SourceRecord> {
  const source = (await sourceById(ctx.db, id)) ?? notFound('aggregation.source', '数据源')
  if (source.department_id !== ctx.actor.departmentId) notFound('aggregation.source', '数据源')
  return source
}

/** What may be shown of a connection, and its secrets apart. An empty secret is one that is not given. */
export function parted(connection: Connection): { open: object; secrets: Record<string, string> } {
  const names = secretFields as readonly string[]
  const all = Object.entries(connection)
  return {
    open: Object.fromEntries(all.filter(([name]) => !names.includes(name))),
    secrets: Object.fromEntries(all.filter(([name, value]) => names.includes(name) && value)) as Record<string, string>,
  }
}
export const sealed = (ctx: StaffContext, secrets: Record<string, string>) => ({
  secret: ctx.secrets.seal(JSON.stringify(secrets)),
  names: Object.keys(secrets),
})

export async function createSource(
  ctx: StaffContext,
  o: {
    entryId: string
    kind: SourceKind
    name: string
    connection?: Connection
    follow?: Follow
    threshold: number
    systemId?: string
    cadence?: Cadence
    producedItem?: string | null
    /** The one through which the files of the entry become rows. */
    documents?: boolean
  },
): Promise<SourceRecord> {
  const entry = await entryToFill(ctx, o.entryId)
  await requireNotDerived(ctx.db, entry.id)
  const connected = o.kind !== 'file' && o.kind !== 'push'
  if (connected !== !!o.connection || (o.connection && o.connection.kind !== o.kind)) {
    const faults = new Faults()
    faults.add('/connection', 'aggregation.connection_missing', connected ? '请填写与来源种类一致的连接。' : '这种来源没有连接。')
    faults.throwIfAny('aggregation.connection_missing')
  }
  const id = newId()
  const { open, secrets } = o.connection ? parted(o.connection) : { open: null, secrets: {} }
  const { secret, names } = sealed(ctx, secrets)
  const { produced_item } = checkedPromise(entry, o)
  const cadence = o.cadence ?? defaultCadence(entry, ctx.day)
  await ctx.db.transaction().execute(async tx => {
    if (tableConnector(o.kind) || o.systemId) await requireSystem(tx, ctx, entry, o.systemId)
    const active = !(await promiseOf(tx, entry, { cadence, produced_item, active: true }, ctx.day)).missing
    await sql`insert into aggregation.source (id, entry_id, department_id, kind, name, connection, secret, secret_names, threshold, system_id, cadence, produced_item, active, documents, created, created_by)
      values (${id}, ${entry.id}, ${entry.department_id}, ${o.kind}, ${o.name || entry.title}, ${open && JSON.stringify(open)},
        ${o.connection ? secret : null}, ${o.connection ? names : null}, ${o.threshold}, ${o.systemId ?? null}, ${cadence}, ${produced_item}, ${active}, ${o.documents ?? false}, ${ctx.now}, ${ctx.actor.name})`.execute(
      tx,
    )
    await record(tx, ctx, {
      action: 'source.create',
      subject: entry.code,
      data: { source: id, kind: o.kind, ...(o.connection && { place: placeOf(o.connection) }) },
    })
  })
  const made = (await sourceById(ctx.db, id))!
  if (!o.follow) return made
  await setFollow(ctx, made, o.follow)
  return (await sourceById(ctx.db, id))!
}

/** How a source is followed. What its kind cannot do is refused with the fields named. */
export async function setFollow(ctx: StaffContext, source: SourceRecord, follow: Follow): Promise<void> {
  const faults = new Faults()
  const table = !!tableConnector(source.kind)
  if (follow.mode !== 'snapshot' && !table) faults.add('/mode', 'aggregation.mode', '只有数据表可以按增量或实时读取。')
  if (follow.mode === 'increment' && !follow.cursor)
    faults.add('/cursor', 'aggregation.cursor_missing', '请选择增量列：更新时间，或只增不减的序号。')
  if (follow.schedule && !table && !fileConnector(source.kind))
    faults.add('/schedule', 'aggregation.schedule', '这种来源由提供方送来，平台不能定时去取。')
  if (follow.schedule && follow.mode === 'capture') faults.add('/schedule', 'aggregation.schedule', '实时捕获不需要定时。')
  if (follow.deletes === 'follow' && !(table && follow.mode !== 'increment') && source.kind !== 'push')
    faults.add('/deletes', 'aggregation.deletes', '只有整表读取、实时捕获和推送能知道来源删了什么。')
  faults.throwIfAny('aggregation.follow')
  const order = follow.deletes === 'follow' && source.deletes !== 'follow' ? await requireStanding(ctx, source, follow.order) : null
  // Another way of following starts anew: what is there already is left out as unchanged.
  const anew = follow.mode !== source.mode || follow.cursor !== source.cursor
  const next = follow.schedule ? nextRun(follow.schedule, ctx.now) : null
  await ctx.db.transaction().execute(async tx => {
    await sql`update aggregation.source set mode = ${follow.mode}, cursor = ${follow.mode === 'increment' ? follow.cursor : null}, schedule = ${follow.schedule && JSON.stringify(follow.schedule)},
      deletes = ${follow.deletes}, next_run = ${next}, run_as = ${JSON.stringify(ctx.actor)} ${anew ? sql`, position = null, live = null` : sql``} where id = ${source.id}`.execute(
      tx,
    )
    await record(tx, ctx, {
      action: 'source.change',
      subject: source.id,
      ...(order && { caseNo: order.no, cite: order.cite }),
      data: { mode: follow.mode, schedule: follow.schedule, deletes: follow.deletes },
    })
  })
}

/** Data come from a registered system of the department, where the place says so. */
async function requireSystem(tx: Tx, ctx: StaffContext, entry: PublishedEntry, systemId: string | undefined): Promise<void> {
  const rule = govern(entry.region, 'source-system', ctx.day)
  const found = systemId
    ? await tx
        .selectFrom('organization.system_view')
        .select('id')
        .where('id', '=', systemId)
        .where('department_id', '=', entry.department_id)
        .executeTakeFirst()
    : undefined
  if (found) return
  if (systemId)
    refuse('aggregation.unknown_system', {
      reason: 'field-invalid',
      detail: '没有这个信息系统，或它属于别的部门。',
      errors: [{ pointer: '/systemId', code: 'field-invalid', message: '请选择本部门登记的信息系统。' }],
    })
  if (!rule.value.required) return
  await passGate(tx, ctx, {
    region: entry.region,
    key: 'source-system',
    code: 'aggregation.system_missing',
    reason: 'field-missing',
    detail: '连接数据库的数据源要写明属于哪个已登记的信息系统。',
    cite: rule.cite,
    remedy: '请选择本部门的信息系统；没有的先登记。',
    errors: [{ pointer: '/systemId', code: 'field-missing', message: '请选择信息系统。', cite: rule.cite }],
    subject: entry.code,
  })
}

export async function changeConnection(ctx: StaffContext, source: SourceRecord, connection: Connection): Promise<void> {
  requireOwnReach(source)
  if (!source.connection || source.kind !== connection.kind) refuse('aggregation.no_connection', { detail: '这个数据源没有这样的连接。' })
  const { open, secrets } = parted(connection)
  const stored = targetOf(ctx, source)
  const before = stored as Target & Record<string, unknown>
  // No password goes to another server than the one it was given for.
  if (serverOf(stored) !== serverOf(connection)) {
    const faults = new Faults()
    for (const name of secretFields)
      if (before[name] && !secrets[name]) faults.add(`/${name}`, 'aggregation.secret_again', '换了服务器，请重新填写。')
    faults.throwIfAny('aggregation.secret_again')
  }
  const kept = Object.fromEntries(secretFields.flatMap(name => (before[name] ? [[name, before[name] as string]] : [])))
  const { secret, names } = sealed(ctx, { ...kept, ...secrets })
  await ctx.db.transaction().execute(async tx => {
    await sql`update aggregation.source set connection = ${JSON.stringify(open)}, secret = ${secret}, secret_names = ${names}
      ${placeOf(connection) === placeOf(source.connection) ? sql`` : sql`, position = null, live = null`} where id = ${source.id}`.execute(
      tx,
    )
    await record(tx, ctx, {
      action: 'source.change',
      subject: source.id,
      data: { place: placeOf(connection), secrets: Object.keys(secrets) },
    })
  })
}

/** Taking a file in is so much less work than bringing it into the pool. */
const UPLOAD_SHARE = 0.2

/** Writes an upload to disk, hashing it on the way; what goes over the limit is removed again. */
export async function receiveUpload(
  ctx: StaffContext,
  source: SourceRecord,
  name: string,
  content: AsyncIterable<Buffer>,
  truncated = () => false,
  /** Written with the upload, e.g. that the file was taken. */
  also: (tx: Tx, uploadId: string) => Promise<void> = async () => {},
): Promise<UploadRecord> {
  if (tableConnector(source.kind) && !source.agent_id)
    refuse('aggregation.not_a_file_source', { detail: '这个数据源读取数据库表，不接收文件。' })
  const id = newId()
  const path = uploadPath(ctx.config.dataDir, id)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const hash = createHash('sha256')
  let bytes = 0
  const pace = paced(ctx.pool)
  try {
    const file = await createSteady(path, () => pace.served)
    try {
      for await (const chunk of content) {
        bytes += chunk.length
        if (bytes > ctx.config.maxUploadBytes) break
        hash.update(chunk)
        await file.write(chunk)
        await pace.rest(chunk.length * UPLOAD_SHARE)
      }
    } finally {
      await file.close()
    }
    if (bytes > ctx.config.maxUploadBytes || truncated()) {
      refuse('aggregation.file_too_large', {
        status: 413,
        detail: `文件超过 ${Math.floor(ctx.config.maxUploadBytes / 1024 / 1024).toLocaleString('en')} MB，没有接收。`,
        remedy: '请拆成几个文件，或改用数据库表作为来源。',
      })
    }
    const clean =
      basename(name.replaceAll('\\', '/'))
        .replace(/\p{Cc}/gu, '')
        .slice(0, 200) || '未命名'
    await ctx.db.transaction().execute(async tx => {
      await sql`insert into aggregation.upload (id, source_id, name, bytes, sha256, created, created_by)
        values (${id}, ${source.id}, ${clean}, ${bytes}, ${hash.digest('hex')}, ${ctx.now}, ${ctx.actor.name})`.execute(tx)
      await also(tx, id)
      await record(tx, ctx, { action: 'upload.receive', subject: source.id, data: { upload: id, bytes } })
    })
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    pace.stop()
  }
  return (await uploadById(ctx.db, id))!
}

/** An upload, or the source table, as the wizard looks at it. */
export async function lookAtSource(
  ctx: StaffContext,
  source: SourceRecord,
  upload: UploadRecord | null,
  items: Item[],
  options: ReadOptions,
): Promise<Seen> {
  if (upload) {
    if (upload.removed) notFound('aggregation.upload', '上传文件')
    return lookAt(uploadPath(ctx.config.dataDir, upload.id), upload.bytes, items, options)
  }
  const connector =
    tableConnector(source.kind) ?? refuse('aggregation.no_upload', { detail: '还没有可看的文件。', remedy: '请先上传或取来一个文件。' })
  const { columns, ...table } = source.agent_id
    ? await agentLook(ctx, source)
    : await connector.look(targetOf(ctx, source) as DatabaseTarget)
  const names = columns.map(c => c.name)
  return {
    shape: {
      kind: 'csv',
      encoding: 'utf-8',
      delimiter: ',',
      header: { line: 0, rows: 1, names },
      estimate: table.estimate ?? table.rows.length,
    },
    sheets: [],
    columns: columns.map(({ name, comment }, c) => ({ name, comment, values: table.rows.map(r => r[c]!), lossy: false })),
    preview: table.rows.slice(0, 50),
    messages: source.agent_id
      ? [{ level: 'info', code: 'at-the-agent', text: '内容在前置机上，对应好以后才读取；这里只看列名。' }]
      : table.rows.length
        ? []
        : [{ level: 'warn', code: 'table-empty', text: '来源表现在没有数据行。' }],
  }
}

export async function saveMapping(
  ctx: StaffContext,
  source: SourceRecord,
  o: { mapping: Mapping; keys: string[]; threshold: number; options: ReadOptions },
): Promise<void> {
  const entry = await entryToFill(ctx, source.entry_id)
  const faults = new Faults()
  const rule = govern(entry.region, 'subject-identifier', ctx.day)
  const identity = rule.value.required ? identityOf(entry.content, itemsOf(entry)) : null
  const unidentified = identity?.item?.required && !o.mapping.some(m => m.item === identity.item!.key)
  for (const f of mappingFaults(o.mapping, o.keys, itemsOf(entry)))
    if (unidentified && f.code === 'aggregation.required_unmapped' && f.message.includes(`「${identity.item!.name}」`))
      faults.add(f.pointer, 'identity-key-missing', `没有源列对应「${identity.item!.name}」，${identity.name}是每一行都要有的标识。`, {
        remedy: f.remedy,
        cite: rule.cite,
      })
    else faults.add(f.pointer, f.code, f.message, { remedy: f.remedy })
  const mounted = await mountOf(ctx.db, entry.id)
  if (mounted && mounted.keys.join() !== o.keys.join()) {
    const names = mounted.keys.map(k => entry.content.items.find(i => i.key === k)?.name ?? k).join('＋')
    faults.add('/keys', 'aggregation.key_fixed', `已入库的数据以「${names}」为主键，不能改。`, { remedy: '请选回原来的主键。' })
  }
  faults.throwIfAny('aggregation.mapping')
  // Encoding and delimiter are read anew from every file; where the table stands in it is kept.
  const { encoding: _e, delimiter: _d, ...kept } = o.options
  await ctx.db.transaction().execute(async tx => {
    await sql`update aggregation.source set mapping = ${JSON.stringify(o.mapping)}, keys = ${o.keys}, threshold = ${o.threshold}, options = ${JSON.stringify(kept)}
      ${source.mode === 'capture' ? sql`, position = null, live = null` : sql``} where id = ${source.id}`.execute(tx)
    await record(tx, ctx, {
      action: 'source.change',
      subject: entry.code,
      content: o.mapping
        .filter(m => m.item)
        .map(m => m.item)
        .join('、'),
      data: { source: source.id, keys: o.keys, threshold: o.threshold },
    })
  })
}

export async function queueBatch(
  ctx: StaffContext,
  source: SourceRecord,
  o: { uploadId?: string; options?: ReadOptions; producedAt?: string },
  enqueue = true,
  /** Written with the batch, e.g. which push it is. */
  also: (tx: Tx, batchId: string) => Promise<void> = async () => {},
): Promise<string> {
  const entry = await entryToFill(ctx, source.entry_id)
  if (!o.uploadId) requireOwnReach(source)
  if (!source.keys.length) refuse('aggregation.no_mapping', { detail: '还没有对应信息项和选择主键。', remedy: '请先完成「对应信息项」。' })
  let name = source.connection ? placeOf(source.connection) : ''
  const table = !!tableConnector(source.kind) && !o.uploadId
  if (!table) {
    const upload = o.uploadId ? await uploadById(ctx.db, o.uploadId) : undefined
    if (upload?.source_id !== source.id || upload.removed)
      refuse('aggregation.no_upload', { detail: '没有要入库的文件。', remedy: '请先上传文件。' })
    name = upload.name
  }
  const id = newId()
  await ctx.db.transaction().execute(async tx => {
    if (!source.active) await requireFiled(tx, ctx, entry, source)
    const no = await nextNo(tx, dayOf(ctx.now))
    await sql`insert into aggregation.batch (id, no, source_id, entry_id, upload_id, name, state, options, threshold, produced, actor, created)
      values (${id}, ${no}, ${source.id}, ${entry.id}, ${table ? null : o.uploadId!}, ${name}, 'queued',
        ${JSON.stringify({ ...source.options, ...o.options })}, ${source.threshold}, ${o.producedAt ?? null}, ${JSON.stringify(ctx.actor)}, ${ctx.now})`.execute(
      tx,
    )
    await also(tx, id)
    await record(tx, ctx, { action: 'batch.start', subject: no, content: entry.code, data: { source: source.id, name } })
    if (enqueue) await ctx.jobs.enqueue(tx, 'aggregation.run', { batchId: id })
  })
  return id
}

export async function nextNo(tx: Tx, day: string): Promise<string> {
  const { rows } = await sql<{ n: number }>`insert into aggregation.counter (day, n) values (${day}, 1)
    on conflict (day) do update set n = aggregation.counter.n + 1 returning n`.execute(tx)
  return `${day.replaceAll('-', '')}-${String(rows[0]!.n).padStart(4, '0')}`
}

/** Release, return, cancel, retry: one decision about one batch. */
export async function decide(ctx: StaffContext, id: string, verb: Verb, reason: string): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    const batch = (await lockBatch(tx, id)) ?? notFound('aggregation.batch', '批次')
    if (batch.department_id !== ctx.actor.departmentId) notFound('aggregation.batch', '批次')
    if (verb === 'release') await requireReleasable(tx, ctx, batch)
    const verdict = judge(batch.state, verb, reason)
    if (!verdict.ok)
      refuse(verdict.code, {
        status: verdict.code.endsWith('wrong_state') ? 409 : 422,
        detail: verdict.detail,
        remedy: verdict.remedy,
        errors: [{ pointer: '/reason', code: verdict.code, message: verdict.detail }],
      })
    if (verb === 'release' || verb === 'retry') await requireNotOvertaken(ctx, batch)
    const counts = { read: 0, accepted: 0, changed: 0, unchanged: 0, rejected: 0, waiting: 0 }
    if (verb === 'return') {
      await setBatch(tx, id, { state: 'returned', reason })
    } else if (verb === 'cancel') {
      if (batch.state === 'queued') await setBatch(tx, id, { state: 'cancelled', finished: ctx.now })
      // A running one is told; its worker rolls back and says so. The worker says "running" a moment before its progress row exists: the wish must not fall between the two.
      else
        await sql`insert into aggregation.progress (batch_id, phase, started, updated, cancel) values (${id}, 'reading', ${ctx.now}, ${ctx.now}, ${reason || '取消'})
          on conflict (batch_id) do update set cancel = excluded.cancel`.execute(tx)
    } else {
      // Read again from the start; the file has not changed, and what is loaded already is left out as unchanged.
      await sql`delete from aggregation.reject where batch_id = ${id}`.execute(tx)
      await setBatch(tx, id, {
        ...counts,
        state: 'queued',
        attempt: 0,
        messages: [],
        difference: null,
        finished: null,
        ...(verb === 'release' && { released: true, reason }),
      })
      await ctx.jobs.enqueue(tx, 'aggregation.run', { batchId: id })
    }
    if (verb === 'release' || verb === 'return' || (verb === 'cancel' && batch.state === 'queued')) {
      await record(tx, ctx, {
        action: `batch.${verb}`,
        subject: batch.no,
        purpose: reason,
        data: { read: batch.read, rejected: batch.rejected },
      })
    } else if (verb === 'retry') await record(tx, ctx, { action: 'batch.start', subject: batch.no, data: { retry: true } })
  })
}

/** A whole reading that is older than the one loaded: what it lacks is not gone, and what it has may be. The run looks again. */
async function requireNotOvertaken(ctx: StaffContext, batch: BatchRecord): Promise<void> {
  const source = (await sourceById(ctx.db, batch.source_id))!
  if (!followsWhole(source) || !(await orderOf(ctx.pool, batch)).overtaken) return
  refuse('aggregation.overtaken', { status: 409, detail: OVERTAKEN.text, remedy: OVERTAKEN.remedy })
}

/** What no release can mend: a delivery against the standard is sent again; one nobody has confirmed waits for that. */
async function requireReleasable(tx: Tx, ctx: StaffContext, batch: BatchRecord): Promise<void> {
  const barred = batch.messages.find(m => m.code === 'standard-violation' || m.code === 'identity-key-missing')
  if (barred)
    refuse('aggregation.standard', {
      reason: barred.code,
      detail: barred.text,
      ...(barred.cite && { cite: barred.cite }),
      remedy: barred.remedy ?? '更正后重新上传。',
    })
  if (batch.state !== 'held') return
  const entry = (await publishedEntry(tx, { id: batch.entry_id }))!
  await requireVerified(tx, ctx, entry, batch)
}

/** The gate before a delivery becomes shareable where the place wants it confirmed. */
async function requireVerified(tx: Tx, ctx: StaffContext, entry: PublishedEntry, batch: BatchRecord): Promise<void> {
  const rule = govern(entry.region, 'batch-verification', ctx.day)
  if (!rule.value.required || (await verificationsOf(tx, [batch.id])).length) return
  await passGate(tx, ctx, {
    region: entry.region,
    key: 'verification',
    code: 'aggregation.verification_missing',
    reason: 'verification-missing',
    detail: `批次 ${batch.no} 还没有校核确认，不能放行。`,
    cite: rule.cite,
    remedy: '先登记这一批的校核方式和结论，再放行。',
    subject: entry.code,
  })
}

export async function verifyBatch(ctx: StaffContext, id: string, o: { method: string; result: string }): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    const batch = (await lockBatch(tx, id)) ?? notFound('aggregation.batch', '批次')
    if (batch.department_id !== ctx.actor.departmentId) notFound('aggregation.batch', '批次')
    if (batch.state !== 'held' && batch.state !== 'done')
      refuse('aggregation.wrong_state', { status: 409, detail: '这一批次现在不能登记校核。', remedy: '请刷新后再看。' })
    await sql`insert into aggregation.verification (batch_id, method, result, person, department_id, at)
      values (${id}, ${o.method}, ${o.result}, ${ctx.actor.name}, ${ctx.actor.departmentId}, ${ctx.now})
      on conflict (batch_id) do update set method = excluded.method, result = excluded.result, person = excluded.person, at = excluded.at`.execute(
      tx,
    )
    await record(tx, ctx, { action: 'batch.verify', subject: batch.no, content: o.result, purpose: o.method })
  })
}

/**
 * A file in pieces that share one memory: each is good until the next is asked for. Gigabytes in ever new memory keep the garbage
 * collector at work, and those who are being served feel it.
 */
async function* piecesOf(path: string): AsyncGenerator<Buffer> {
  const file = await open(path)
  try {
    const memory = Buffer.allocUnsafeSlow(256 * 1024)
    for (;;) {
      const { bytesRead } = await file.read(memory)
      if (!bytesRead) return
      yield memory.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** A file brought in without the wizard: source, proposed mapping and first batch in one go. For the demonstration and for tests. */
export async function importFile(
  ctx: StaffContext,
  o: { entryId: string; path: string; name?: string; keys?: string[]; threshold?: number; options?: ReadOptions },
): Promise<Imported> {
  const entry = await entryToFill(ctx, o.entryId)
  const source = await createSource(ctx, {
    entryId: entry.id,
    kind: 'file',
    name: o.name ?? basename(o.path),
    threshold: o.threshold ?? 0.01,
  })
  await stat(o.path)
  const upload = await receiveUpload(ctx, source, o.name ?? basename(o.path), piecesOf(o.path))
  const items = itemsOf(entry)
  const seen = await lookAtSource(ctx, source, upload, items, o.options ?? {})
  const proposal = judgeColumns(seen.columns, seen.preview, items, seen.messages)
  await saveMapping(ctx, source, {
    mapping: proposal.mapping.map(m => ({ source: m.source, item: m.item })),
    keys: o.keys ?? proposal.keys,
    threshold: o.threshold ?? 0.01,
    options: o.options ?? {},
  })
  return runNow(ctx, source.id, upload.id, o.options)
}

/** The next file of a source whose mapping is saved. */
export async function loadUpload(ctx: StaffContext, sourceId: string, path: string): Promise<Imported> {
  const source = await ownSource(ctx, sourceId)
  const upload = await receiveUpload(ctx, source, basename(path), piecesOf(path))
  return runNow(ctx, source.id, upload.id)
}

async function runNow(ctx: StaffContext, sourceId: string, uploadId: string, options?: ReadOptions): Promise<Imported> {
  const source = await ownSource(ctx, sourceId)
  const batchId = await queueBatch(ctx, source, { uploadId, ...(options && { options }) }, false)
  await runBatch(ctx, batchId)
  const { state, read, accepted, unchanged, rejected } = (await batchById(ctx.db, batchId))!
  return { sourceId, batchId, state, read, accepted, unchanged, rejected }
}
export type Imported = {
  sourceId: string
  batchId: string
  state: string
  read: number
  accepted: number
  unchanged: number
  rejected: number
}
