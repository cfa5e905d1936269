import type { Cite, Fault } from '../../../contract/common.ts'
import { audiences } from '../../../contract/opening.ts'
import type { Topics } from '../regulation/public.ts'

/** What is said with a proposal about how the data were examined and treated. */
export type OpenRecords = {
  risk?: { risks: string; measures: string; conclusion: 'acceptable' | 'unacceptable' } | undefined
  preprocessing: { step: string; operator: string; on: string; note: string }[]
  desensitization?: { method: string; reviewer: string; result: string } | undefined
}
export type Proposed = { audience: (keyof typeof audiences)[]; useRequirements: string; records: OpenRecords }
type Ruling<K extends keyof Topics> = { value: Topics[K]; cite: Cite }
export type RecordRules = {
  [K in
    | 'open-audience'
    | 'open-providers'
    | 'open-scope'
    | 'open-format'
    | 'open-desensitize'
    | 'open-risk'
    | 'open-preprocess'
    | 'open-use']: Ruling<K>
}
export type Candidate = {
  department: string
  departmentKind: string
  kindLabel: string
  byReference: boolean
  shared: boolean
  formatClass: number | undefined
  formatType: string
  /** Names of items to be opened that hold privacy or trade secrets. */
  sensitive: string[]
}
/** A fault that is platform policy stands under a key, so that a region may switch it to remind. */
export type GateFault = Fault & { gate?: string }

/** Everything a place asks for with a proposal beside the entry itself. Pure; said all at once. */
export function judgeRecords(c: Candidate, p: Proposed, rules: RecordRules): GateFault[] {
  const faults: GateFault[] = []
  const fault = (pointer: string, code: string, message: string, cite: Cite, remedy?: string, gate?: string) =>
    faults.push({ pointer, code, message, cite, ...(remedy && { remedy }), ...(gate && { gate }) })

  const kinds = rules['open-providers'].value.kinds
  if (kinds.length && !kinds.includes(c.departmentKind) && !c.byReference)
    fault(
      '',
      'not-a-data-provider',
      `${c.department}是${c.kindLabel}，不能作为公共数据的提供单位。`,
      rules['open-providers'].cite,
      '由掌握数据的政务部门或事业单位提出。',
    )
  if (c.shared && !rules['open-scope'].value.shared)
    fault(
      '',
      'shared-data-not-openable',
      '这些数据是共享得来的，不列入本部门的开放清单。',
      rules['open-scope'].cite,
      '由原提供部门决定是否开放。',
    )
  if (!p.audience.some(a => a !== 'departments'))
    fault(
      '/audience',
      'audience-invalid',
      `开放的对象是${audiences.citizens}、${audiences['legal-persons']}和${audiences['other-organisations']}；只给政务部门使用的不是开放。`,
      rules['open-audience'].cite,
      '请在目录里选择共享类型，由需要的部门通过共享取用。',
    )
  const format = rules['open-format']
  const readable =
    c.formatClass === undefined ||
    format.value.classes.includes(c.formatClass) ||
    format.value.types.some(t => t.toLowerCase() === c.formatType.trim().toLowerCase())
  if (!readable)
    fault(
      '/formatClass',
      'not-machine-readable',
      `目录登记的格式${c.formatType ? `「${c.formatType}」` : ''}不能被机器读取，不能作为开放数据。`,
      format.cite,
      '请转换成电子表格、数据库、CSV 或 JSON 等格式，并变更目录。',
    )

  const { desensitization, risk, preprocessing } = p.records
  const treat = rules['open-desensitize']
  if (c.sensitive.length && treat.value.record && !desensitization)
    fault(
      '/records/desensitization',
      'desensitization-required',
      `「${c.sensitive.join('」「')}」含个人隐私或商业秘密，还没有脱敏脱密的记录。`,
      treat.cite,
      '请写明脱敏的方法、审核人和结果。',
    )
  const assess = rules['open-risk']
  if (assess.value.record && !risk)
    fault('/records/risk', 'risk-assessment-required', '没有开放前的安全风险评估。', assess.cite, '请写明风险、措施和结论。')
  else if (risk?.conclusion === 'unacceptable')
    fault('/records/risk', 'risk-assessment-required', '风险评估的结论是不宜开放。', assess.cite, '采取措施后重新评估。')
  const process = rules['open-preprocess']
  if (process.value.required && !preprocessing.length)
    fault(
      '/records/preprocessing',
      'preprocessing-missing',
      `没有预处理的记录：${process.value.steps.join('、')}中做了哪些、由谁在何时做的。`,
      process.cite,
      '请逐项写明步骤、操作人和日期。',
    )
  for (const [i, s] of preprocessing.entries())
    if (process.value.required && !process.value.steps.includes(s.step))
      fault(
        `/records/preprocessing/${i}/step`,
        'preprocessing-missing',
        `没有“${s.step}”这种步骤，可选 ${process.value.steps.join('、')}。`,
        process.cite,
      )
  const use = rules['open-use']
  if (use.value.required && p.useRequirements.length < 4)
    fault(
      '/useRequirements',
      'use-requirements-missing',
      '没有写明获取、使用和传播数据的要求。',
      use.cite,
      '请写明使用要求；没有特别要求的也要写明。',
      'use-requirements',
    )
  return faults
}
