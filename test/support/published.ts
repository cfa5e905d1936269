import { newId } from '../../server/platform/id.ts'
import type { World } from './world.ts'

let serial = 0
/** A published entry without data, put straight into the tables. Items get the keys c1, c2 …; `path` is the code as it stands in addresses. */
export async function aPublishedEntry(
  world: World,
  departmentId: string,
  region: string,
  items: object[],
): Promise<{ id: string; code: string; path: string }> {
  const { pool } = world.app.services
  const id = newId()
  const code = `307013${region}001/${String(++serial).padStart(6, '0')}`
  const content = {
    title: '城乡低保对象信息',
    items: items.map((item, i) => ({ key: `c${i + 1}`, description: '', identifier: false, required: false, ...item })),
  }
  await pool.query('insert into catalog.entry (id, code, region, department_id, published, created_by) values ($1, $2, $3, $4, 1, $1)', [
    id,
    code,
    region,
    departmentId,
  ])
  await pool.query(
    `insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved) values ($1, 1, 'published', $2, 'x', 'x', now())`,
    [id, JSON.stringify(content)],
  )
  return { id, code, path: code.replace('/', '-') }
}
