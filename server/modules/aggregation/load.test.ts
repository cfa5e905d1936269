import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { aWorld } from '../../../test/support/world.ts'
import type { StaffContext } from '../../platform/context.ts'
import { systemContext } from '../../platform/context.ts'
import { newId } from '../../platform/id.ts'
import { importFile, loadUpload } from './public.ts'
import { runBatch } from './run.ts'

/** An entry with a text key, an amount and a name, and files brought into it one after another. */
async function aTable(t: TestContext, keys = ['c1']) {
  const world = await aWorld(t)
  const departmentId = await world.department({ region: '350125', name: '永泰县民政局' })
  const { username } = await world.person({ department: '永泰县民政局', roles: ['steward'] })
  const { services } = world.app
  const { pool } = services
  const { rows } = await pool.query(`select id from organization.person where username = $1`, [username])
  const actor = {
    personId: rows[0].id,
    username,
    name: '李四',
    departmentId,
    department: '永泰县民政局',
    region: '350125',
    departmentRoles: [],
    roles: ['steward' as const],
  }
  const ctx = () => systemContext(services, actor) as unknown as StaffContext
  const folder = await mkdtemp(join(tmpdir(), 'huitong-load-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const items = [
    { key: 'c1', name: '编号', type: 'C', length: 8, identifier: true, required: true },
    { key: 'c2', name: '金额', type: 'Y', length: 8 },
    { key: 'c3', name: '名称', type: 'C', length: 50 },
  ].map(i => ({ description: '', identifier: false, required: false, ...i }))
  let serial = 0
  const file = (content: string) => {
    const path = join(folder, `${++serial}.csv`)
    writeFileSync(path, content)
    return path
  }
  const anEntry = async () => {
    const id = newId()
    await pool.query(
      `insert into catalog.entry (id, code, region, department_id, published, created_by) values ($1, $2, '350125', $3, 1, $1)`,
      [id, `307013350125001/${id.slice(-6)}`, departmentId],
    )
    await pool.query(
      `insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved) values ($1, 1, 'published', $2, 'x', 'x', now())`,
      [id, JSON.stringify({ title: '补助名单', items })],
    )
    let sourceId: string | undefined
    return {
      id,
      async deliver(content: string) {
        const path = file(content)
        const done = sourceId
          ? await loadUpload(ctx(), sourceId, path)
          : await importFile(ctx(), { entryId: id, path, keys, threshold: 1, options: { headerRow: 1 } })
        sourceId = done.sourceId
        const { rows } = await pool.query('select * from aggregation.batch where id = $1', [done.batchId])
        return rows[0]
      },
      async change(set: string) {
        await pool.query(`update aggregation.source set ${set} where id = $1`, [sourceId])
      },
      /** What somebody decides about a batch that waits. */
      async release(batchId: string) {
        await pool.query('delete from aggregation.reject where batch_id = $1', [batchId])
        await pool.query(`update aggregation.batch set state = 'queued', released = true where id = $1`, [batchId])
        await runBatch(ctx(), batchId)
        const { rows } = await pool.query('select * from aggregation.batch where id = $1', [batchId])
        return rows[0]
      },
      async rows(): Promise<string[]> {
        const { rows: mount } = await pool.query('select relation, rows from aggregation.mount where entry_id = $1', [id])
        if (!mount[0]) return []
        const { rows } = await pool.query(`select concat_ws('|', _key, c2::text, c3) as row from ${mount[0].relation} order by 1`)
        assert.equal(mount[0].rows, rows.length)
        return rows.map(r => r.row)
      },
      async history(): Promise<string[]> {
        const { rows } = await pool.query(
          `select concat_ws('|', _key, c2::text, c3) as row from pool.h_${id.replaceAll('-', '').slice(-16)} order by _replaced, 1`,
        )
        return rows.map(r => r.row)
      },
      async rejects(batchId: string): Promise<[number, string][]> {
        const { rows } = await pool.query('select line, rule from aggregation.reject where batch_id = $1 order by line, id', [batchId])
        return rows.map(r => [r.line, r.rule])
      },
    }
  }
  return { anEntry, pool, services }
}
const head = '编号,金额,名称\n'

type Line = { key: string; amount: string; name: string; broken: boolean }
/** What the pool has to hold after a delivery, worked out the simple way. */
function expected(pool: Map<string, string>, lines: Line[]) {
  const seen = new Set<string>()
  const counts = { accepted: 0, unchanged: 0, rejected: 0 }
  const next = new Map(pool)
  for (const { key, amount, name, broken } of lines) {
    const value = Number(amount.replace('元', ''))
    const id = key.trim()
    if (broken || !id || Number.isNaN(value) || seen.has(id)) {
      counts.rejected++
      continue
    }
    seen.add(id)
    const row = [id, ...(amount ? [value.toFixed(2)] : []), ...(name ? [name] : [])].join('|')
    if (pool.get(id) === row) counts.unchanged++
    else counts.accepted++
    next.set(id, row)
  }
  return { next, counts }
}

test('whatever is delivered in whatever order, the pool holds the last good form of each key and every row is counted once', async t => {
  const { anEntry } = await aTable(t)
  const line = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', ' a', 'b '),
    amount: fc.constantFrom('1.00', '2.50', '2.50', '3.00元', '', 'x'),
    name: fc.constantFrom('甲', '乙', '丙"丁', '一,二', ''),
    broken: fc.constantFrom(false, false, false, false, true),
  })
  const text = (l: Line) =>
    l.broken ? `${l.key},多,出,一列` : [l.key, l.amount, /[",]/.test(l.name) ? `"${l.name.replaceAll('"', '""')}"` : l.name].join(',')
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(line, { minLength: 1, maxLength: 7 }), { minLength: 1, maxLength: 4 }), async deliveries => {
      const entry = await anEntry()
      let pool = new Map<string, string>()
      for (const lines of deliveries) {
        const { next, counts } = expected(pool, lines)
        const batch = await entry.deliver(head + lines.map(l => `${text(l)}\n`).join(''))
        assert.equal(batch.state, 'done', JSON.stringify(batch.messages))
        assert.deepEqual({ accepted: batch.accepted, unchanged: batch.unchanged, rejected: batch.rejected }, counts, JSON.stringify(lines))
        pool = next
        assert.deepEqual(await entry.rows(), [...pool.values()].sort())
      }
    }),
    { numRuns: 12 },
  )
})

test('whichever deliveries wait and whenever they are released, in the end the pool holds what it would have held in the order they came', async t => {
  const { anEntry } = await aTable(t)
  const lines = fc.array(
    fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', ' a'),
      amount: fc.constantFrom('1.00', '2.50', '3.00元'),
      name: fc.constantFrom('甲', '乙'),
      broken: fc.constant(false),
    }),
    { minLength: 1, maxLength: 4 },
  )
  const delivery = fc.record({ lines, waits: fc.boolean(), turn: fc.nat(9) })
  await fc.assert(
    fc.asyncProperty(fc.array(delivery, { minLength: 2, maxLength: 6 }), async deliveries => {
      const entry = await anEntry()
      await entry.deliver(`${head}a,1.00,甲\nb,1.00,甲\n`)
      await entry.change('threshold = 0')
      let pool = new Map([
        ['a', 'a|1.00|甲'],
        ['b', 'b|1.00|甲'],
      ])
      const waiting: { id: string; turn: number }[] = []
      for (const { lines, waits, turn } of deliveries) {
        // A key may come twice, which is a reject and would make every delivery wait.
        const own = lines.filter((l, i) => lines.findIndex(o => o.key.trim() === l.key.trim()) === i)
        pool = expected(pool, own).next
        const batch = await entry.deliver(
          `${head}${own.map(l => `${l.key},${l.amount},${l.name}\n`).join('')}${waits ? 'x,多,出,一列\n' : ''}`,
        )
        assert.equal(batch.state, waits ? 'held' : 'done', JSON.stringify(batch.messages))
        if (waits) waiting.push({ id: batch.id, turn })
      }
      for (const { id } of waiting.sort((a, b) => a.turn - b.turn)) {
        const batch = await entry.release(id)
        assert.deepEqual(
          [batch.state, batch.rejected, batch.read],
          ['done', 1, batch.accepted + batch.unchanged + 1],
          JSON.stringify(batch.messages),
        )
      }
      assert.deepEqual(await entry.rows(), [...pool.values()].sort())
    }),
    { numRuns: 15 },
  )
})

test('a large file notes its keys while another one waits, and says what it left as it was', async t => {
  const { anEntry, pool } = await aTable(t)
  const entry = await anEntry()
  const rows = (name: string, n = 60_000) => Array.from({ length: n }, (_, i) => `k${i},${i % 900}.50,${name}${i}`).join('\n')
  await entry.deliver(`${head}${rows('甲')}\n`)
  await entry.change('threshold = 0')
  const held = await entry.deliver(`${head}${rows('乙', 60_002)}\nx,多,出,一列\n`)
  assert.equal(held.state, 'held')
  // The same file as the one that is loaded is read all the same: it speaks of every row.
  const same = await entry.deliver(`${head}${rows('甲')}\n`)
  assert.deepEqual([same.unchanged, same.messages], [60_000, []])
  assert.equal((await pool.query('select count(*)::int as n from aggregation.newest')).rows[0].n, 60_000)
  const late = await entry.release(held.id)
  assert.deepEqual([late.read, late.accepted, late.unchanged, late.rejected], [60_003, 2, 60_000, 1])
  assert.match(late.messages[0].text, /^60,000 行在同一来源后来的批次里已有更新的内容/)
  // The late file once more is a delivery of its own, and the newest.
  await entry.change('threshold = 1')
  const again = await entry.deliver(`${head}${rows('乙', 60_002)}\nx,多,出,一列\n`)
  assert.deepEqual([again.accepted, again.changed, again.unchanged], [60_000, 60_000, 2])
})

test('a large file is scanned in another thread; only rows that differ are read again, and a doubled key among many is found', async t => {
  const { anEntry } = await aTable(t)
  const entry = await anEntry()
  const rows = Array.from({ length: 160_000 }, (_, i) => `k${i},${i % 900}.50,樟城镇北门路第${i}号住户的说明文字`)
  const first = await entry.deliver(`${head}${rows.join('\n')}\n`)
  assert.deepEqual([first.state, first.read, first.accepted], ['done', 160_000, 160_000])
  const changed = rows.map((row, i) => (i % 50_000 === 7 ? row.replace('住户', '商户') : i === 99 ? row.replace('99.50', '坏') : row))
  const second = await entry.deliver(`${head}${changed.join('\n')}\n`)
  assert.deepEqual([second.accepted, second.changed, second.unchanged, second.rejected], [4, 4, 159_995, 1])
  assert.deepEqual(await entry.rejects(second.id), [[101, 'not-number']])
  const doubled = await entry.deliver(`${head}${changed.join('\n')}\nk5,1.00,又一行\n`)
  assert.deepEqual([doubled.accepted, doubled.unchanged, doubled.rejected], [0, 159_999, 2])
  assert.deepEqual((await entry.rejects(doubled.id)).at(-1), [160_002, 'duplicate-key'])
  const fresh = await anEntry()
  const both = await fresh.deliver(`${head}${rows.join('\n')}\nk5,1.00,又一行\nk6, 2.00,又一行\n`)
  assert.deepEqual([both.accepted, both.rejected], [160_000, 2])
  assert.deepEqual(await fresh.rejects(both.id), [
    [160_002, 'duplicate-key'],
    [160_003, 'duplicate-key'],
  ])
})

test('keys of two columns, quoted or not, are one key', async t => {
  const { anEntry } = await aTable(t, ['c1', 'c3'])
  const entry = await anEntry()
  const first = await entry.deliver(`${head}a,1.00,甲\na,2.00,"乙"\nb,1.00,甲\na,3.00,甲\n`)
  assert.deepEqual([first.accepted, first.rejected], [3, 1])
  const second = await entry.deliver(`${head}a,1.00,"甲"\na,5.00,乙\nb,1.00,甲\n`)
  assert.deepEqual([second.accepted, second.changed, second.unchanged], [1, 1, 2])
})

test('with removals followed, rows the source no longer holds move to the history; many at once wait for a decision', async t => {
  const { anEntry, pool } = await aTable(t)
  const entry = await anEntry()
  const rows = Array.from({ length: 20 }, (_, i) => `k${i},${i}.00,第${i}户`)
  await entry.deliver(`${head}${rows.join('\n')}\n`)
  const kept = await entry.deliver(`${head}${rows.slice(1).join('\n')}\n`)
  assert.deepEqual([kept.state, kept.unchanged, kept.removed], ['done', 19, 0])
  await entry.change(`deletes = 'follow'`)
  const one = await entry.deliver(`${head}${rows.slice(1).join('\n')}\nk21,1.00,新\n`)
  assert.deepEqual([one.state, one.accepted, one.unchanged, one.removed], ['done', 1, 19, 1])
  assert.equal((await entry.rows()).length, 20)
  assert.deepEqual(await entry.history(), ['k0|0.00|第0户'])
  // A row that is rejected is still there; one whose key cannot be read might be any.
  const rejected = await entry.deliver(`${head}${rows.slice(1).join('\n').replace('1.00,第1户', '坏,第1户')}\nk21,1.00,新\n`)
  assert.deepEqual([rejected.rejected, rejected.removed], [1, 0])
  const unreadable = await entry.deliver(`${head}${rows.slice(2).join('\n')}\nk21,1.00,新\nk1,多,出,一列\n`)
  assert.deepEqual([unreadable.rejected, unreadable.removed], [1, 0])
  const most = await entry.deliver(`${head}${rows.slice(10).join('\n')}\n`)
  assert.deepEqual([most.state, most.waiting, most.removed, most.messages[0].code], ['held', 10, 0, 'vanishing'])
  assert.equal((await entry.rows()).length, 20)
  // Rows of another source of the entry stay.
  await pool.query(`update pool.e_${entry.id.replaceAll('-', '').slice(-16)} set _batch = $1 where _key = 'k2'`, [newId()])
  const two = await entry.deliver(`${head}${rows.slice(3).join('\n')}\nk21,1.00,新\n`)
  assert.deepEqual([two.state, two.removed], ['done', 1])
  assert.equal((await entry.rows()).length, 19)
})
