import { createDepartment } from '../../server/modules/organization/public.ts'
import { type Services, systemContext } from '../../server/platform/context.ts'
import { aFilledEntry } from '../../test/support/entry.ts'
import { creditCode } from '../../test/support/world.ts'

/** An entry of 100,000 rows that another department may read, two of its items masked. */
export const total = 100_000
/** A key in the middle. */
export const key = '00050000'

const names = ['编号', '姓名', '月补助金额', '备注', '起始日期', '户籍地址', '类别', '状态']
export const items = names.map((name, i) => ({
  key: `c${i + 1}`,
  name,
  type: name === '月补助金额' ? 'Y' : name === '起始日期' ? 'D' : 'C',
  ...(name === '姓名' && { semantic: 'person-name' }),
  ...(name === '户籍地址' && { semantic: 'address' }),
}))
export const treatment = (i: { semantic?: string }) => (i.semantic ? ('masked' as const) : ('plain' as const))

export const granted = items.map(i => ({ key: i.key, treatment: treatment(i) }))

/** Keys that a connection asks for one after the other: other ones than its neighbours, as callers do. */
export const keysOf = (connection: number): string[] =>
  Array.from({ length: 1000 }, (_, i) => String((connection * 7919 + i * 10_007) % total).padStart(8, '0'))
/** The address of one row in the data API. */
export const rowAt = (path: string, key: string): string =>
  `/data/v1/${path}?limit=10&filter=${encodeURIComponent(JSON.stringify({ 编号: key }))}`

/** So many rows of the same kind that what a file costs whatever its length no longer counts. */
export const many = 1_000_000
export async function grow(pool: Services['pool'], relation: string): Promise<void> {
  await pool.query(
    `insert into ${relation} (_key, _batch, _updated, ${items.map(i => i.key).join(', ')})
     select lpad(i::text, 8, '0'), _batch, _updated, lpad(i::text, 8, '0'), c2, i + 0.50, c4, c5, c6, c7, c8
     from generate_series($1::int, $2::int) i, (select * from ${relation} limit 1) r`,
    [total, many - 1],
  )
  await pool.query(`analyze ${relation}`)
}

export async function fill(services: Services) {
  const ctx = systemContext(services)
  const department = (region: string, name: string, n: number) =>
    createDepartment(services.db, ctx, { region, name, creditCode: creditCode(region, n), roles: [] })
  const owner = await department('350100', '福州市民政局', 1)
  const user = await department('350125', '永泰县医保局', 2)
  const entry = await aFilledEntry(services.pool, {
    department: owner.id,
    region: '350100',
    code: '307013350100001/000001',
    content: { title: '测速用目录', shareClass: 'conditional', items },
    rows: Array.from({ length: total }, (_, i) => [
      String(i).padStart(8, '0'),
      '张三丰',
      `${i}.50`,
      '按季度核对',
      '2026-01-01',
      '福建省福州市永泰县樟城镇北门路12号3栋502室',
      'A',
      '在享',
    ]),
  })
  await services.pool.query(`analyze ${entry.relation}`)
  return { entry, owner, user }
}
