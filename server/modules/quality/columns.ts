import type { Item } from '../../../contract/catalog.ts'

export type CheckedItem = Pick<Item, 'key' | 'name' | 'type' | 'length' | 'semantic' | 'required' | 'codes'>

/** Type of an item's column in its pool table. */
export function columnType(item: CheckedItem): string {
  switch (item.type) {
    case 'N':
    case 'Y':
      return 'numeric'
    case 'I':
      // A bigint holds 18 digits of any value.
      return (item.length ?? 18) > 18 ? 'numeric' : 'bigint'
    case 'B':
    case 'F':
      return 'double precision'
    case 'D':
      return 'date'
    case 'T':
      return 'timestamp'
    case 'L':
      return 'boolean'
    default:
      return 'text'
  }
}
