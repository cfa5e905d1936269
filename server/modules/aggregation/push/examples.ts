import type { Item } from '../../../../contract/catalog.ts'

/** A value that shows the form of an item; never a real one. */
function sample(i: Item): string {
  if (i.semantic === 'id-number') return '11010519491231002X'
  if (i.semantic === 'credit-code') return '91350211M000100Y43'
  if (i.codes?.length) return i.codes[0]!
  switch (i.type) {
    case 'D':
      return '2026-09-24'
    case 'T':
      return '2026-09-24 08:30:00'
    case 'N':
    case 'Y':
    case 'B':
    case 'F':
      return '12.50'
    case 'I':
      return '12'
    default:
      return '示例'
  }
}

/** Ready to run once the key is in the environment; the key itself stands in no example. */
export function examples({ url, uploadsUrl }: { url: string; uploadsUrl: string }, items: Item[]): { label: string; code: string }[] {
  const shown = items.filter(i => i.required || i.identifier)
  const record = JSON.stringify(Object.fromEntries((shown.length ? shown : items).slice(0, 8).map(i => [i.name, sample(i)])))
  const quoted = record.replaceAll("'", "'\\''")
  return [
    {
      label: '推送一批，等它入库',
      code: `curl -sS "${url}?wait=30" \\
  -H "Authorization: Bearer $HUITONG_PUSH_KEY" \\
  -H "Idempotency-Key: $(date +%Y%m%d-%H%M%S)-1" \\
  -H "Content-Type: application/x-ndjson" \\
  --data-binary '${quoted}'`,
    },
    {
      label: '推送一个 CSV 文件，压缩传送',
      code: `gzip -c data.csv | curl -sS "${url}" \\
  -H "Authorization: Bearer $HUITONG_PUSH_KEY" \\
  -H "Idempotency-Key: data-$(date +%Y%m%d)" \\
  -H "Content-Type: text/csv" -H "Content-Encoding: gzip" \\
  --data-binary @-`,
    },
    {
      label: '很大的文件，分段传送，断了接着传',
      code: `AUTH="Authorization: Bearer $HUITONG_PUSH_KEY"; SIZE=$(wc -c < data.csv)
ID=$(curl -sS ${uploadsUrl} -H "$AUTH" -H "Content-Type: application/json" \\
  -d "{\\"bytes\\":$SIZE,\\"type\\":\\"text/csv\\"}" | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')
AT=0
while [ "$AT" -lt "$SIZE" ]; do
  tail -c +$((AT + 1)) data.csv | head -c 8388608 | curl -sS -X PATCH ${uploadsUrl}/$ID -H "$AUTH" \\
    -H "Upload-Offset: $AT" -H "Content-Type: application/octet-stream" --data-binary @- > /dev/null || sleep 5
  AT=$(curl -sS ${uploadsUrl}/$ID -H "$AUTH" | sed 's/.*"received":\\([0-9]*\\).*/\\1/')
done
curl -sS -X POST ${uploadsUrl}/$ID/batch -H "$AUTH" -H "Idempotency-Key: data-$(date +%Y%m%d)" \\
  -H "Content-Type: application/json" -d '{}'`,
    },
  ]
}
