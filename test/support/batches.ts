import { setTimeout as sleep } from 'node:timers/promises'
import * as aggregation from '../../contract/aggregation.ts'
import type { Person } from './world.ts'

/** Uploads a file to a source, as a browser does. */
export function send(steward: Person, sourceId: string, name: string, content: string | Buffer) {
  const boundary = 'xxBOUNDARYxx'
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\ncontent-type: application/octet-stream\r\n\r\n`
  return steward.call(aggregation.upload, {
    params: { id: sourceId },
    body: Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from(`\r\n--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  })
}

export async function finished(steward: Person, id: string, states = ['queued', 'running']): Promise<aggregation.Batch> {
  for (let i = 0; i < 400; i++) {
    const batch = await steward.ok(aggregation.batch, { params: { id } })
    if (!states.includes(batch.state)) return batch
    await sleep(50)
  }
  throw new Error('batch did not finish')
}

/** A file through the wizard: source (made once), upload, proposed mapping, batch. */
export async function deliver(
  steward: Person,
  entry: { id: string },
  content: string,
  o: { source?: aggregation.Source; threshold?: number; producedItem?: string; producedAt?: string; keys?: string[]; name?: string } = {},
) {
  const threshold = o.threshold ?? 1
  let source =
    o.source ??
    (await steward.ok(aggregation.createSource, {
      body: { entryId: entry.id, kind: 'file', threshold, ...(o.producedItem && { producedItem: o.producedItem }) },
    }))
  const answer = await send(steward, source.id, o.name ?? '数据.csv', content)
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.problem))
  const seen = answer.body
  if (!source.ready)
    source = await steward.ok(aggregation.saveMapping, {
      params: { id: source.id },
      body: {
        mapping: seen.mapping.map(m => ({ source: m.source, item: m.item })),
        keys: o.keys ?? (seen.keys.length ? seen.keys : ['c1']),
        threshold,
        options: {},
      },
    })
  const started = await steward.ok(aggregation.startBatch, {
    params: { id: source.id },
    body: { uploadId: seen.uploadId!, ...(o.producedAt && { producedAt: o.producedAt }) },
  })
  return { source, batch: await finished(steward, started.id) }
}
