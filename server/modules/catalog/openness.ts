import type { EntryContent } from '../../../contract/catalog.ts'
import type { Cite } from '../../../contract/common.ts'
import type { Topics } from '../regulation/public.ts'

type Ruling<K extends keyof Topics> = { value: Topics[K]; cite: Cite }
export type OpennessRules = {
  [K in 'open-types' | 'open-grade' | 'open-criteria' | 'open-conditions' | 'open-exclusions' | 'secrecy']: Ruling<K>
}
type Ground = Topics['open-exclusions']['grounds'][number]
export type OpennessFault = {
  section: 'open' | 'update'
  pointer: string
  code: string
  message: string
  cite: Cite
  remedy?: string
  wrong: boolean
}

export const groundCite = (rule: Ruling<'open-exclusions'>, g: Ground): Cite => ({
  ...rule.cite,
  article: g.cite ?? rule.cite.article,
  text: g.text ?? rule.cite.text,
})

/** What a ground lacks to stand: each missing or wrong statement, with the article of the ground. Pure. */
export function checkGround(rule: Ruling<'open-exclusions'>, ground: Ground, evidence: Record<string, string>): OpennessFault[] {
  return ground.evidence.flatMap((e): OpennessFault[] => {
    const value = evidence[e.key]?.trim() ?? ''
    const at = {
      section: 'open' as const,
      pointer: `/openExclusion/evidence/${e.key}`,
      code: 'ground-evidence-missing',
      cite: groundCite(rule, ground),
    }
    if (!value) return [{ ...at, message: `不开放的情形「${ground.label}」缺“${e.label}”。`, wrong: false }]
    if (e.options && !e.options[value])
      return [{ ...at, message: `“${e.label}”只能选：${Object.values(e.options).join('、')}。`, wrong: true }]
    if (e.kind === 'day' && !(/^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value))))
      return [{ ...at, message: `“${e.label}”要写成日期，如 2026-09-24。`, wrong: true }]
    return []
  })
}

/**
 * From grade to open type to what the type needs: a grade first, a criterion for conditional opening, conditions, and for what stays closed
 * a ground with its evidence. Hints propose the type that fits the grade. Pure.
 */
export function checkOpenness(c: EntryContent, rules: OpennessRules): { faults: OpennessFault[]; hints: OpennessFault[] } {
  const faults: OpennessFault[] = []
  const hints: OpennessFault[] = []
  const add = (pointer: string, code: string, message: string, cite: Cite, remedy?: string, wrong = false) =>
    faults.push({ section: pointer === '/grade' ? 'update' : 'open', pointer, code, message, cite, ...(remedy && { remedy }), wrong })
  const label = (key: string) => rules['open-types'].value.values[key] ?? key
  const type = c.openClass
  if (!type) return { faults, hints }

  const grade = rules['open-grade']
  if (grade.value.required && c.grade === undefined)
    add('/grade', 'grade-required', `定为${label(type)}之前要先定级。`, grade.cite, '按对组织和个人的影响选择一般数据 1 至 4 级。')
  const fits = c.grade === undefined ? undefined : grade.value.proposes[String(c.grade)]
  if (fits && fits !== type)
    hints.push({
      section: 'open',
      pointer: '/openClass',
      code: 'open-type-deviates',
      message: `第 ${c.grade} 级一般建议${label(fits)}，现在选的是${label(type)}，请核对。`,
      cite: grade.cite,
      wrong: false,
    })

  const criteria = rules['open-criteria']
  if ((criteria.value.required as string[]).includes(type) && !criteria.value.criteria[c.openCriterion ?? ''])
    add(
      '/openCriterion',
      'criterion-required',
      `选了${label(type)}，要写明符合哪一条标准：${Object.values(criteria.value.criteria).join('；')}。`,
      criteria.cite,
      `都不符合的，改为${label('open')}。`,
    )

  const conditions = rules['open-conditions']
  if ((conditions.value.required as string[]).includes(type) && !c.openConditions)
    add(
      '/openConditions',
      'conditions-required',
      `选了${label(type)}，需要写明开放条件。`,
      conditions.cite,
      '写明提供哪些部分、给谁、在什么条件下用。',
    )

  const exclusions = rules['open-exclusions']
  if (type === 'closed' && exclusions.value.required) {
    const ground = exclusions.value.grounds.find(g => g.key === c.openExclusion?.ground)
    if (!ground)
      add(
        '/openExclusion',
        'exclusion-ground-required',
        `选了${label(type)}，要写明属于哪一种情形：${exclusions.value.grounds.map(g => g.label).join('；')}。`,
        exclusions.cite,
        '都不属于的，应当开放。',
      )
    else if (ground.secret)
      add(
        '/openExclusion',
        'state-secret-barred',
        `属于${ground.label}的数据不得登记到平台。`,
        rules.secrecy.cite,
        '请放弃这份草稿；已经发布的目录发现涉密，请在开放关口按涉密处理。',
        true,
      )
    else faults.push(...checkGround(exclusions, ground, c.openExclusion?.evidence ?? {}))
  }
  return { faults, hints }
}
