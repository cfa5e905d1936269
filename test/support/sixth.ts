import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import * as regulation from '../../contract/regulation.ts'
import { aWorld } from './world.ts'

/** A made-up county that none of the shipped files knows: its law is this text, brought in through the interface. */
export const sixthText = readFileSync(new URL('./sixth-place.yaml', import.meta.url), 'utf8')
export const sixthRegion = '431199'

/** The county with its authority, its board, two departments, and a department of another place. */
export async function sixthPlace(t: Pick<TestContext, 'after'>, more: { day?: string; settings?: Record<string, string> } = {}) {
  const world = await aWorld(t, { day: more.day ?? '2026-05-21', ...(more.settings && { settings: more.settings }) })
  await world.department({ region: '350100', name: '平台运维中心' })
  const admin = await world.person({ department: '平台运维中心', roles: ['system_admin'] })
  const region = sixthRegion
  await admin.ok(regulation.addRegion, { body: { code: region, name: '第六县', level: 'county', parent: '431100' } })
  /** Brings a text in and adopts it for the county from a day, as an administrator does. */
  const adopt = async (text: string, from: string) => {
    const { id } = await admin.ok(regulation.importRegulation, { body: { text } })
    await admin.ok(regulation.adoptImport, { params: { id }, body: { region, from, document: '县政府常务会议纪要' } })
  }
  await adopt(sixthText, '2026-01-05')
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
