import { fileWriter, ParquetWriter } from 'hyparquet-writer'
import type { Column } from './export.ts'

/** Rows of a group: what stands in memory at a time is bounded in values, for tables of many columns, too. */
const rowsOfGroup = (columns: number) => Math.min(50_000, Math.ceil(1_000_000 / columns))
const basic = (type: string) =>
  type === 'I'
    ? { type: 'INT64' as const }
    : type === 'L'
      ? { type: 'BOOLEAN' as const }
      : type === 'B' || type === 'F'
        ? { type: 'DOUBLE' as const }
        : { type: 'BYTE_ARRAY' as const, converted_type: 'UTF8' as const }
const typed = (text: string | null | undefined, type: string) => {
  if (text === null || text === undefined) return null
  if (type === 'I') return BigInt(text)
  if (type === 'L') return text === 'true'
  return type === 'B' || type === 'F' ? Number(text) : text
}

/**
 * Rows as a Parquet file, one row group in memory at a time. Whole numbers, floats and yes or no have their types; everything else, amounts
 * and dates too, stays text, so that no digit is lost.
 */
export async function parquet(
  file: string,
  columns: Column[],
  rows: AsyncIterable<Record<string, string | null>>,
  about: Record<string, string> = {},
): Promise<void> {
  const writer = new ParquetWriter({
    writer: fileWriter(file),
    schema: [
      { name: 'root', num_children: columns.length },
      ...columns.map(c => ({ name: c.name, repetition_type: 'OPTIONAL' as const, ...basic(c.type) })),
    ],
    kvMetadata: Object.entries(about).map(([key, value]) => ({ key, value })),
    createdBy: 'huitong',
  })
  const groupRows = rowsOfGroup(columns.length)
  let held: Record<string, string | null>[] = []
  const write = async () => {
    await writer.write({
      columnData: columns.map(c => ({ name: c.name, data: held.map(row => typed(row[c.key], c.type)) })),
      rowGroupSize: groupRows,
    })
    held = []
  }
  for await (const row of rows) if (held.push(row) >= groupRows) await write()
  if (held.length) await write()
  await writer.finish()
}
