import { type Control, Field } from '../ui/Field.tsx'
import type { Form } from '../ui/form.ts'
import type { Asked } from './contract.ts'

export type Departments = { id: string; name: string }[]

/** The fields of a procedure as the regulation asks for them, in our own elements. */
export function Fields({ form, of, departments = [] }: { form: Form<any>; of: Asked[]; departments?: Departments }) {
  return of.map(field => <One key={field.name} form={form} of={field} departments={departments} />)
}

const limits: Record<string, number> = { text: 200, longtext: 4000 }

function One({ form, of, departments }: { form: Form<any>; of: Asked; departments: Departments }) {
  const at = `/form/${of.name}`
  const common = { form, at, label: of.label, required: of.required, ...(hint(of) && { hint: hint(of) }) }
  const options = of.kind === 'department' ? departments.map(d => ({ value: d.id, label: d.name })) : of.options
  if (of.kind === 'confirm')
    return (
      <Field {...common} label="确认" group>
        {({ id, value, onChange }) => (
          <label className="tick" htmlFor={id}>
            <input id={id} type="checkbox" checked={!!value} onChange={event => onChange(event.target.checked)} />
            {of.label}
          </label>
        )}
      </Field>
    )
  if (options && options.length <= 6 && of.kind === 'choice')
    return (
      <Field {...common} group>
        {({ id, labelledby, value, onChange }) => (
          <fieldset id={id} aria-labelledby={labelledby} className="picks" tabIndex={-1}>
            {options.map(option => (
              <label key={option.value}>
                <input type="radio" name={id} checked={value === option.value} onChange={() => onChange(option.value)} />
                {option.label}
              </label>
            ))}
          </fieldset>
        )}
      </Field>
    )
  return (
    <Field {...common}>
      {({ labelledby: _, value, onChange, ...control }: Control & { labelledby: string }) => {
        if (options)
          return (
            <select {...control} value={value ?? ''} onChange={event => onChange(event.target.value || undefined)}>
              <option value="">请选择</option>
              {options.map(option => (
                <option key={option.value} value={option.value}>
                  {option.label}
                </option>
              ))}
            </select>
          )
        if (of.kind === 'longtext' || of.kind === 'list')
          return (
            <textarea
              {...control}
              rows={4}
              maxLength={limits.longtext}
              value={Array.isArray(value) ? value.join('\n') : (value ?? '')}
              onChange={event => onChange(of.kind === 'list' ? event.target.value.split('\n') : event.target.value)}
            />
          )
        return (
          <input
            {...control}
            type={of.kind === 'day' ? 'date' : of.kind === 'number' ? 'number' : 'text'}
            maxLength={limits.text}
            value={value ?? ''}
            onChange={event => onChange(of.kind === 'number' ? event.target.valueAsNumber : event.target.value)}
          />
        )
      }}
    </Field>
  )
}

function hint(of: Asked): string | null {
  if (of.kind === 'list') return '每行写一条'
  if ((of.kind === 'text' || of.kind === 'longtext') && of.min > 1) return `至少 ${of.min} 个字`
  return null
}

/** Only what was filled in is sent. */
export const filled = (form: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(form).filter(
      ([, value]) => value !== undefined && value !== '' && value !== false && !(Array.isArray(value) && !value.some(Boolean)),
    ),
  )
