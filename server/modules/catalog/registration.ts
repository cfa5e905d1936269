import type { EntryContent } from '../../../contract/catalog.ts'
import type { Cite } from '../../../contract/common.ts'
import type { Topics } from '../regulation/public.ts'

type Ruling<K extends keyof Topics> = { value: Topics[K]; cite: Cite }
export const registrationTopics = [
  'catalog-fields',
  'share-marking',
  'catalog-origin',
  'catalog-forms',
  'catalog-kinds',
  'catalog-lead',
  'catalog-guide',
  'collection-basis',
  'entry-duty',
  'joint-collection',
] as const
export type RegistrationRules = { [K in (typeof registrationTopics)[number]]: Ruling<K> }
/** The compilation guide in force: elements it demands beside those the regulation names. */
export type Guide = { version: number; title: string; required: string[]; cite: Cite }
type Fault = { section: 'basic' | 'items'; pointer: string; code: string; message: string; cite: Cite; remedy?: string; wrong: boolean }

const personal = new Set(['id-number', 'person-name', 'mobile', 'phone', 'bank-card', 'address', 'email'])
const collection = {
  collectionBasis: { label: '采集依据', remedy: '写明依据哪部法律、法规或职责采集。' },
  collectionScope: { label: '采集边界和范围', remedy: '写明向谁采集、采集哪些内容、到什么程度为止。' },
  collectionPurpose: { label: '收集目的', remedy: '写明为履行哪项法定职责或公共服务收集。' },
} as const
export const holdsPersons = (c: EntryContent): boolean => c.items.some(i => (i.semantic && personal.has(i.semantic)) || i.sensitive)

/** What a place asks to know about where data come from, in which form, of which kind and on what basis. Pure. */
export function checkRegistration(c: EntryContent, rules: RegistrationRules): Fault[] {
  const faults: Fault[] = []
  const add = (pointer: string, code: string, message: string, cite: Cite, remedy?: string) =>
    faults.push({ section: 'basic', pointer, code, message, cite, ...(remedy && { remedy }), wrong: false })

  const origin = rules['catalog-origin']
  const ways = Object.values(origin.value.values).join('、')
  if (ways && !c.acquisition) add('/acquisition', 'origin-required', '缺“数据来源”。', origin.cite, `请选择：${ways}。`)
  else if (ways && !origin.value.values[c.acquisition!])
    add('/acquisition', 'origin-required', `这里没有“${c.acquisition}”这种数据来源，可选 ${ways}。`, origin.cite)

  const forms = rules['catalog-forms']
  if (forms.value.values.length && !forms.value.values.includes(c.dataForm ?? ''))
    add('/dataForm', 'catalog-field-missing', '缺“数据形式”。', forms.cite, `请选择：${forms.value.values.join('、')}。`)

  const kinds = rules['catalog-kinds']
  if (kinds.value.required && !c.kind)
    add('/kind', 'catalog-field-missing', '缺“目录种类”。', kinds.cite, `请选择：${Object.values(kinds.value.values).join('、')}。`)

  const lead = rules['catalog-lead']
  if (c.kind && lead.value.kinds.includes(c.kind)) {
    const what = kinds.value.values[`${c.kind}`] ?? ''
    if (!c.leadDepartment)
      add('/leadDepartment', 'lead-department-required', `${what}要写明牵头部门。`, lead.cite, '写明由哪个部门牵头编制。')
    if (!c.coDepartments.length)
      add('/coDepartments', 'lead-department-required', `${what}要写明会同编制的部门。`, lead.cite, '写明哪些部门会同编制。')
  }

  const basis = rules['collection-basis']
  if (basis.value.of === 'all' || (basis.value.of === 'personal' && holdsPersons(c)))
    for (const field of basis.value.fields)
      if (!c[field])
        add(
          `/${field}`,
          'collection-basis-required',
          `${basis.value.of === 'personal' ? '含个人信息或商业秘密，' : ''}缺“${collection[field].label}”。`,
          basis.cite,
          collection[field].remedy,
        )
  return faults
}
