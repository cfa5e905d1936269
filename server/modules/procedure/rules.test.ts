import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fields as core, type FieldSpec, type Form } from '../../../contract/procedure.ts'
import { govern, law, type Procedure, platformFields } from '../regulation/public.ts'
import { type Act, actionRule, actionsOf, demands, holds, judge, type Parties, type Rulebook } from './rules.ts'

const cite = govern('350100', 'secrecy', '2026-09-24').cite
const party = (name: string) => ({ departmentId: name, department: name, label: name })
const doer = (name: string, n = 1) => ({ personId: `${name}${n}`, departmentId: name, roles: ['steward', 'bureau', 'leader'] as const })
const specs = { ...core, ...platformFields() } as Record<string, FieldSpec>
const book = (procedure: Procedure, own: object = {}): Rulebook => ({
  procedure,
  base: cite,
  fields: { ...specs, ...own } as Record<string, FieldSpec>,
  gate: () => 'block',
})

/** A value that satisfies a field. */
const value = (name: string, spec: FieldSpec): unknown => {
  if (name === 'corrections') return [{ field: '用途', message: '请写具体' }]
  if (name === 'treatments') return [{ key: 'c1', treatment: 'plain' }]
  if (name === 'items') return ['c1']
  if (spec.kind === 'basis') return { kind: 'law', instrument: '某法', article: '第一条' }
  if (spec.kind === 'choice') return spec.options?.[0]?.[0] ?? 'any'
  if (spec.kind === 'confirm') return true
  if (spec.kind === 'day') return '2027-01-04'
  if (spec.kind === 'number') return Math.max(1, spec.min)
  if (spec.kind === 'list') return Array.from({ length: Math.max(1, spec.min) }, (_, i) => `第 ${i + 1} 行`)
  if (['department', 'entry', 'file', 'system'].includes(spec.kind)) return '01890000-0000-7000-8000-000000000001'
  return '写得足够长的一段说明，超过二十个字，用来满足最短长度的要求。'
}
/** A form that satisfies everything any procedure of the book asks for. A fee is never asked for, only refused. */
const fullFor = (b: Rulebook): Form =>
  Object.fromEntries(Object.entries(b.fields).flatMap(([name, spec]) => (name === 'fee' ? [] : [[name, value(name, spec)]]))) as Form
const full: Form = fullFor(book(law().regulations.get('platform')!.procedures['open-review']!))

const all: [string, string, Rulebook][] = [...law().regulations.values()].flatMap(r =>
  Object.entries(r.procedures).map(([name, p]): [string, string, Rulebook] => [r.id, name, book(p, r.fields)]),
)

/** Plays one act; who acts is drawn by the test. */
function play(
  b: Rulebook,
  parties: Parties,
  state: string,
  history: Act[],
  action: string,
  who: ReturnType<typeof doer>,
  form: Form,
  facts = {},
) {
  const verdict = judge(b, { state, ended: !!b.procedure.ends[state], parties, form: { items: ['c1'] }, facts }, history, action, who, form)
  if (!verdict.ok) return { verdict, state, history }
  const to = verdict.to ?? state
  return { verdict, state: to, history: [...history, { action, role: verdict.roles.join(','), personId: who.personId, from: state, to }] }
}

for (const [regulation, name, b] of all) {
  const p = b.procedure
  const roles = [
    ...new Set(
      Object.values(p.steps).flatMap(s =>
        actionsOf(s)
          .flatMap(a => actionRule(s, a, cite)!.by.roles)
          .concat(s.by.roles),
      ),
    ),
  ]
  const parties: Parties = Object.fromEntries([...roles, 'applicant', 'provider'].map(r => [r, party(r)]))
  const everything = fullFor(b)

  test(`${regulation} ${name}: no walk leaves the steps, acts out of turn, or ends up without an owner`, () => {
    const actions = [...new Set(Object.values(p.steps).flatMap(actionsOf))]
    const move = fc.record({
      action: fc.constantFrom(...actions, 'invented'),
      who: fc.constantFrom(...Object.keys(parties), 'stranger'),
      person: fc.integer({ min: 1, max: 2 }),
      overdue: fc.boolean(),
      empty: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(move, { maxLength: 30 }), moves => {
        let state = p.start
        let history: Act[] = [{ action: 'start', role: 'applicant', personId: 'applicant1', from: null, to: p.start }]
        for (const m of moves) {
          const step = p.steps[state]
          const rule = step ? actionRule(step, m.action, cite) : null
          const next = play(b, parties, state, history, m.action, doer(m.who, m.person), m.empty ? {} : everything, {
            overdue: m.overdue,
            extended: 0,
          })
          if (next.verdict.ok) {
            assert.ok(rule, 'an act that the step does not offer')
            assert.ok(rule.by.roles.includes(m.who), 'somebody outside the step acted')
            assert.ok(next.state === state || next.state === rule.to, 'a step was skipped')
            assert.ok(holds(rule.when, { items: ['c1'], overdue: m.overdue, extended: 0 }), 'an act before its time')
            if (m.empty) assert.deepEqual(demands(b, rule, {}, { overdue: m.overdue }).block, [], 'an act without what it must state')
          } else {
            assert.ok(next.verdict.reason && next.verdict.detail && next.verdict.cite)
            assert.equal(next.state, state)
          }
          ;({ state, history } = next)
          if (p.ends[state])
            assert.equal(
              judge(b, { state, ended: true, parties, form: {}, facts: {} }, history, m.action, doer(m.who), everything).ok,
              false,
            )
          else
            assert.ok(
              p.steps[state]!.by.roles.length > 0 && (p.steps[state]!.stops || p.steps[state]!.within || p.steps[state]!.duties),
              'a state without owner or duty',
            )
          // What happened says where the case is: nothing else is needed to know it.
          assert.equal(history.at(-1)!.to, state)
          assert.ok(history.every((e, i) => i === 0 || e.from === history[i - 1]!.to))
        }
      }),
      { numRuns: 100 },
    )
  })
}

const of = (id: string, name: string) => book(law().regulations.get(id)!.procedures[name]!)
const henan = of('henan-2020', 'sharing-application')
const shuangpai = of('shuangpai-2022', 'sharing-application')
const review = of('platform', 'open-review')
const parties: Parties = Object.fromEntries(['authority', 'parent-authority', 'provider', 'applicant'].map(r => [r, party(r)]))
const start = (b: Rulebook): Act[] => [{ action: 'start', role: 'applicant', personId: 'applicant1', from: null, to: b.procedure.start }]
const code = (p: Rulebook, state: string, history: Act[], action: string, who: ReturnType<typeof doer>, form: Form = full) => {
  const v = judge(p, { state, ended: false, parties, form: { items: ['c1'] }, facts: {} }, history, action, who, form)
  return v.ok ? 'ok' : v.reason
}

test('a refusal needs a reason and a basis; both are asked for at once', () => {
  const v = judge(henan, { state: 'decision', ended: false, parties, form: {}, facts: {} }, start(henan), 'refuse', doer('provider'), {})
  assert.ok(!v.ok)
  assert.deepEqual(
    v.errors!.map(e => [e.pointer, e.code]),
    [
      ['/form/reason', 'reason-required'],
      ['/form/basis', 'basis-required'],
    ],
  )
})
test('only the provider answers', () => {
  assert.equal(code(henan, 'decision', start(henan), 'approve', doer('authority')), 'not-competent')
  assert.equal(code(henan, 'decision', start(henan), 'approve', doer('provider')), 'ok')
})
test('centre and provider must both speak; a decision before that, or by the centre, is refused', () => {
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
  const proposed: Act[] = [{ action: 'start', role: 'applicant', personId: 'provider1', from: null, to: review.procedure.start }]
  assert.equal(code(review, 'secrecy', proposed, 'clear', doer('provider', 1)), 'conflict-of-interest')
  assert.equal(code(review, 'secrecy', proposed, 'clear', doer('provider', 2)), 'ok')
})
test('nobody gives an item that was not asked for', () => {
  assert.equal(
    code(henan, 'decision', start(henan), 'approve', doer('provider'), { ...full, treatments: [{ key: 'c9', treatment: 'plain' }] }),
    'field-not-granted',
  )
})
