import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import * as aggregation from '../../contract/aggregation.ts'
import * as bases from '../../contract/bases.ts'
import * as catalog from '../../contract/catalog.ts'
import * as delivery from '../../contract/delivery.ts'
import * as opening from '../../contract/opening.ts'
import * as organization from '../../contract/organization.ts'
import * as procedure from '../../contract/procedure.ts'
import * as regulation from '../../contract/regulation.ts'
import * as sharing from '../../contract/sharing.ts'
import { buildApp } from '../app.ts'
import { createDepartment, createPerson } from '../modules/organization/public.ts'
import { calendarDay } from '../modules/regulation/public.ts'
import { addDays, dayOf } from '../platform/clock.ts'
import type { Config } from '../platform/config.ts'
import { systemContext } from '../platform/context.ts'
import { type Caller, signIn } from './client.ts'
import { base, type DemoEntry, heldFile, published, todaysFile, unfinished, waiting } from './entries.ts'
import { creditCode, departments, officers, password, people, useful } from './places.ts'
import { type Application, applications, direct, ended, file, uses } from './story.ts'

type Options = { config: Config; databaseUrl: string; log: (line: string) => void }

/**
 * Fills a new database with five places at work, by walking the platform's own interface as the people who act. The clock stands
 * weeks back and moves forward only, so the ledger tells the story in order. Every step looks first whether it was done: a load that
 * was killed half-way is completed by the next start.
 */
export async function loadDemo({ config, databaseUrl, log }: Options): Promise<{ username: string; password: string; about: string }[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query('create table if not exists public.huitong_demonstration (loaded timestamptz not null)')
    const { rowCount } = await client.query('select from public.huitong_demonstration')
    if (!rowCount) {
      log('装载演示数据，约需十几秒……')
      await tell(config, databaseUrl)
      await client.query('insert into public.huitong_demonstration values (now())')
    }
  } finally {
    await client.end()
  }
  return useful.map(u => ({ ...u, password }))
}

async function tell(config: Config, databaseUrl: string): Promise<void> {
  const today = dayOf(new Date())
  let ahead = 0
  const clock = () => new Date(Date.now() + ahead)
  /** Moves to this many working days ago, nine o'clock. */
  const moveTo = (ago: number) => {
    if (ago > 0) ahead = new Date(`${workingDaysAgo(today, ago)}T09:00:00+08:00`).getTime() - Date.now()
    else ahead = 0
  }
  // Sessions of the story last as long as the story.
  const app = await buildApp({
    config: { ...config, logLevel: 'silent', sessionHours: 24 * 200, poolSize: Math.min(config.poolSize, 12) },
    databaseUrl,
    clock,
    // The pages may be under construction while this runs, and nobody is served.
    web: '',
  })
  const callers = new Map<string, Promise<Caller>>()
  const as = (username: string) => {
    if (!callers.has(username)) callers.set(username, signIn(app, username))
    return callers.get(username)!
  }
  try {
    await app.ready()
    moveTo(60)
    await settle(app)
    await fileOfficers(as)
    const entries = new Map<string, { id: string; code: string }>()
    moveTo(56)
    await inTurn(published, async e => void entries.set(e.content.title, await register(as, e)))
    moveTo(55)
    await inTurn(published, e => publish(as, e, entries.get(e.content.title)!.code))

    const open = published.filter(e => e.open)
    const closed = published.filter(e => !e.open)
    const of = (title: string) => entries.get(title)!
    const story: { ago: number; run: () => Promise<unknown> }[] = [
      { ago: 20, run: () => inTurn(closed, e => fill(as, e, of(e.content.title).id)) },
      { ago: 18, run: () => gather(as, of) },
      ...uses.map(u => ({ ago: u.ago, run: () => use(app, as, u) })),
      { ago: ended.ago, run: () => end(as) },
      { ago: 10, run: () => inTurn(open, e => fill(as, e, of(e.content.title).id)) },
      { ago: 9, run: () => inTurn(open, e => propose(as, e, of(e.content.title).code)) },
      { ago: 8, run: () => inTurn(open, e => openToAll(as, e, of(e.content.title).code)) },
      { ago: 7, run: () => takeUp(as, of(direct.entry).id) },
      {
        ago: 5,
        run: () =>
          visit(
            app,
            open.map(e => of(e.content.title).code),
          ),
      },
      { ago: 3, run: async () => submit(as, waiting, (await register(as, waiting)).code) },
      { ago: 2, run: () => register(as, unfinished) },
      { ago: 1, run: () => deliver(as, of(heldFile.entry).id, { ...heldFile, state: 'held' }) },
      { ago: 0, run: () => deliver(as, of(todaysFile.entry).id, todaysFile) },
      { ago: 0, run: () => pack(as) },
      ...applications.flatMap(a => chapters(as, a, of(a.entry))),
    ]
    for (const { ago, run } of story.sort((a, b) => b.ago - a.ago)) {
      moveTo(ago)
      await run()
    }
    for (const caller of callers.values()) await (await caller).signOut()
  } finally {
    await app.close()
  }
}

type As = (username: string) => Promise<Caller>

/** Steps of one person one after another, those of different people side by side. */
const inTurn = (entries: DemoEntry[], run: (e: DemoEntry) => Promise<unknown>) =>
  Promise.all(
    [...Map.groupBy(entries, e => e.by).values()].map(async mine => {
      for (const e of mine) await run(e)
    }),
  )

/** On a day off the last working day counts as today, so that the lights are the same on every day of the week. */
export function workingDaysAgo(today: string, n: number): string {
  let day = today
  while (!calendarDay(day).working) day = addDays(day, -1)
  for (let left = n; left > 0; ) {
    day = addDays(day, -1)
    if (calendarDay(day).working) left--
  }
  return day
}

/** Departments and people. Later ones are made by the administrators on their page. */
async function settle(app: FastifyInstance): Promise<void> {
  const { db } = app.services
  const ctx = systemContext(app.services)
  const ids = new Map<string, string>()
  for (const [n, d] of departments.entries()) {
    const known = await db
      .selectFrom('organization.department_view')
      .select('id')
      .where('region', '=', d.region)
      .where('name', '=', d.name)
      .executeTakeFirst()
    const made = known ?? (await createDepartment(db, ctx, { ...d, creditCode: creditCode(d.region, n + 1), roles: d.roles ?? [] }))
    ids.set(d.key, made.id as string)
  }
  const known = new Set((await db.selectFrom('organization.person').select('username').execute()).map(p => p.username))
  await Promise.all(
    people.filter(p => !known.has(p.username)).map(p => createPerson(db, ctx, { ...p, departmentId: ids.get(p.department)!, password })),
  )
}

/** Departments file who answers for their data, before they register anything. */
async function fileOfficers(as: As): Promise<void> {
  for (const d of departments) {
    const steward = people.find(p => p.department === d.key && p.roles.includes('steward'))
    const asked = officers[d.region]
    if (!steward || !asked) continue
    const call = await as(steward.username)
    const sheets = await call(organization.officers)
    const leader = people.find(p => p.department === d.key && p.roles.includes('leader'))?.name ?? steward.name
    const file = async (scope: string, name: string, form: procedure.Form) => {
      if (sheets.some(s => s.scope === scope && !s.complete)) await call(procedure.startCase, { body: { procedure: name, form } })
    }
    await file('data', 'officer-filing', asked.form(leader, steward.name))
    if (asked.opening) await file('opening', 'opening-officer-filing', asked.opening)
  }
}

async function register(as: As, e: DemoEntry): Promise<{ id: string; code: string }> {
  const call = await as(e.by)
  const { rows } = await call(catalog.searchEntries, { query: { scope: 'mine', limit: 200 } })
  const known = rows.find(r => r.title === e.content.title)
  if (known) return known
  return call(catalog.createEntry, { body: { content: e.content } })
}

const pathOf = (code: string) => code.replace('/', '-')

async function submit(as: As, e: DemoEntry, code: string): Promise<string> {
  const call = await as(e.by)
  const entry = await call(catalog.entryByCode, { params: { code: pathOf(code) } })
  return entry.caseNo ?? (await call(catalog.submitEntry, { params: { code: pathOf(code) } })).caseNo
}

async function publish(as: As, e: DemoEntry, code: string): Promise<void> {
  const entry = await (await as(e.by))(catalog.entryByCode, { params: { code: pathOf(code) } })
  if (entry.state === 'published') return
  const no = await submit(as, e, code)
  const authority = authorityOf(e.by)
  const { actions } = await (await as(authority))(procedure.caseByNo, { params: { no } })
  // In one of the places the centre reviews and the department publishes.
  const review = actions.some(a => a.action === 'pass') ? 'pass' : 'publish'
  await act(as, authority, no, review, { note: '核心元数据齐全，同意发布。' })
  if (review === 'pass') await act(as, e.by, no, 'publish', {})
}

const authorityOf = (department: string) =>
  ({ fz: 'fz.dashuju', yt: 'yt.zhengwu', hn: 'hn.zhengwu', sp: 'sp.zhengwu', jj: 'jj.gongxin' })[department.split('.')[0]!]!

/** One act on a case, unless this person's department has done it. */
async function act(as: As, username: string, no: string, action: string, form: procedure.Form): Promise<void> {
  const call = await as(username)
  const { department } = await call(organization.session)
  const c = await call(procedure.caseByNo, { params: { no } })
  if (c.timeline.some(t => t.action === action && t.department === department.name)) return
  await call(procedure.act, { params: { no, action }, body: { version: c.version, form } })
}

async function fill(as: As, e: DemoEntry, entryId: string): Promise<void> {
  if (e.file) await deliver(as, entryId, { ...e.file, by: e.by })
}

const settled = new Set(['done', 'held', 'failed', 'drift', 'returned', 'cancelled'])

/** Uploads a file and waits for its batch. `columns` sets up the source; without it an earlier set-up is used. */
async function deliver(
  as: As,
  entryId: string,
  file: { by: string; path: string; name: string; columns?: Record<string, string>; keys?: string[]; threshold?: number; state?: string },
): Promise<void> {
  const call = await as(file.by)
  const { rows: earlier } = await call(aggregation.batches, { query: { entry: entryId, limit: 200 } })
  let batch = earlier.find(b => b.name === file.name && !['failed', 'cancelled'].includes(b.state))
  if (!batch) {
    const { rows } = await call(aggregation.sources, { query: { entry: entryId } })
    const threshold = file.threshold ?? rows[0]?.threshold ?? 0.01
    const source = rows[0] ?? (await call(aggregation.createSource, { body: { entryId, kind: 'file', name: file.name, threshold } }))
    const bytes = readFileSync(join(resolve(import.meta.dirname, '../../demo'), file.path))
    const seen = await call(aggregation.upload, { params: { id: source.id }, file: { name: file.name, bytes } })
    if (!source.ready) {
      const mapping = seen.columns.map(c => ({ source: c.name, item: file.columns?.[c.name] ?? null }))
      await call(aggregation.saveMapping, { params: { id: source.id }, body: { mapping, keys: file.keys, threshold } })
    }
    batch = await call(aggregation.startBatch, { params: { id: source.id }, body: { uploadId: seen.uploadId } })
  }
  for (let tries = 0; tries < 300 && !settled.has(batch.state); tries++) {
    await sleep(100)
    batch = await call(aggregation.batch, { params: { id: batch.id } })
  }
  // One of the places wants every delivery confirmed before it becomes shareable.
  if (batch.state === 'held' && file.state !== 'held' && batch.may.includes('verify')) {
    await call(aggregation.verifyBatch, {
      params: { id: batch.id },
      body: { method: '与业务系统抽样核对 50 行', result: '抽样一致，可以入库。' },
    })
    batch = await call(aggregation.releaseBatch, { params: { id: batch.id }, body: { reason: '已校核确认。' } })
    for (let tries = 0; tries < 300 && !settled.has(batch.state); tries++) {
      await sleep(100)
      batch = await call(aggregation.batch, { params: { id: batch.id } })
    }
  }
  if (batch.state === (file.state ?? 'done')) return
  const { rules } = await call(aggregation.rejects, { params: { id: batch.id } })
  const why = [...batch.messages.map(m => m.text), ...rules.map(r => `${r.label} ${r.count}`)]
  throw new Error(`${file.name}: ${batch.stateLabel} ${why.join('；')}`)
}

/** The base database: set up, declared, and made once before the story goes on. */
async function gather(as: As, of: (title: string) => { id: string }): Promise<void> {
  const call = await as(base.by)
  const known = async () => (await call(bases.baseDatabases, {})).rows.find(r => r.theme === base.theme && r.id)
  const { id } = (await known()) ?? (await call(bases.createBaseDatabase, { body: { theme: base.theme, title: base.title } }))
  const params = { id: id! }
  const { version, entry } = await call(bases.database, { params })
  const plan: bases.BasePlan = {
    subject: 'person',
    sources: base.sources.map(title => ({ entryId: of(title).id, identifier: 'c1' })),
    attributes: Object.entries(base.attributes).map(([item, sources]) => ({
      item,
      rest: 'order',
      sources: Object.entries(sources).map(([title, from], i) => ({ entryId: of(title).id, item: from, authority: i === 0 })),
    })),
  }
  if (!entry) await call(bases.declareBase, { params, body: { version, entryId: of(base.entry).id, plan } })
  for (let tries = 0; tries < 300; tries++) {
    const made = await call(bases.database, { params })
    if (made.refreshed) {
      const items = made.entry!.items.flatMap(i => (i.proposed ? [{ key: i.key, treatment: i.proposed, reason: '' }] : []))
      if (!made.offer) await call(bases.offerDatabase, { params, body: { items, way: base.way } })
      return
    }
    await sleep(100)
  }
  throw new Error(`${base.title}: not made`)
}

async function propose(as: As, e: DemoEntry, code: string): Promise<void> {
  const call = await as(e.by)
  const gate = await call(opening.gate, { params: { code: pathOf(code) } })
  if (gate.state !== 'none') return
  const items = gate.items.map(i => ({ key: i.key, treatment: 'plain' }))
  const { theme, description } = e.open!
  const { day: today } = await call(regulation.today, {})
  await call(opening.propose, {
    params: { code: pathOf(code) },
    body: {
      items,
      theme,
      description,
      exclusions: true,
      useRequirements: '可以自由使用和传播；须注明来源和获取日期，不得用来识别个人。',
      records: {
        risk: { risks: '逐项核对，没有能识别个人的信息项。', measures: '发布前扫描，更新后再次扫描。', conclusion: 'acceptable' },
        preprocessing: [
          { step: '整理', operator: '数据专员', on: today },
          { step: '格式转换', operator: '数据专员', on: today },
        ],
      },
    },
  })
}

/** Review by a second person, then whoever reviews and publishes in the place. */
async function openToAll(as: As, e: DemoEntry, code: string): Promise<void> {
  const provider = await as(e.by)
  const params = { code: pathOf(code) }
  const { state, caseNo } = await provider(opening.gate, { params })
  if (state !== 'in-review') return
  await act(as, e.open!.reviewer, caseNo!, 'clear', { secrecyResult: 'clear', note: '逐项核对，不涉密，不含个人信息。' })
  if ((await provider(opening.gate, { params })).state === 'in-review') {
    const authority = authorityOf(e.by)
    const { actions } = await (await as(authority))(procedure.caseByNo, { params: { no: caseNo! } })
    const review = actions.some(a => a.action === 'open') ? 'open' : 'pass'
    await act(as, authority, caseNo!, review, { note: '清单要素齐全，同意开放。' })
  }
  if ((await provider(opening.gate, { params })).state !== 'reviewed') return
  // Where the department publishes: on its list if the place has lists, else the entry alone.
  await provider(opening.publishList, { body: { class: 'open', entries: [code] } })
  if ((await provider(opening.gate, { params })).state === 'reviewed') await provider(opening.publish, { params })
}

/** An application and what happened to it since, each on its day. */
function chapters(as: As, a: Application, entry: { id: string; code: string }): { ago: number; run: () => Promise<unknown> }[] {
  const find = async () => {
    const { rows } = await (await as(a.by))(procedure.cases, {
      query: { scope: 'started', procedure: 'sharing-application', limit: 200 },
    })
    return rows.find(r => r.title.endsWith(` 申请 ${a.entry}`))?.no
  }
  const start = async () => {
    if (await find()) return
    const call = await as(a.by)
    const known = (await call(organization.systems)).find(s => s.name === a.system)
    const system = known ?? (await call(organization.createSystem, { body: { name: a.system } }))
    const form: procedure.Form = { dataName: a.entry, method: 'api', system: system.id, ...a.form }
    await call(sharing.apply, { body: { entryId: entry.id, form } })
  }
  return [
    { ago: a.ago, run: start },
    ...a.acts.map(x => ({ ago: x.ago, run: async () => act(as, x.by, (await find())!, x.action, x.form) })),
  ]
}

/** The consumer's system takes data under its grant, once a day for some days. */
async function use(app: FastifyInstance, as: As, { entry, by, cases }: (typeof uses)[number]): Promise<void> {
  const call = await as(by)
  const { rows } = await call(delivery.grants, { query: { side: 'received' } })
  const grant = rows.find(g => g.title === entry)
  if (!grant || grant.lastCall) return
  const { clientId, clientSecret } = await call(delivery.rotate, { params: { id: grant.id } })
  const token = await app.inject({
    method: 'POST',
    url: '/oauth/token',
    payload: { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret },
  })
  for (const reference of cases) {
    const reply = await app.inject({
      url: `/data/v1/${pathOf(grant.code)}?limit=20`,
      headers: {
        authorization: `Bearer ${token.json().access_token}`,
        'x-huitong-operator': encodeURIComponent('杨示乐'),
        'x-huitong-case': reference,
      },
    })
    if (reply.statusCode !== 200) throw new Error(`data API: ${reply.statusCode} ${reply.body}`)
  }
}

/** The provider ends a grant that is no longer needed. */
async function end(as: As): Promise<void> {
  const call = await as(ended.by)
  const { rows } = await call(delivery.grants, { query: { side: 'given' } })
  const grant = rows.find(g => g.title === ended.entry && g.grantee === ended.grantee)
  if (grant?.state === 'active') await call(sharing.stop, { params: { id: grant.id }, body: { reason: ended.reason } })
}

/** A file package under a grant by file. */
async function pack(as: As): Promise<void> {
  const call = await as(file.by)
  const { rows } = await call(delivery.grants, { query: { side: 'received' } })
  const params = { id: rows.find(g => g.title === file.entry)!.id }
  let made = await call(delivery.packages, { params })
  if (!made.length) made = await call(delivery.orderPackage, { params, body: { format: 'csv', caseRef: file.caseRef } })
  for (let tries = 0; tries < 300 && made[0]!.state === 'queued'; tries++) {
    await sleep(100)
    made = await call(delivery.packages, { params })
  }
  if (made[0]!.state === 'failed') throw new Error(`${file.caseRef}: ${made[0]!.problem}`)
}

/** Unconditional data are taken up at once, without an application. */
async function takeUp(as: As, entryId: string): Promise<void> {
  const call = await as(direct.by)
  const { rows } = await call(delivery.grants, { query: { side: 'received' } })
  if (rows.some(g => g.title === direct.entry)) return
  const known = (await call(organization.systems)).find(s => s.name === direct.system)
  const system = known ?? (await call(organization.createSystem, { body: { name: direct.system } }))
  await call(sharing.access, { body: { entryId, system: system.id, purpose: direct.purpose, duty: direct.duty } })
}

/** Some people come to the portal and take files away. */
async function visit(app: FastifyInstance, codes: string[]): Promise<void> {
  const home = (await app.inject({ url: '/api/open/home' })).json()
  if (home.most.some((d: { downloads: number }) => d.downloads > 0)) return
  for (const [n, code] of codes.entries()) {
    const path = `/api/open/datasets/${pathOf(code)}`
    await app.inject({ url: `${path}/preview` })
    for (let i = 0; i <= (n * 3) % 5; i++) await app.inject({ url: `${path}/download?format=${i % 2 ? 'json' : 'csv'}` })
  }
}
