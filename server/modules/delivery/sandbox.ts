import type { Item } from '../../../contract/catalog.ts'
import type { GrantedItem } from '../../../contract/procedure.ts'
import type { Services } from '../../platform/context.ts'
import { creditCheck } from '../organization/public.ts'
import { idCheck } from '../quality/public.ts'
import { pseudonymsOf } from './preview.ts'
import { leaving, treated } from './projection.ts'
import { outgoingOf } from './rules.ts'

type Made = Pick<Item, 'key' | 'name' | 'type' | 'semantic' | 'length' | 'scale' | 'codes'>
const two = (n: number) => String(n).padStart(2, '0')
const names = ['张样例', '李示范', '王测试', '赵虚构', '陈演练']

/** A value that looks like one of this item and belongs to nobody: by what the item means, else by its type. Pure. */
export function madeUp(item: Made, n: number): string {
  const digits = `110101190001${two((n % 28) + 1)}${String(n % 1000).padStart(3, '0')}`
  const code = `91110101FAKE${String(n).padStart(5, '0')}`
  const meant: Partial<Record<NonNullable<Item['semantic']>, string>> = {
    'id-number': digits + idCheck(digits),
    'credit-code': code + creditCheck(code),
    'person-name': names[n % names.length]!,
    mobile: `1380000${String(n % 10_000).padStart(4, '0')}`,
    phone: `010-8000${String(n % 10_000).padStart(4, '0')}`,
    address: `示例省示例市示例县示例镇样例路${n + 1}号1栋101室`,
    'bank-card': `622202${String(n).padStart(13, '0')}`,
    plate: `京A${String(n % 100_000).padStart(5, '0')}`,
    email: `user${n + 1}@example.com`,
    'region-code': '110101',
    longitude: `116.${String(400_000 + n)}`,
    latitude: `39.${String(900_000 + n)}`,
  }
  if (item.semantic && meant[item.semantic]) return meant[item.semantic]!
  if (item.codes?.length) return item.codes[n % item.codes.length]!
  const type = item.type ?? 'C'
  if (type === 'D') return `2026-01-${two((n % 28) + 1)}`
  if (type === 'T') return `2026-01-${two((n % 28) + 1)} 09:30:00`
  if (type === 'L') return n % 2 ? 'false' : 'true'
  if (type === 'I') return String(n + 1)
  if ('NYBF'.includes(type)) return (100 + n).toFixed(item.scale ?? (type === 'Y' ? 2 : 0))
  return `示例${item.name}${n + 1}`.slice(0, item.length ?? 200)
}

/** What the data API would answer under these treatments, made of nothing real: no table is read. */
export async function sandboxOf(
  { pool, secrets }: Pick<Services, 'pool' | 'secrets'>,
  entry: { title: string; items: Item[] },
  given: GrantedItem[],
  recipientId: string,
  count = 5,
) {
  const items = leaving(outgoingOf(entry.title, entry.items, given).items)
  if (!items.length) return []
  const known = new Map(entry.items.map(i => [i.key, i]))
  const rows = Array.from({ length: count }, (_, n) => items.map(i => madeUp(known.get(i.key)!, n)))
  const s = treated(items, rows, pseudonymsOf(secrets, recipientId))
  const shown = (await pool.query<{ row: (string | null)[] }>(s)).rows
  return shown.map(({ row }) => Object.fromEntries(items.map((item, i) => [item.name, row[i] ?? null])))
}
