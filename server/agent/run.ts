import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { z } from 'zod'
import type * as contract from '../../contract/agents.ts'
import type { Reply } from '../../contract/endpoint.ts'
import type { Incoming } from '../../contract/push.ts'
import { captureConnector } from '../modules/aggregation/capture/index.ts'
import { fileConnector, tableConnector } from '../modules/aggregation/connectors/index.ts'
import { type Database, SourceDown } from '../modules/aggregation/connectors/types.ts'
import { type Call, caller, Refused, Unreached } from './call.ts'
import { capturer } from './capture.ts'
import type { Home } from './home.ts'
import { type Delivery, openSpool, SpoolFull } from './spool.ts'

const PIECE = 4 * 1024 * 1024
const AT_ONCE = 2
const LOOK_AGAIN = 10 * 60_000

export type AgentOptions = { home: Home; version: string; spoolLimit: number; log: (line: string) => void; signal: AbortSignal }

/** Revoked, or never paired with this platform: going on makes no sense. */
export class Ended extends Error {}

/**
 * Reports to the platform, asks what is to be read, reads it and delivers it, until `signal`. Nobody connects to this machine. What has
 * been read lies in the spool until the platform has it; each delivery carries a key that makes it one batch however often it is sent.
 */
export async function runAgent({ home, version, spoolLimit, log, signal }: AgentOptions): Promise<void> {
  const paired = home.paired()
  if (!paired) throw new Ended('还没有配对。请在工作台「前置机」生成配对码，再运行 ./huitong agent pair <平台地址> <配对码>。')
  const call = caller(paired.platform, { ca: home.ca(), who: { id: paired.id, key: home.key() } })
  const spool = openSpool(home, spoolLimit)
  const looks = looker(home)
  const captures = capturer({ home, call, log, pause })
  /** Readings under way, and those that wait for their next try. */
  const working = new Set<string>()
  const resting = new Map<string, { until: number; tries: number }>()
  let trouble: string | null = null

  const deliverOnce = deliverer(call, spool, log, signal)
  const start = (run: string, work: () => Promise<void>) => {
    working.add(run)
    void work()
      .then(() => {
        resting.delete(run)
        trouble = null
      })
      .catch(error => {
        if (signal.aborted) return
        const tries = (resting.get(run)?.tries ?? 0) + 1
        resting.set(run, { until: Date.now() + Math.min(5 * 2 ** (tries - 1), 600) * 1000, tries })
        trouble = (error as Error).message
        log(trouble)
      })
      .finally(() => working.delete(run))
  }

  for (const delivery of spool.left()) start(delivery.run, () => deliverOnce(delivery))
  log(`前置机「${paired.name}」（${paired.department}）已启动，平台 ${paired.platform}。`)

  for (let failures = 0; !signal.aborted; ) {
    for (const [run, rest] of resting) if (rest.until <= Date.now() && !working.has(run)) resting.set(run, { ...rest, until: 0 })
    const busy = [...working, ...[...resting].flatMap(([run, rest]) => (rest.until ? [run] : []))].filter(isRun)
    try {
      // While something is under way or rests the reply is not waited for long: it may be its turn.
      const wait = resting.size || working.size ? 2 : 20
      const reply = await call<Reply<typeof contract.sync>>(
        {
          method: 'POST',
          path: '/agent/v1/sync',
          body: { version, sources: await looks(), spool: spool.bytes(), error: trouble, busy, captures: captures.known(), wait },
          seconds: wait + 30,
        },
        signal,
      )
      if (failures) log('与平台恢复联系。')
      failures = 0
      await captures.settle(reply.captures)
      let started = 0
      for (const task of reply.tasks) {
        if (working.size >= AT_ONCE) break
        if (working.has(task.run)) continue
        start(task.run, () => perform(task))
        started++
      }
      if (reply.tasks.length && !started) await sleep(1000, undefined, { signal }).catch(() => {})
    } catch (error) {
      if (signal.aborted) break
      if (error instanceof Refused && ['agent.revoked', 'agent.signature'].includes(error.problem.code)) {
        await captures.stop(true)
        throw new Ended(`${error.message}${error.problem.remedy ?? ''}`)
      }
      if (failures++ === 0) log(`${(error as Error).message}；恢复后自动继续。`)
      await sleep(pause(error, failures), undefined, { signal }).catch(() => {})
    }
  }
  await captures.stop(false)

  async function perform(task: Task): Promise<void> {
    const local = home.source(task.source)
    const path = `/agent/v1/runs/${task.run}`
    const failed = async (code: string, text: string, remedy: string) => {
      await call({ method: 'POST', path: `${path}/end`, body: { trouble: { code, text: text.slice(0, 500), remedy } } })
      throw new Error(`来源「${task.source}」：${text}`)
    }
    if (!local) return failed('no-source', `前置机上没有名为「${task.source}」的来源。`, '请在前置机上用 ./huitong agent source add 登记。')
    const begin = (body: object) => call<Reply<typeof contract.beginRun>>({ method: 'POST', path, body })
    try {
      const table = tableConnector(local.connection.kind)
      if (table) {
        const target = local.connection as Database
        const { columns } = await table.look(target)
        const { ask, cursor, capture } = await begin({ columns })
        const beginning = capture && (await captureConnector(local.connection.kind)?.begin(target, task.sourceId, ask, capture.keys))
        const reading = table.read(target, ask, { ...(cursor && { cursor }), ...(beginning && { snapshot: beginning.snapshot }) }, signal)
        let some = false
        const content = async function* () {
          yield Buffer.from(`${ask.map(quoted).join(',')}\n`)
          for await (const piece of reading.bytes()) {
            some = true
            yield piece
          }
        }
        log(`来源「${task.source}」：开始读取（${task.entry}）。`)
        const bytes = await spool.write(task.run, content()).finally(() => beginning?.release())
        if (!some && cursor?.from) {
          spool.remove(task.run)
          await call({ method: 'POST', path: `${path}/end`, body: {} })
          return
        }
        const position = beginning ? beginning.position(reading.position()) : reading.position()
        const delivery: Delivery = {
          id: task.run,
          run: task.run,
          sourceId: task.sourceId,
          source: task.source,
          name: `${task.source}.csv`,
          type: 'text/csv',
          bytes,
          position,
          file: null,
          uploadId: null,
        }
        spool.save(delivery)
        return await deliverOnce(delivery)
      }
      const place = fileConnector(local.connection.kind)
      if (!place) return await failed('kind', '前置机还不能读取这种来源。', '请升级前置机。')
      const here = { ...local.connection, bounds: OWN }
      const there = await place.list(here, signal)
      const { files } = await begin({ files: there.map(({ name, stamp }) => ({ name, stamp })) })
      const wanted = new Set(files.map(f => `${f.name}\n${f.stamp}`))
      for (const file of there.filter(f => wanted.has(`${f.name}\n${f.stamp}`))) {
        const id = createHash('sha256')
          .update(JSON.stringify([task.sourceId, file.name, file.stamp]))
          .digest('hex')
          .slice(0, 40)
        const kept = spool.saved(id)
        if (kept) {
          await deliverOnce(kept)
          continue
        }
        log(`来源「${task.source}」：取文件 ${file.name}。`)
        const bytes = await spool.write(id, place.fetch(here, file, signal))
        const delivery: Delivery = {
          id,
          run: task.run,
          sourceId: task.sourceId,
          source: task.source,
          name: file.name,
          type: 'application/octet-stream',
          bytes,
          position: null,
          file: { name: file.name, stamp: file.stamp },
          uploadId: null,
        }
        spool.save(delivery)
        await deliverOnce(delivery)
      }
      await call({ method: 'POST', path: `${path}/end`, body: {} })
    } catch (error) {
      if (signal.aborted) throw error
      if (error instanceof SourceDown) return failed(error.diagnosis.code, error.diagnosis.text, error.diagnosis.remedy)
      if (error instanceof SpoolFull)
        return failed('spool-full', '前置机的暂存空间用完，没有读取。', '请等待已读取的内容传完，或调大 HUITONG_AGENT_SPOOL_MB。')
      // Delivered by an earlier process, or not ours any more.
      if (error instanceof Refused && error.problem.code === 'agent.run_not_found') return
      // Not taken as it is. A table is read anew, since what is asked of it may be different by then.
      if (error instanceof Refused && [400, 413, 422].includes(error.status)) {
        if (tableConnector(local.connection.kind)) spool.remove(task.run)
        return failed('refused', error.message, error.problem.remedy ?? '')
      }
      throw error
    }
  }
}
const isRun = (id: string) => id.length === 36
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

/** Waits longer after every failure, up to a minute, or as long as the platform asks for. */
const pause = (error: unknown, failures: number): number =>
  error instanceof Refused && error.retryAfter ? error.retryAfter * 1000 : Math.min(500 * 2 ** Math.min(failures, 7), 60_000)

/** Sends a delivery piece by piece from where the platform has it, and makes it a batch. Goes on until it is there. */
function deliverer(call: Call, spool: ReturnType<typeof openSpool>, log: (line: string) => void, signal: AbortSignal) {
  return async (given: Delivery): Promise<void> => {
    let d = given
    const set = (change: Partial<Delivery>) => {
      d = { ...d, ...change }
      spool.save(d)
    }
    for (let failures = 0; ; ) {
      signal.throwIfAborted()
      try {
        let received = 0
        if (d.uploadId) received = (await call<Arrived>({ method: 'GET', path: `/ingest/v1/uploads/${d.uploadId}` }, signal)).received
        else {
          const body = { bytes: d.bytes, type: d.type, encoding: 'gzip', name: d.name, source: d.sourceId }
          set({ uploadId: (await call<Arrived>({ method: 'POST', path: '/ingest/v1/uploads', body }, signal)).id })
        }
        while (received < d.bytes) {
          const piece = await spool.piece(d.id, received, Math.min(PIECE, d.bytes - received))
          received = (
            await call<Arrived>(
              { method: 'PATCH', path: `/ingest/v1/uploads/${d.uploadId}`, body: piece, offset: received, seconds: 300 },
              signal,
            )
          ).received
          failures = 0
        }
        await commit()
        return
      } catch (error) {
        if (signal.aborted) throw error
        const refused = error instanceof Refused ? error : null
        const code = refused?.problem.code
        // The same key with other content: an earlier reading of this run has arrived already.
        if (code === 'ingest.key_reused') return spool.remove(d.id)
        // Not ours any more.
        if (code === 'aggregation.source_not_found' && !d.uploadId) {
          spool.remove(d.id)
          log(`来源「${d.source}」已改由别处读取，没有传送。`)
          return
        }
        if (refused?.status === 404) {
          // Gone because it became a batch and we did not hear of it, or because it lay there too long.
          if (d.uploadId && (await became())) return
          set({ uploadId: null })
        } else if (refused && refused.status !== 409 && refused.status !== 429 && refused.status < 500) throw error
        failures++
        if (failures === 1 && error instanceof Unreached) log(`${error.message}；恢复后接着传。`)
        await sleep(pause(error, failures), undefined, { signal })
      }
    }

    async function commit(): Promise<void> {
      const body = { position: d.position, file: d.file }
      await call({ method: 'POST', path: `/ingest/v1/uploads/${d.uploadId}/batch`, body, key: d.id, seconds: 600 }, signal)
      spool.remove(d.id)
      log(`来源「${d.source}」：已送达 ${d.name}（${d.bytes.toLocaleString('en')} 字节）。`)
    }
    async function became(): Promise<boolean> {
      try {
        await commit()
        return true
      } catch (error) {
        if (error instanceof Refused && error.status === 404) return false
        throw error
      }
    }
  }
}
type Task = z.infer<typeof contract.AgentTask>
type Arrived = z.infer<typeof Incoming>

/** What this machine offers, with the columns of its tables; looked at anew when a source is added and now and then. */
function looker(home: Home): () => Promise<contract.AgentSource[]> {
  const seen = new Map<string, { at: number; columns: contract.AgentSource['columns']; error: string | null }>()
  return () =>
    Promise.all(
      home.offered().map(async ({ name, connection }) => {
        const key = JSON.stringify([name, connection])
        let known = seen.get(key)
        // One that did not answer is tried again sooner.
        if (!known || Date.now() - known.at > (known.error ? LOOK_AGAIN / 10 : LOOK_AGAIN)) {
          known = { at: Date.now(), ...(await look(home, name)) }
          seen.set(key, known)
        }
        return { name, connection, columns: known.columns, error: known.error }
      }),
    )
}

/** Who runs an agent may let it reach whatever its machine does. */
const OWN = { folders: '/', local: true }

async function look(home: Home, name: string): Promise<Pick<contract.AgentSource, 'columns' | 'error'>> {
  const { connection } = home.source(name)!
  try {
    const table = tableConnector(connection.kind)
    if (table) return { columns: (await table.look(connection as Database)).columns.slice(0, 1600), error: null }
    await fileConnector(connection.kind)?.list({ ...connection, bounds: OWN })
    return { columns: null, error: null }
  } catch (error) {
    if (error instanceof SourceDown) return { columns: null, error: error.diagnosis.text.slice(0, 500) }
    throw error
  }
}
