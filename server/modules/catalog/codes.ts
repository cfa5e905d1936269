import { sql } from 'kysely'
import type { Tx } from '../../platform/db.ts'

/**
 * 信息资源代码: 类(1) 项(2) 目(3) 细目(variable) "/" sequence (national guide). The digits of 项 and 目 are set by the place;
 * this table is the default: 307 for sub-national departments, 013 for their 目.
 */
const table: Record<1 | 2 | 3, { head: string; department: boolean }> = {
  1: { head: '101000', department: false },
  2: { head: '204000', department: false },
  3: { head: '307013', department: true },
}

/** The next code of a department; numbers are never used twice, not even after a withdrawal. */
export async function nextCode(tx: Tx, kind: 1 | 2 | 3, region: string, departmentId: string): Promise<string> {
  const { head, department } = table[kind]
  const prefix = `${head}${region}${department ? String(await departmentNumber(tx, region, departmentId)).padStart(3, '0') : ''}`
  const { n } = await tx
    .insertInto('catalog.counter')
    .values({ prefix, n: 1 })
    .onConflict(c => c.column('prefix').doUpdateSet({ n: sql`counter.n + 1` }))
    .returning('n')
    .executeTakeFirstOrThrow()
  return `${prefix}/${String(n).padStart(6, '0')}`
}

/** 登记号: region, year and number, given once, when the entry is accepted. */
export async function nextRegistration(tx: Tx, region: string, day: string): Promise<string> {
  const year = Number(day.slice(0, 4))
  const { n } = await tx
    .insertInto('catalog.registration_counter')
    .values({ region, year, n: 1 })
    .onConflict(c => c.columns(['region', 'year']).doUpdateSet({ n: sql`registration_counter.n + 1` }))
    .returning('n')
    .executeTakeFirstOrThrow()
  return `${region}-${year}-${String(n).padStart(5, '0')}`
}

async function departmentNumber(tx: Tx, region: string, departmentId: string): Promise<number> {
  const known = await tx.selectFrom('catalog.department_code').select('n').where('department_id', '=', departmentId).executeTakeFirst()
  if (known) return known.n
  await sql`select pg_advisory_xact_lock(hashtext(${`catalog.department_code.${region}`}))`.execute(tx)
  const { rows } = await sql<{ n: number }>`insert into catalog.department_code (department_id, region, n)
    select ${departmentId}::uuid, ${region}, coalesce(max(n), 0) + 1 from catalog.department_code where region = ${region} returning n`.execute(
    tx,
  )
  return rows[0]!.n
}
