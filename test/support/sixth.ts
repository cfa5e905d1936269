import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { aWorld } from './world.ts'

/** A made-up county that none of the shipped files knows: its law is this text, brought in through the interface. */
export const sixthText = readFileSync(new URL('./sixth-place.yaml', import.meta.url), 'utf8')
export const sixthRegion = '990101'

/** The county with its authority, its board, two departments, and a department of another place. */
export async function sixthPlace(t: Pick<TestContext, 'after'>, more: { day?: string; settings?: Record<string, string> } = {}) {
  const world = await aWorld(t, { day: more.day ?? '2026-05-21', ...(more.settings && { settings: more.settings }) })
  await world.department({ region: '350100', name: '平台运维中心' })
  const admin = await world.person({ department: '平台运维中心', roles: ['system_admin'] })
  const region = sixthRegion
  const adopt = async (text: string) => {
    const { reloadLaw } = await import('../../server/modules/regulation/state.ts')
    const { readRegulation } = await import('../../server/modules/regulation/load.ts')
    const { law, knownEffects } = await import('../../server/modules/regulation/public.ts')
    const read = readRegulation('sixth-2026', text, law().regulations.get('platform') as never, knownEffects)
    const pool = world.app.services.pool
    await pool.query(`insert into regulation.region values ($1, '第六县', 'county', null, now(), 'test') on conflict do nothing`, [region])
    await pool.query(
      `insert into regulation.import values (gen_random_uuid(), 'sixth-2026', $1, 't', $2, 'adopted', clock_timestamp(), 'x', '', clock_timestamp(), 'x', '')`,
      [read.version, text],
    )
    await pool.query(`insert into regulation.version (version, regulation, content) values ($1, 'sixth-2026', $2) on conflict do nothing`, [
      read.version,
      JSON.stringify(read),
    ])
    await pool.query(`update regulation.adoption set ended_on = '2020-01-01' where region = $1`, [region])
    await pool.query(
      `insert into regulation.adoption (id, kind, region, regulation, version, from_day, document, recorded, recorded_by) values (gen_random_uuid(), 'adoption', $1, 'sixth-2026', $2, '2026-01-05', 'd', clock_timestamp(), 'x')`,
      [region, read.version],
    )
    await reloadLaw(world.app.services.db)
  }
  await adopt(sixthText)
  await world.department({ region, name: '县数据局', roles: ['authority'] })
  await world.department({ region, name: '县数据委员会', roles: ['board'] })
  await world.department({ region, name: '民政局' })
  const department = await world.department({ region, name: '教育局' })
  const stranger = await world.department({ region: '350125', name: '外县局' })
  return {
    world,
    region,
    admin,
    adopt,
    department,
    stranger,
    authority: await world.person({ department: '县数据局', roles: ['bureau'] }),
    board: await world.person({ department: '县数据委员会', roles: ['bureau'] }),
    clerk: await world.person({ department: '民政局', roles: ['steward'] }),
    other: await world.person({ department: '教育局', roles: ['steward'] }),
  }
}
