import { setTimeout as sleep } from 'node:timers/promises'
import type * as contract from '../../contract/agents.ts'
import type { Reply } from '../../contract/endpoint.ts'
import { captureConnector } from '../modules/aggregation/capture/index.ts'
import { type Change, Drifted, Gone, Moved, type Part, type Stream } from '../modules/aggregation/capture/types.ts'
import { type Database, type Position, SourceDown } from '../modules/aggregation/connectors/types.ts'
import { type Call, Refused } from './call.ts'
import type { Home } from './home.ts'

/** Of one transaction; one with more is not sent change by change, the table is read anew instead. */
const MOST_CHANGES = 20_000
const MOST_BYTES = 24 * 1024 * 1024
const HEARTBEAT = 5000
const WEIGH = 30_000

type Options = { home: Home; call: Call; log: (line: string) => void; pause: (error: unknown, failures: number) => number }

/**
 * Follows the sources the platform wants followed. What has changed is sent and then acknowledged at the source; the platform says
 * from where after every interruption, so nothing has to be kept here.
 */
export function capturer({ home, call, log, pause }: Options) {
  const loops = new Map<string, { stop: AbortController; ended: Promise<void> }>()
  let known: contract.AgentCapture[] = []

  async function settle(wanted: contract.AgentCapture[]): Promise<void> {
    known = wanted
    for (const [id, loop] of loops)
      if (!wanted.some(c => c.sourceId === id && c.follow && c.ready)) {
        loop.stop.abort()
        await loop.ended
      }
    for (const c of wanted) {
      if (!c.follow) await drop(c).catch(error => log((error as Error).message))
      else if (c.ready && !loops.has(c.sourceId)) {
        const stop = new AbortController()
        const ended = keep(c, stop.signal).finally(() => loops.delete(c.sourceId))
        loops.set(c.sourceId, { stop, ended })
      } else if (!c.ready) await bound(c)
    }
  }

  const local = (c: contract.AgentCapture) => {
    const connection = home.source(c.source)?.connection
    const connector = connection && captureConnector(connection.kind)
    return connector ? { connector, target: connection as Database } : null
  }
  const say = (c: contract.AgentCapture, body: contract.CaptureEnd) =>
    call({ method: 'POST', path: `/agent/v1/captures/${c.sourceId}/end`, body })

  async function drop(c: contract.AgentCapture): Promise<void> {
    const here = local(c)
    await here?.connector.drop(here.target, c.sourceId)
    await say(c, { why: 'dropped' })
    log(`来源「${c.source}」：已停止实时捕获。`)
  }

  const weighed = new Map<string, number>()
  /** While the whole table waits to be loaded the source keeps what comes after it, but not without bound. */
  async function bound(c: contract.AgentCapture): Promise<void> {
    const here = local(c)
    if (!here || Date.now() - (weighed.get(c.sourceId) ?? 0) < WEIGH) return
    weighed.set(c.sourceId, Date.now())
    const { bytes } = await here.connector.backlog(here.target, c.sourceId, {}).catch(() => ({ bytes: null }))
    if (bytes !== null && bytes > c.retain) await here.connector.drop(here.target, c.sourceId).catch(() => {})
  }

  async function keep(c: contract.AgentCapture, signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      const here = local(c)
      try {
        if (!here)
          throw new SourceDown({
            code: 'no-source',
            text: `前置机上没有能实时捕获的来源「${c.source}」。`,
            remedy: '请在前置机上用 ./huitong agent source add 登记。',
          })
        const path = `/agent/v1/captures/${c.sourceId}`
        const { columns, keys, position } = await call<Reply<typeof contract.openCapture>>({ method: 'POST', path, body: {} }, signal)
        const stream = await here.connector.open(here.target, c.sourceId, columns, keys, position)
        log(`来源「${c.source}」：实时捕获中。`)
        try {
          await pump(c, here, stream, position, signal, () => {
            failures = 0
          })
        } finally {
          await stream.close()
        }
      } catch (error) {
        if (signal.aborted) return
        // Taken away, or read by somebody else; the next answer of the platform says more.
        if (error instanceof Refused && error.problem.code === 'agent.capture_not_found') return
        if (error instanceof Moved || (error instanceof Refused && error.problem.code === 'agent.capture_moved')) continue
        await told(c, here, error).catch(() => {})
        if (error instanceof Gone || error instanceof Drifted) return
        failures++
        if (failures === 1) log(`来源「${c.source}」：${(error as Error).message}`)
        await sleep(pause(error, failures), undefined, { signal }).catch(() => {})
      }
    }
  }

  /** Until it is told the platform asks for the same again. */
  async function told(c: contract.AgentCapture, here: ReturnType<typeof local>, error: unknown): Promise<void> {
    if (error instanceof Gone) await say(c, { why: 'gone', text: error.message.slice(0, 500) })
    else if (error instanceof Drifted) {
      // What follows is read anew as a whole, so the source need not keep it until somebody has decided.
      const dropped = await here!.connector.drop(here!.target, c.sourceId).then(
        () => true,
        () => false,
      )
      await say(c, { why: 'drift', missing: error.missing, added: error.added, changed: error.changed, dropped })
    } else if (error instanceof SourceDown) {
      const { code, text, remedy } = error.diagnosis
      await say(c, { why: 'down', code: code.slice(0, 60), text: text.slice(0, 500), remedy: remedy.slice(0, 500) })
    }
  }

  async function pump(
    c: contract.AgentCapture,
    here: NonNullable<ReturnType<typeof local>>,
    stream: Stream,
    begin: Position,
    signal: AbortSignal,
    well: () => void,
  ): Promise<void> {
    /** Where the platform stands. */
    let stands = begin
    /** How far the source was seen to have changed nothing of ours. */
    let quiet: Position | null = null
    let sent = 0
    let weighed = 0
    let backlog: contract.Changes['backlog'] = null
    const send = async (position: Position, changes: Change[], committed: Date | null) => {
      const body = { from: stands, position, changes, committed: committed?.toISOString() ?? null, backlog }
      const path = `/agent/v1/captures/${c.sourceId}/changes`
      const bytes = Buffer.from(JSON.stringify(body))
      if (bytes.length > MOST_BYTES) throw new Gone('一次提交的变更太大，不逐条传送')
      for (let failures = 0; ; failures++) {
        try {
          stands = (await call<Reply<typeof contract.sendChanges>>({ method: 'POST', path, body, seconds: 120 }, signal)).position
          break
        } catch (error) {
          // Whether it arrived is not known; the platform takes it once. It says where it stands when the stream is opened again.
          if (!(error instanceof Refused && error.problem.code === 'agent.capture_busy') || failures > 60) throw error
          await sleep(pause(error, failures), undefined, { signal })
        }
      }
      stream.done(position)
      backlog = null
      quiet = null
      sent = Date.now()
      well()
    }
    while (!signal.aborted) {
      if (Date.now() - weighed > WEIGH) {
        weighed = Date.now()
        const found = await here.connector.backlog(here.target, c.sourceId, stands)
        if (found.bytes !== null && found.bytes > c.retain) {
          await stream.close()
          await here.connector.drop(here.target, c.sourceId)
          throw new Gone(`来源为平台保留的日志达到 ${Math.round(found.bytes / 2 ** 20)} MB，为不占满来源的磁盘已经放弃`)
        }
        backlog = { bytes: found.bytes, text: found.text?.slice(0, 500) ?? null }
      }
      const part = await stream.next(1000)
      if (part?.changes.length) {
        const { changes, position, committed } = await whole(part, stream, signal)
        await send(position, changes, committed)
      } else {
        if (part?.position) quiet = part.position
        if (Date.now() - sent > HEARTBEAT) await send(quiet ?? stands, [], null)
      }
    }
  }

  return {
    settle,
    /** As the platform is to be told that we know them. */
    known: () => known.map(({ sourceId, follow, ready }) => ({ sourceId, follow, ready })),
    /** `leave`: for good, so nothing of ours stays at the sources. */
    async stop(leave: boolean): Promise<void> {
      for (const loop of loops.values()) loop.stop.abort()
      await Promise.all([...loops.values()].map(l => l.ended))
      if (!leave) return
      for (const c of known) {
        const here = local(c)
        await here?.connector.drop(here.target, c.sourceId).catch(error => log((error as Error).message))
      }
    },
  }
}

/** A transaction that comes in parts, together. */
async function whole(first: Part, stream: Stream, signal: AbortSignal): Promise<Part & { position: Position }> {
  let part = first
  const changes = [...part.changes]
  while (!part.position) {
    if (changes.length > MOST_CHANGES) throw new Gone(`一次提交超过 ${MOST_CHANGES.toLocaleString('en')} 处变更，不逐条传送`)
    signal.throwIfAborted()
    const next = await stream.next(1000)
    if (!next) continue
    part = next
    for (const change of part.changes) changes.push(change)
  }
  return { changes, position: part.position, committed: part.committed }
}
