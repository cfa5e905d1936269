import { notFound } from '../../platform/problem.ts'
import { govern, regionOf } from '../regulation/public.ts'

const choices = (values: Record<string, string>) => Object.entries(values).map(([key, label]) => ({ key, label }))

/** What the registration form of a place asks for; the page draws it, the check at submission decides. */
export function entryForm(region: string, day: string) {
  if (!regionOf(region)) notFound('region', '地区')
  const origin = govern(region, 'catalog-origin', day)
  const forms = govern(region, 'catalog-forms', day)
  const kinds = govern(region, 'catalog-kinds', day)
  const collection = govern(region, 'collection-basis', day)
  const one = govern(region, 'one-source', day)
  const criteria = govern(region, 'open-criteria', day)
  const exclusions = govern(region, 'open-exclusions', day)
  return {
    acquisition: Object.keys(origin.value.values).length ? { options: choices(origin.value.values), cite: origin.cite } : null,
    dataForm: forms.value.values.length ? { options: forms.value.values.map(v => ({ key: v, label: v })), cite: forms.cite } : null,
    kinds: {
      options: choices(kinds.value.values),
      required: kinds.value.required,
      lead: govern(region, 'catalog-lead', day).value.kinds,
      cite: kinds.cite,
    },
    collection: { of: collection.value.of, fields: collection.value.fields, cite: collection.cite },
    duty: govern(region, 'entry-duty', day).value.required,
    joint: govern(region, 'joint-collection', day).value.agreement,
    exception: one.value.bars && one.value.exception === 'law' ? { cite: one.cite } : null,
    criteria: criteria.value.required.length
      ? { of: criteria.value.required, options: choices(criteria.value.criteria), cite: criteria.cite }
      : null,
    exclusions: {
      required: exclusions.value.required,
      cite: exclusions.cite,
      grounds: exclusions.value.grounds.map(g => ({
        key: g.key,
        label: g.label,
        secret: !!g.secret,
        evidence: g.evidence.map(e => ({
          key: e.key,
          label: e.label,
          kind: e.kind ?? 'longtext',
          options: e.options ? choices(e.options) : null,
        })),
      })),
    },
  }
}
