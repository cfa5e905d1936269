import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as contract from '../../../contract/procedure.ts'
import * as regulation from '../../../contract/regulation.ts'
import { aWorld, type Person } from '../../../test/support/world.ts'

async function aCity(t: Parameters<typeof aWorld>[0]) {
  const world = await aWorld(t, { day: '2026-12-14' })
  await world.department({ region: '350100', name: '市大数据委', roles: ['authority'] })
  const assessedUnit = await world.department({ region: '350100', name: '市民政局' })
  const authority = await world.person({ department: '市大数据委', roles: ['bureau'] })
  const unit = await world.person({ department: '市民政局', roles: ['steward', 'leader'] })
  const plan = { year: '2026', assessedUnit, planSteps: '总结、评价、通知', planMethod: '检查', planRequirements: '如实报送材料' }
  const start = (who: Person, procedure: string, form: object, after?: string) =>
    who.call(contract.startCase, { body: { procedure, form, ...(after && { after }) } })
  const act = async (who: Person, no: string, action: string, form: object = {}) => {
    const { version } = await authority.ok(contract.caseByNo, { params: { no } })
    return who.call(contract.act, { params: { no, action }, body: { version, form } })
  }
  const summary = { workSummary: '全年登记目录十二条，汇聚十条。', evidenceList: ['目录清单', '批次记录'] }
  const toNotice = async (grade: string) => {
    const { no } = (await start(authority, 'annual-assessment', plan)).body
    assert.equal((await act(unit, no, 'submit', summary)).status, 200)
    assert.equal((await act(authority, no, 'score', { score: 58, grade, checkMethod: '比照印证资料' })).status, 200)
    return no
  }
  return { world, authority, unit, plan, start, act, summary, toNotice }
}
const said = (a: { problem: { reason?: string; cite?: { article: string } } }) => [a.problem.reason, a.problem.cite?.article]

test('[fuzhou-assess-5-1] the authority opens the year with a plan of steps, method and requirements', async t => {
  const { authority, unit, plan, start } = await aCity(t)
  assert.deepEqual(said(await start(unit, 'annual-assessment', plan)), ['not-competent', '第五条'])
  const { planMethod: _, ...without } = plan
  const bare = await start(authority, 'annual-assessment', without)
  assert.deepEqual([bare.problem.errors![0]!.pointer, ...said(bare)], ['/form/planMethod', 'field-missing', '第十六条第一项'])
  assert.equal((await start(authority, 'annual-assessment', plan)).status, 200)
})

test('summary, self-score with reasons, and a comment on what deviates from it', async t => {
  const { authority, unit, plan, start, act, summary } = await aCity(t)
  const { no } = (await start(authority, 'annual-assessment', plan)).body
  assert.equal((await act(authority, no, 'score', { score: 80, grade: 'good', checkMethod: '检查记录' })).problem.reason, 'step-skipped')
  assert.equal((await act(unit, no, 'submit', { evidenceList: ['目录清单'] })).problem.reason, 'summary-missing')
  assert.deepEqual(said(await act(unit, no, 'submit', { ...summary, selfScore: 95 })), ['score-reason-required', '第十六条第三项'])
  assert.equal((await act(unit, no, 'submit', { ...summary, selfScore: 95, selfReason: '各项指标都已完成，材料齐全。' })).status, 200)
  const score = { score: 80, grade: 'good', checkMethod: '检查并比照印证资料' }
  assert.equal((await act(authority, no, 'score', score)).problem.reason, 'deviation-comment-required')
  assert.equal((await act(authority, no, 'score', { ...score, deviationComment: '两条目录没有汇聚' })).status, 200)
})

test('[fuzhou-assess-21-1] the result is signed for; a qualified unit files its self-examination before it is closed', async t => {
  const { world, unit, act, toNotice } = await aCity(t)
  const no = await toNotice('qualified')
  assert.deepEqual(said(await act(unit, no, 'sign-mid')), ['opinion-missing', '第十六条第五项'])
  assert.equal((await act(unit, no, 'sign-low', { signed: 'agree' })).status, 409)
  assert.equal((await act(unit, no, 'sign-mid', { signed: 'agree' })).body.stateLabel, '自查改进')
  world.at('2027-01-05')
  await world.job('duties.remind')
  assert.ok((await unit.ok(contract.notices)).rows.some(n => n.kind === 'reminder' && n.text.includes('自查改进')))
  assert.deepEqual(said(await act(unit, no, 'report', { selfExam: '两条目录没有汇聚', measures: '年内补齐' })), [
    'report-missing',
    '第二十一条',
  ])
  assert.equal(
    (await act(unit, no, 'report', { selfExam: '两条目录没有汇聚', measures: '年内补齐', examReport: '已形成自查报告，存档备查。' })).body
      .ended,
    true,
  )
})

test('[fuzhou-assess-17-1] [fuzhou-assess-22-1] only a failed grade can be reviewed; criticism waits for the end of the set time', async t => {
  const { world, authority, unit, act, start, toNotice } = await aCity(t)
  const fine = await toNotice('qualified')
  await act(unit, fine, 'sign-mid', { signed: 'agree' })
  const appeal = { reason: '评分没有计入十二月的汇聚', evidenceList: ['十二月批次记录'] }
  assert.deepEqual(said(await start(unit, 'assessment-appeal', appeal, fine)), ['review-not-available', '第十七条'])
  const failed = await toNotice('failed')
  await act(unit, failed, 'sign-low', { signed: 'disagree', note: '申请复核' })
  const review = await start(unit, 'assessment-appeal', appeal, failed)
  assert.equal(review.status, 200, JSON.stringify(review.problem))
  assert.equal(
    (await act(unit, review.body.no, 'change', { reason: '自己改变自己的等次结果', grade: 'good' })).problem.reason,
    'not-competent',
  )
  assert.equal((await act(authority, review.body.no, 'uphold', { reason: '十二月的批次没有通过检查' })).body.ended, true)
  const order = (await start(authority, 'assessment-rectification', { deadline: '2026-12-31' }, failed)).body
  assert.deepEqual(said(await act(authority, order.no, 'report-up', { reason: '提前报请通报批评试试' })), ['ladder-order', '第二十二条'])
  world.at('2027-01-08')
  assert.equal((await act(authority, order.no, 'report-up', { reason: '期限届满仍未整改，报请通报批评' })).body.stateLabel, '已报市政府')
})

test('the five areas and their indicators, and the four grades, are data with their articles', async t => {
  const { unit } = await aCity(t)
  const areas = await unit.ok(regulation.rule, { params: { code: '350100', topic: 'assessment-areas' } })
  const value = areas.value as { areas: { label: string; cite: string; indicators: string[] }[] }
  assert.deepEqual(
    value.areas.map(a => a.label),
    ['组织管理', '基础保障', '数据共享', '数据开放', '数据利用'],
  )
  assert.deepEqual(value.areas[0]!.indicators, ['组织领导', '工作机制', '宣传培训', '安全管理', '资金保障'])
  assert.deepEqual([areas.cite.article, value.areas[4]!.cite], ['第七条', '第十二条'])
  const grades = await unit.ok(regulation.rule, { params: { code: '350100', topic: 'assessment-grades' } })
  assert.deepEqual(Object.values((grades.value as { grades: object }).grades), ['优秀', '良好', '合格', '不合格'])
})
