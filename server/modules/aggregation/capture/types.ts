import type { Database, Position } from '../connectors/types.ts'

/** One value of a source row as text; null: no value. */
export type Value = string | null
/** Stands for a value that was not sent, or that only the server itself can write as text: the row is asked for. */
export const UNSENT = '\u0000unsent'

/**
 * A change at the source, values in the order of the columns asked for. A new key is a `delete` of the old one and a `put`.
 * Of a deleted row only the values of its key have to be there.
 */
export type Change = { op: 'put' | 'delete'; row: Value[] } | { op: 'empty' }

/** Changes in the order of the source. `position` null: the last transaction goes on in the next part. */
export type Part = { changes: Change[]; position: Position | null; committed: Date | null }

export type Stream = {
  /** What has come since the last call, or undefined after `wait` ms without anything. Throws what ended the stream. */
  next(wait: number): Promise<Part | undefined>
  /** The pool holds everything up to here: the source may forget it. */
  done(position: Position): void
  close(): Promise<void>
}

/** A reading of the whole table that a stream can go on from. */
export type Beginning = {
  /** For the connector's `read`. */
  snapshot: string
  /** Where the stream begins, once the table is read; `read` is what the reading itself says of its moment. */
  position(read: Position | null): Position
  release(): Promise<void>
}

/** What the source keeps for us and should not keep too long. */
export type Backlog = { bytes: number | null; text: string | null }

export type CaptureConnector<C extends Database = Database> = {
  /** Makes sure that changes can be captured, and fixes the moment from which. Throws SourceDown with the statements to run. */
  begin(c: C, id: string, columns: string[], keys: string[]): Promise<Beginning>
  /** Goes on after the position; throws Gone when that can no longer be reached, Drifted when the table is another. */
  open(c: C, id: string, columns: string[], keys: string[], position: Position): Promise<Stream>
  /** How much the source keeps for this stream. */
  backlog(c: C, id: string, position: Position): Promise<Backlog>
  /** Takes away what was made at the source. */
  drop(c: C, id: string): Promise<void>
}

/** The source no longer has what comes after the position: the table is read anew. */
export class Gone extends Error {}

/** The table changes its structure while it is followed: it is looked at anew. */
export class Moved extends Error {}

/** The structure of the table is another than the rows were read with. */
export class Drifted extends Error {
  readonly missing: string[]
  readonly added: string[]
  readonly changed: string[]
  constructor(d: { missing: string[]; added: string[]; changed: string[] }) {
    super('drift')
    this.missing = d.missing
    this.added = d.added
    this.changed = d.changed
  }
}

/** Columns with their types, as the connector names them; kept in the position. */
export type Shape = [name: string, type: string][]
/** The difference in words of columns; undefined when there is none. */
export function differ(before: Shape, now: Shape): Drifted | undefined {
  const was = new Map(before)
  const is = new Map(now)
  const missing = before.filter(([n]) => !is.has(n)).map(([n]) => n)
  const added = now.filter(([n]) => !was.has(n)).map(([n]) => n)
  const changed = now.filter(([n, t]) => was.has(n) && was.get(n) !== t).map(([n, t]) => `${n}（${was.get(n)} → ${t}）`)
  return missing.length || added.length || changed.length ? new Drifted({ missing, added, changed }) : undefined
}

export type Put = { op: 'put'; row: Value[] }
/** A part whose unsent values were asked for. `fill` writes them into the rows; a row that is gone by now is left out: its deletion follows. */
export async function filled(part: Part | undefined, fill: (holes: Put[]) => Promise<void>): Promise<Part | undefined> {
  const unsent = (x: Change): x is Put => x.op === 'put' && x.row.includes(UNSENT)
  const holes = part?.changes.filter(unsent)
  if (!part || !holes?.length) return part
  await fill(holes)
  return { ...part, changes: part.changes.filter(x => !unsent(x)) }
}

/** Gathers whole transactions until somebody asks: at most `most` changes, or what `gather` ms bring. */
export class Inbox {
  private changes: Change[] = []
  private position: Position | null = null
  private committed: Date | null = null
  /** Where the last complete transaction ends among the changes. */
  private complete = 0
  private failed: Error | undefined
  private wake = () => {}
  private readonly flow: { pause(): void; resume(): void }
  private paused = false
  constructor(flow: { pause(): void; resume(): void }) {
    this.flow = flow
  }

  add(change: Change): void {
    // What comes after the reason it ended may not be what it seems.
    if (this.failed) return
    this.changes.push(change)
    if (this.changes.length >= MOST) {
      if (!this.paused && this.changes.length >= 2 * MOST) {
        this.paused = true
        this.flow.pause()
      }
      this.wake()
    }
  }
  /** The transaction is complete; without changes: nothing of the table has changed up to here. */
  commit(position: Position, committed: Date | null): void {
    if (this.failed) return
    this.position = position
    if (committed) this.committed = committed
    this.complete = this.changes.length
    if (committed) this.wake()
  }
  fail(error: Error): void {
    this.failed ??= error
    this.wake()
  }
  /** Nothing is waiting, and no transaction is under way. */
  get idle(): boolean {
    return !this.changes.length
  }

  async next(wait: number): Promise<Part | undefined> {
    const until = Date.now() + wait
    while (!this.complete && this.changes.length < MOST && !this.failed) {
      const left = until - Date.now()
      if (left <= 0) break
      await this.signal(left)
    }
    // What is complete is taken before the reason the stream ended.
    if (!this.complete && this.failed) throw this.failed
    if (this.complete && this.complete < FEW && !this.failed) await this.signal(GATHER, () => this.changes.length >= FEW)
    if (!this.complete && this.changes.length < MOST) {
      if (!this.position) return undefined
      const { position } = this
      this.position = null
      return { changes: [], position, committed: null }
    }
    const whole = this.complete > 0
    const n = whole ? this.complete : this.changes.length
    const part = { changes: this.changes.splice(0, n), position: whole ? this.position : null, committed: whole ? this.committed : null }
    if (whole) {
      this.complete = 0
      this.position = null
    }
    if (this.paused && this.changes.length < MOST) {
      this.paused = false
      this.flow.resume()
    }
    return part
  }

  private async signal(ms: number, enough: () => boolean = () => true): Promise<void> {
    const until = Date.now() + ms
    do {
      const left = until - Date.now()
      if (left <= 0) return
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left)
        this.wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.wake = () => {}
    } while (!enough() && !this.failed)
  }
}
/** A transaction of more changes is brought in by parts of this size, still as one. */
const MOST = 5000
const FEW = 500
/** Milliseconds in which further transactions join the first. */
const GATHER = 60
