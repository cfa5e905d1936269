import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import type { importFile } from '../../server/modules/aggregation/public.ts'
import { createDepartment, createPerson } from '../../server/modules/organization/public.ts'
import { type Services, systemContext } from '../../server/platform/context.ts'
import { newId } from '../../server/platform/id.ts'
import { migrate } from '../../server/platform/migrate.ts'
import { startTemporaryPostgres } from '../../server/platform/postgres.ts'
import { items } from './people.ts'

/** An own PostgreSQL that forces everything to disk, as in use, and a directory; both gone after `work`. */
export async function withServer(work: (o: { url: string; folder: string }) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'huitong-bench-'))
  const server = await startTemporaryPostgres({ durable: true })
  try {
    await migrate(server.url)
    await work({ url: server.url, folder })
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The context of a steward, made on first use. */
export async function steward(services: Services): Promise<() => any> {
  const name = '永泰县民政局'
  const there = await services.db.selectFrom('organization.department_view').select('id').where('name', '=', name).executeTakeFirst()
  const departmentId =
    there?.id ??
    (await createDepartment(services.db, systemContext(services), { region: '350125', name, creditCode: '11350125FAKE000134', roles: [] }))
      .id
  if (!there)
    await createPerson(services.db, systemContext(services), {
      username: 'bench',
      name: '测量',
      departmentId,
      password: 'a long enough password',
      roles: ['steward'],
    })
  const { rows } = await services.pool.query<{ id: string }>(`select id from organization.person where username = 'bench'`)
  const actor = {
    personId: rows[0]!.id,
    username: 'bench',
    name: '测量',
    departmentId,
    department: name,
    region: '350125',
    departmentRoles: [],
    roles: ['steward' as const],
  }
  return () => systemContext(services, actor) as any
}

let serial = 0
export async function anEntry(pool: pg.Pool, departmentId: string): Promise<string> {
  const id = newId()
  await pool.query(
    `insert into catalog.entry (id, code, region, department_id, published, created_by) values ($1, $2, '350125', $3, 1, $1)`,
    [id, `307013350125001/${String(++serial).padStart(6, '0')}`, departmentId],
  )
  await pool.query(
    `insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved) values ($1, 1, 'published', $2, 'x', 'x', now())`,
    [id, JSON.stringify({ title: '测量', items })],
  )
  return id
}

type Loaded = Awaited<ReturnType<typeof importFile>> & { seconds: number; megabytes: number }
/** A file loaded by a fresh process of its own; PostgreSQL is another process in any case. */
export function loadApart(url: string, dataDir: string, entryId: string, path: string): Promise<Loaded> {
  return new Promise((done, fail) => {
    const script = join(import.meta.dirname, 'load.ts')
    const child = spawn(process.execPath, [script, url, dataDir, entryId, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.on('data', chunk => {
      said += chunk
    })
    child.on('error', fail)
    child.on('close', code => {
      if (code !== 0) return fail(new Error(`load.ts ended with ${code}`))
      const loaded = JSON.parse(said) as Loaded
      if (loaded.state !== 'done' || loaded.accepted !== loaded.read) fail(new Error(`not loaded: ${said}`))
      done(loaded)
    })
  })
}
