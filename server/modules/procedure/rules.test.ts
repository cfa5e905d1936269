import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Form } from '../../../contract/procedure.ts'
import { govern, law, type Procedure } from '../regulation/public.ts'
import { type Act, actionRule, judge, type Parties } from './rules.ts'

const cite = govern('350100', 'secrecy', '2026-09-24').cite
const party = (name: string) => ({ departmentId: name, department: name, label: name })
const doer = (name: string, n = 1) => ({ personId: `${name}${n}`, departmentId: name, roles: ['steward', 'bureau', 'leader'] as const })
/** A form that satisfies everything any procedure asks for. */
const full: Form = {
  reason: '理由写得足够长，超过十个字',
  basis: { kind: 'law', instrument: '某法', article: '第一条' },
  opinion: 'agree',
  note: '说明',
  corrections: [{ field: '用途', message: '请写具体' }],
  treatments: [{ key: 'c1', treatment: 'plain' }],
  until: '2027-01-01',
  agreement: '协议一号',
  accept: true,
  secrecyResult: 'clear',
  purpose: '核对资格',
  scope: '本县',
  scenario: '窗口核验',
  dataName: '名单',
  items: ['c1'],
  method: 'api',
  duty: '某办法第三条',
}

const all: [string, string, Procedure][] = [...law().regulations.values()].flatMap(r =>
  Object.entries(r.procedures).map(([name, p]): [string, string, Procedure] => [r.id, name, p]),
)

/** Plays one act; who acts is drawn by the test. */
function play(p: Procedure, parties: Parties, state: string, history: Act[], action: string, who: ReturnType<typeof doer>, form: Form) {
  const verdict = judge(p, cite, { state, ended: !!p.ends[state], parties, form: { items: ['c1'] } }, history, action, who, form)
  if (!verdict.ok) return { verdict, state, history }
  const to = verdict.to ?? state
  return { verdict, state: to, history: [...history, { action, role: verdict.roles.join(','), personId: who.personId, from: state, to }] }
}

for (const [regulation, name, p] of all) {
  const roles = [
    ...new Set(
      Object.values(p.steps).flatMap(s => [
        ...s.by.roles,
        ...Object.values(s.actions).flatMap(a => (a as { by?: { roles: string[] } }).by?.roles ?? []),
      ]),
    ),
  ]
  const parties: Parties = Object.fromEntries([...roles, 'applicant', 'provider'].map(r => [r, party(r)]))

  test(`${regulation} ${name}: no walk leaves the steps, acts out of turn, or ends up without an owner`, () => {
    const actions = [...new Set(Object.values(p.steps).flatMap(s => Object.keys(s.actions)))]
    const move = fc.record({
      action: fc.constantFrom(...actions, 'invented'),
      who: fc.constantFrom(...Object.keys(parties), 'stranger'),
      person: fc.integer({ min: 1, max: 2 }),
    })
    fc.assert(
      fc.property(fc.array(move, { maxLength: 30 }), moves => {
        let state = p.start
        let history: Act[] = [{ action: 'start', role: 'applicant', personId: 'applicant1', from: null, to: p.start }]
        for (const m of moves) {
          const step = p.steps[state]
          const rule = step ? actionRule(step, m.action, cite) : null
          const next = play(p, parties, state, history, m.action, doer(m.who, m.person), full)
          if (next.verdict.ok) {
            assert.ok(rule, 'an act that the step does not offer')
            assert.ok(rule.by.roles.includes(m.who), 'somebody outside the step acted')
            assert.ok(next.state === state || next.state === rule.to, 'a step was skipped')
          } else {
            assert.ok(next.verdict.reason && next.verdict.detail && next.verdict.cite)
            assert.equal(next.state, state)
          }
          ;({ state, history } = next)
          if (p.ends[state])
            assert.equal(judge(p, cite, { state, ended: true, parties, form: {} }, history, m.action, doer(m.who), full).ok, false)
          else
            assert.ok(
              p.steps[state]!.by.roles.length > 0 && (p.steps[state]!.stops || p.steps[state]!.within || p.steps[state]!.duties),
              'a state without owner or duty',
            )
        }
      }),
      { numRuns: 150 },
    )
  })
}

const henan = law().regulations.get('henan-2020')!.procedures['sharing-application']!
const shuangpai = law().regulations.get('shuangpai-2022')!.procedures['sharing-application']!
const review = law().regulations.get('platform')!.procedures['open-review']!
const parties: Parties = Object.fromEntries(['authority', 'parent-authority', 'provider', 'applicant'].map(r => [r, party(r)]))
const start = (p: Procedure): Act[] => [{ action: 'start', role: 'applicant', personId: 'applicant1', from: null, to: p.start }]
const code = (p: Procedure, state: string, history: Act[], action: string, who: ReturnType<typeof doer>, form: Form = full) => {
  const v = judge(p, cite, { state, ended: false, parties, form: { items: ['c1'] } }, history, action, who, form)
  return v.ok ? 'ok' : v.reason
}

test('[henan-16-3d] a refusal needs a reason and a basis; both are asked for at once', () => {
  const v = judge(henan, cite, { state: 'decision', ended: false, parties, form: {} }, start(henan), 'refuse', doer('provider'), {})
  assert.ok(!v.ok)
  assert.deepEqual(
    v.errors!.map(e => [e.pointer, e.code]),
    [
      ['/form/reason', 'reason-required'],
      ['/form/basis', 'basis-required'],
    ],
  )
})
test('[henan-16-3b] only the provider answers', () => {
  assert.equal(code(henan, 'decision', start(henan), 'approve', doer('authority')), 'not-competent')
  assert.equal(code(henan, 'decision', start(henan), 'approve', doer('provider')), 'ok')
})
test('[shuangpai-24-2] centre and provider must both speak; a decision before that, or by the centre, is refused', () => {
  let history = start(shuangpai)
  const one = play(shuangpai, parties, 'opinion', history, 'advise', doer('authority'), full)
  assert.equal(one.state, 'opinion')
  history = one.history
  assert.equal(code(shuangpai, 'opinion', history, 'advise', doer('authority')), 'step-skipped')
  assert.equal(code(shuangpai, 'opinion', history, 'approve', doer('parent-authority')), 'step-skipped')
  const two = play(shuangpai, parties, 'opinion', history, 'advise', doer('provider'), full)
  assert.equal(two.state, 'decision')
  assert.equal(code(shuangpai, 'decision', two.history, 'approve', doer('authority')), 'not-competent')
  assert.equal(code(shuangpai, 'decision', two.history, 'approve', doer('parent-authority')), 'ok')
})
test('a secrecy review is not made by the person who proposed', () => {
  const proposed: Act[] = [{ action: 'start', role: 'applicant', personId: 'provider1', from: null, to: review.start }]
  assert.equal(code(review, 'secrecy', proposed, 'clear', doer('provider', 1)), 'conflict-of-interest')
  assert.equal(code(review, 'secrecy', proposed, 'clear', doer('provider', 2)), 'ok')
})
test('[fuzhou-manage-17-1c] nobody gives an item that was not asked for', () => {
  assert.equal(
    code(henan, 'decision', start(henan), 'approve', doer('provider'), { ...full, treatments: [{ key: 'c9', treatment: 'plain' }] }),
    'field-not-granted',
  )
})
