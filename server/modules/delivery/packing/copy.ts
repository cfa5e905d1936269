import type { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type pg from 'pg'

const DATA = 'd'.charCodeAt(0)
/** What may stand between the rows: the answer to COPY, notices, settings, notifications. */
const passing = new Set([...Buffer.from('HNSA')])

/**
 * Hands over each row of COPY … TO STDOUT where it lies in the bytes of the socket; PostgreSQL sends every row as one CopyData message. Comes back
 * after each piece of the socket, which waits meanwhile. `pg-copy-streams` cuts every row out as a buffer of its own: sweeping up a million of them
 * takes longer than making their lines.
 */
export async function* copyRows(
  client: pg.Client,
  text: string,
  row: (bytes: Buffer, from: number, until: number) => void,
): AsyncGenerator<void> {
  const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection
  // Everything but rows is for pg, which reads on where they end.
  const [pgReads] = stream.listeners('data') as [(bytes: Buffer) => void]
  const done = new Promise<void>((resolve, reject) => {
    client.query({
      submit: (connection: pg.Connection) => connection.query(text),
      handleError: reject,
      handleCommandComplete() {},
      handleReadyForQuery: () => resolve(),
    } as unknown as pg.Submittable)
  })
  // Told below; a socket that breaks ends the loop first.
  done.catch(() => {})
  stream.off('data', pgReads)
  let rest: Buffer = Buffer.alloc(0)
  reading: for await (const piece of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    const bytes = rest.length ? Buffer.concat([rest, piece]) : piece
    let at = 0
    while (at + 5 <= bytes.length) {
      const behind = at + 1 + bytes.readUInt32BE(at + 1)
      if (behind > bytes.length) break
      if (bytes[at] === DATA) row(bytes, at + 5, behind)
      else if (!passing.has(bytes[at]!)) {
        rest = bytes.subarray(at)
        break reading
      }
      at = behind
    }
    rest = bytes.subarray(at)
    yield
  }
  stream.on('data', pgReads)
  pgReads(rest)
  stream.resume()
  await done
  // Only then does the stream flow again; what is asked next would else be read by nobody.
  await setImmediate()
}
