import { createHash, createSecretKey, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { sql } from 'kysely'
import type { NewPackage } from '../../../contract/delivery.ts'
import { type Delivered, type Evidence, evidenceEnding, evidenceFormat, signedText } from '../../../contract/evidence.ts'
import type { Context, Services, StaffContext } from '../../platform/context.ts'
import { type Column, csv } from '../../platform/export.ts'
import { newId } from '../../platform/id.ts'
import { notFound, Problem, refuse } from '../../platform/problem.ts'
import { digestKey } from '../aggregation/public.ts'
import { attest, record } from '../audit/public.ts'
import type { Call, Delivery, Outflow } from './api.ts'
import { addOriginals } from './packing/originals.ts'
import { type Packed, packCopied, packOriginals } from './packing/pack.ts'
import { type LoadedGrant, loadGrantRow } from './queries.ts'
import { treatmentLabel, urlCode } from './rules.ts'
import { secretHash } from './tokens.ts'
import { digestsOf } from './verify.ts'
import { type MarkKeys, readMark, rowMarks } from './watermark.ts'

const keptDays = 7
const linkMinutes = 10
export const packageNo = (n: number): string => `SJB-${String(n).padStart(6, '0')}`
const folder = (config: Services['config']) => join(config.dataDir, 'packages')
const pathOf = (config: Services['config'], id: string) => join(folder(config), `${id}.zip`)
/** Where a file stands that has to be whole before it goes into the ZIP. */
const wholeOf = (path: string) => `${path}.data`
const keysOf = (secrets: Services['secrets']): MarkKeys => ({
  block: createSecretKey(secrets.derive('delivery.row-mark')),
  seal: createSecretKey(secrets.derive('delivery.watermark')),
})

export type PackageRow = {
  id: string
  n: number
  grantId: string
  format: NewPackage['format']
  /** Only these files, of `originals`. */
  digests: string[] | null
  encoding: 'utf-8' | 'gb18030'
  fields: string[] | null
  asOf: string | null
  state: 'queued' | 'ready' | 'failed' | 'gone'
  problem: { detail: string } | null
  operator: string
  caseRef: string
  rows: number | null
  bytes: number | null
  sha256: string | null
  seq: number | null
  created: Date
  expires: Date | null
  downloads: number
}
const columns = sql`id, n, grant_id as "grantId", format, encoding, fields, digests, as_of as "asOf", state, problem, operator, case_ref as "caseRef", rows, bytes, sha256, seq, created, expires, downloads`

export const listPackages = async (db: Services['db'], grantId: string) =>
  (
    await sql<PackageRow>`select ${columns} from delivery.package where grant_id = ${grantId} order by created desc, n desc limit 100`.execute(
      db,
    )
  ).rows
const packageById = async (db: Services['db'], id: string) =>
  (await sql<PackageRow>`select ${columns} from delivery.package where id = ${id}`.execute(db)).rows[0]

/** Orders a package; it is made in the background. */
export async function orderPackage(ctx: StaffContext, grant: LoadedGrant, order: NewPackage): Promise<void> {
  const id = newId(ctx.now.getTime())
  await ctx.db.transaction().execute(async tx => {
    const waiting = await sql`select 1 from delivery.package where grant_id = ${grant.id} and state = 'queued' limit 1`.execute(tx)
    if (waiting.rows.length)
      refuse('grant.package_waiting', {
        status: 409,
        reason: 'wrong-state',
        detail: '这个授权还有一个数据包正在生成。',
        remedy: '请等它完成后再生成下一个。',
      })
    await sql`insert into delivery.package (id, grant_id, format, encoding, fields, digests, as_of, operator, person_id, case_ref, created)
      values (${id}, ${grant.id}, ${order.format}, ${order.format === 'csv' ? order.encoding : 'utf-8'}, ${order.fields?.length ? order.fields : null},
        ${order.format === 'originals' && order.digests?.length ? order.digests : null}, ${order.asOf ?? null},
        ${ctx.actor.name}, ${ctx.actor.personId}, ${order.caseRef}, ${ctx.now})`.execute(tx)
    await record(tx, ctx, { action: 'package.order', subject: grant.no, caseNo: order.caseRef, content: `${grant.title} ${order.format}` })
    await ctx.jobs.enqueue(tx, 'delivery.package', { id })
  })
}

const callOf = (grant: LoadedGrant, p: PackageRow): Call => ({
  grantId: grant.id,
  credential: null,
  code: urlCode(grant.code),
  operator: p.operator,
  caseRef: p.caseRef,
  purpose: null,
  user: null,
  channel: 'file',
})

/**
 * Writes the package: rows into the archive through the projection, then the ledger, then the manifest that names the record and the evidence that
 * proves both behind the rows. Until the last line it is a file that no link leads to.
 */
export async function makePackage(ctx: Context, delivery: Delivery, id: string): Promise<void> {
  const p = (await packageById(ctx.db, id))!
  if (p?.state !== 'queued') return
  const grant = (await loadGrantRow(ctx.pool, p.grantId))!
  const config = ctx.config
  await mkdir(folder(config), { recursive: true })
  const no = packageNo(p.n)
  let packed: Packed | undefined
  try {
    let out: Pick<Outflow, 'columns' | 'marked'> | undefined
    const { seq, rows } = await delivery.outflow(
      ctx,
      callOf(grant, p),
      { fields: p.fields ?? undefined, as_of: p.asOf ?? undefined, what: no },
      async flow => {
        await packed?.discard()
        packed = undefined
        packed = await pack(ctx, p, grant, flow)
        out = flow
        return packed
      },
    )
    const made = out!
    const { file } = packed!
    const expires = new Date(ctx.now.getTime() + keptDays * 86_400_000)
    const manifest = {
      package: no,
      grant: grant.no,
      entry: { code: grant.code, title: grant.title, provider: grant.provider },
      recipient: { department: grant.grantee, system: grant.system },
      purpose: grant.purpose,
      approver: grant.approver,
      person: p.operator,
      case: p.caseRef,
      made: ctx.now.toISOString(),
      asOf: p.asOf,
      expires: expires.toISOString(),
      ledger: seq,
      rows,
      rowsLimitedTo: grant.limits.map(l => ({ name: l.name, values: l.values })),
      fields: made.columns.map(c => ({ name: c.name, type: c.type ?? 'C', treatment: c.treatment, how: treatmentLabel(c) })),
      added: [
        ...(made.marked ? [{ name: '_标注', what: '异议标注、疑义标注' }] : []),
        { name: '_水印', what: '每行一个，能认出这个数据包和取得部门；各项的值没有改动' },
      ],
      file: { ...file, encoding: p.encoding },
      ...(packed!.originals && { originals: packed!.originals }),
      ...(p.format === 'csv' || p.format === 'xlsx' || p.format === 'originals'
        ? { note: '以 = + - @ 开头的文本前加了一个单引号，防止表格软件把它当公式运行' }
        : {}),
    }
    const listed = Buffer.from(JSON.stringify(manifest, null, 2))
    const evidence = await evidenceOf(ctx, seq, {
      package: no,
      grant: grant.no,
      entry: manifest.entry,
      recipient: manifest.recipient,
      purpose: grant.purpose,
      approver: grant.approver,
      person: p.operator,
      case: p.caseRef,
      made: manifest.made,
      rows,
      files: [file, ...(packed!.originals ?? []), { name: 'manifest.json', ...(await digestsOf([listed])) }],
    })
    const whole = await packed!.finish([
      ['manifest.json', listed],
      [`${no}${evidenceEnding}`, Buffer.from(JSON.stringify(evidence, null, 2))],
    ])
    await sql`update delivery.package set state = 'ready', rows = ${rows}, bytes = ${whole.bytes}, sha256 = ${whole.sha256}, seq = ${seq},
      manifest = ${JSON.stringify(manifest)}, expires = ${expires} where id = ${id}`.execute(ctx.db)
  } catch (error) {
    await packed?.discard()
    for (const path of [pathOf(config, id), wholeOf(pathOf(config, id))]) await rm(path, { force: true })
    if (!(error instanceof Problem)) throw error
    await sql`update delivery.package set state = 'failed', problem = ${JSON.stringify(error.document())} where id = ${id}`.execute(ctx.db)
  }
}

/** What was delivered, the proof that the ledger has it, and the platform's signature. */
async function evidenceOf(ctx: Context, seq: number, what: Omit<Delivered, 'ledger'>): Promise<Evidence> {
  let delivered: Delivered | undefined
  const { proof, key, signatures } = await attest(ctx, seq, ({ leaf, checkpoint: { no, height, hash, at } }) => {
    delivered = { ...what, ledger: { seq, leaf, checkpoint: { no, height, hash, at } } }
    return createHash('sm3').update(signedText(delivered)).digest()
  })
  return { format: evidenceFormat, delivered: delivered!, proof, key, signatures }
}

async function pack(ctx: Context, p: PackageRow, grant: LoadedGrant, flow: Outflow): Promise<Packed> {
  const name = `${urlCode(grant.code)}.${p.format === 'originals' ? 'csv' : p.format}`
  const shown: Column[] = [
    ...flow.columns.map(c => ({ key: c.key, name: c.name, type: c.treatment === 'plain' ? (c.type ?? 'C') : 'C' })),
    ...(flow.marked ? [{ key: '_mark', name: '_标注', type: 'C' }] : []),
    { key: '_water', name: '_水印', type: 'C' },
  ]
  const key = keysOf(ctx.secrets).block
  const path = pathOf(ctx.config, p.id)
  if (p.format !== 'originals') {
    const { connectionString, application_name, options } = ctx.pool.options
    const { text, settings } = flow.copy
    return packCopied(
      {
        connection: { connectionString, application_name, options },
        copy: { text, settings },
        path,
        whole: wholeOf(path),
        name,
        format: p.format,
        encoding: p.encoding,
        columns: shown,
        key,
        packageNo: p.n,
        no: packageNo(p.n),
        at: ctx.now,
      },
      flow.signal,
    )
  }
  const column = digestKey(flow.columns.filter(c => c.treatment === 'plain'))
  if (!column)
    refuse('package.no_digest', {
      status: 403,
      reason: 'field-not-granted',
      detail: '没有原样提供的「文件摘要」，不知道给哪些原件。',
      remedy: '请改用其他格式；要原件的，申请把「文件摘要」列入授权。',
    })
  const wanted = p.digests && new Set(p.digests)
  const digests: string[] = []
  async function* chosen() {
    for await (const row of flow.rows) {
      const digest = row[column!]
      if (!digest || (wanted && !wanted.has(digest))) continue
      const water = rowMarks(key, p.n, digests.push(digest), 1).toString('latin1')
      yield { ...row, _mark: flow.markOf(row._key!), _water: water }
    }
    const strange = p.digests?.filter(d => !digests.includes(d)) ?? []
    if (strange.length)
      refuse('package.no_original', {
        detail: `授权里没有这些文件：${strange.slice(0, 3).join('、')}${strange.length > 3 ? ` 等 ${strange.length} 个` : ''}。`,
        remedy: '请核对文件摘要。',
      })
  }
  return packOriginals(
    { path, name, at: ctx.now },
    csv(shown, chosen()),
    () => digests.length,
    zip => addOriginals(ctx, zip, { entryId: grant.entryId, digests, list: name }),
  )
}

/** A link that works once, for some minutes. Only its digest is kept. */
export async function openLink(ctx: StaffContext, grantId: string, id: string): Promise<{ link: string; until: Date }> {
  const link = randomBytes(24).toString('base64url')
  const until = new Date(ctx.now.getTime() + linkMinutes * 60_000)
  const { numAffectedRows } = await sql`update delivery.package set link_hash = ${secretHash(link)}, link_until = ${until}
    where id = ${id} and grant_id = ${grantId} and state = 'ready' and expires > ${ctx.now}`.execute(ctx.db)
  if (!numAffectedRows) notFound('grant.package', '数据包')
  return { link, until }
}

/** The bytes behind a link, after the grant has been judged once more and the download is in the ledger. */
export async function takePackage(
  ctx: Context,
  delivery: Delivery,
  link: string,
): Promise<{ stream: Readable; name: string; bytes: number; seq: number; sha256: string }> {
  const { rows } = await sql<{ id: string }>`update delivery.package set link_hash = null, link_until = null, downloads = downloads + 1
    where link_hash = ${secretHash(link)} and link_until > ${ctx.now} and expires > ${ctx.now} and state = 'ready' returning id`.execute(
    ctx.db,
  )
  const p = rows[0] && (await packageById(ctx.db, rows[0].id))
  if (!p)
    refuse('data.link_invalid', {
      status: 404,
      title: '下载链接无效',
      reason: 'token-invalid',
      detail: '这个下载链接已经用过、已经过时，或数据包已经到期。',
      remedy: '请在授权页重新取得下载链接。',
    })
  const grant = (await loadGrantRow(ctx.pool, p.grantId))!
  const { seq } = await delivery.handOver(ctx, callOf(grant, p), {
    rows: p.rows!,
    content: `数据包 ${packageNo(p.n)}，${p.rows} 行，SHA-256 ${p.sha256}`,
  })
  return { stream: createReadStream(pathOf(ctx.config, p.id)), name: `${packageNo(p.n)}.zip`, bytes: p.bytes!, seq, sha256: p.sha256! }
}

/** Packages past their day lose their file; what they were stays in the list. */
export async function sweepPackages(ctx: Context): Promise<void> {
  const { rows } = await sql<{
    id: string
  }>`select id from delivery.package where state = 'ready' and expires <= ${ctx.now} limit 500`.execute(ctx.db)
  for (const { id } of rows) {
    await rm(pathOf(ctx.config, id), { force: true })
    await sql`update delivery.package set state = 'gone', link_hash = null where id = ${id}`.execute(ctx.db)
  }
}

/** From marks found somewhere to the packages they were in. */
export async function traceMarks(
  ctx: Context,
  marks: string[],
): Promise<{ mark: string; row: number; package: PackageRow; grantId: string }[]> {
  const keys = keysOf(ctx.secrets)
  const read = marks.flatMap(mark => {
    const found = readMark(keys, mark)
    return found ? [{ mark, ...found }] : []
  })
  if (!read.length) return []
  const { rows } =
    await sql<PackageRow>`select ${columns} from delivery.package where n = any(${read.map(r => r.packageNo)}::int[])`.execute(ctx.db)
  return read.flatMap(r => {
    const p = rows.find(x => x.n === r.packageNo)
    return p ? [{ mark: r.mark, row: r.row, package: p, grantId: p.grantId }] : []
  })
}
