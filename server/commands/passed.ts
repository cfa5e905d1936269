import type { TestEvent } from 'node:test/reporters'

/** A reporter of node:test that writes one line for every test that ran and passed. */
export default async function* (events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events)
    if (type === 'test:pass' && !data.skip && !data.todo && data.file) yield `${JSON.stringify({ file: data.file, name: data.name })}\n`
}
