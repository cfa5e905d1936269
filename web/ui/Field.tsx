import { type ReactNode, useEffect, useRef } from 'react'
import type { Fault } from '../../contract/common.ts'
import { problemOf } from '../app/api.ts'
import type { Form } from './form.ts'
import { at } from './form.ts'
import { ProblemNote } from './states.tsx'
import { citeWords, Why } from './Why.tsx'

export type Control = {
  id: string
  value: any
  onChange: (value: any) => void
  onBlur: () => void
  'aria-describedby'?: string
  'aria-invalid'?: true
  'aria-required'?: true
}

/** Label above, help under the label, the error under the control. `group`: several boxes under one label (radio, check boxes). */
export function Field({
  form,
  at: pointer,
  label,
  required = false,
  hint,
  why,
  group = false,
  children,
}: {
  form: Form<any>
  at: string
  label: string
  required?: boolean
  hint?: ReactNode
  why?: ReactNode
  group?: boolean
  children: (control: Control & { labelledby: string }) => ReactNode
}) {
  const id = form.idOf(pointer)
  const faults = form.faults.filter(fault => fault.pointer === pointer)
  // biome-ignore lint/correctness/useExhaustiveDependencies: `register` is stable, the form object is not
  useEffect(() => form.register(pointer, label, required), [pointer, label, required])
  const describedby = [hint && `${id}-hint`, faults.length && `${id}-error`].filter(Boolean).join(' ') || undefined
  const title = (
    <>
      {label}
      {required && <span className="must">必填</span>}
    </>
  )
  return (
    <div className={`field${faults.length ? ' wrong' : ''}`}>
      <div className="field-label">
        {group ? <span id={`${id}-label`}>{title}</span> : <label htmlFor={id}>{title}</label>}
        {why}
      </div>
      {hint && (
        <div className="field-hint" id={`${id}-hint`}>
          {hint}
        </div>
      )}
      {children({
        id,
        labelledby: `${id}-label`,
        value: at(form.value, pointer),
        onChange: value => form.set(pointer, value),
        onBlur: () => form.check(pointer),
        ...(describedby && { 'aria-describedby': describedby }),
        ...(faults.length > 0 && { 'aria-invalid': true as const }),
        ...(required && { 'aria-required': true as const }),
      })}
      {faults.length > 0 && (
        <div className="field-error" id={`${id}-error`}>
          {faults.map(fault => (
            <FaultWords key={fault.code + fault.message} fault={fault} />
          ))}
        </div>
      )}
    </div>
  )
}

export function FaultWords({ fault }: { fault: Fault }) {
  return (
    <p>
      {fault.message}
      {fault.cite && (
        <span className="ht-nowrap">
          （{citeWords(fault.cite)}）
          <Why cite={fault.cite} />
        </span>
      )}
      {fault.remedy && ` ${fault.remedy}`}
    </p>
  )
}

/** 「还差 3 处」 with links that go to the fields; takes the focus when it appears. */
export function Summary({
  form,
  elsewhere,
}: {
  form: Form<any> /** A link to a field that is on another step. */
  elsewhere?: (pointer: string) => ReactNode
}) {
  const box = useRef<HTMLDivElement>(null)
  const { faults, problem } = form
  const shown = faults.length > 0 || Boolean(problem)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new refusal is announced even when the last one is still shown
  useEffect(() => {
    if (shown && form.announce) box.current?.focus()
  }, [problem, form.announce])
  if (!shown) return null
  // Everything that was wrong has been changed since: nothing to say until the next try.
  if (!faults.length && problemOf(problem).errors?.length) return null
  if (!faults.length)
    return (
      <div ref={box} tabIndex={-1}>
        {problem ? <ProblemNote error={problem} /> : null}
      </div>
    )
  return (
    <div className="ht-note red summary" ref={box} tabIndex={-1} role="alert">
      <p>
        <b>还差 {faults.length} 处</b>
      </p>
      <ul>
        {faults.map(fault => {
          const label = form.labelOf(fault.pointer)
          return (
            <li key={fault.pointer + fault.code + fault.message}>
              {label ? (
                <a
                  href={`#${form.idOf(fault.pointer)}`}
                  onClick={event => {
                    event.preventDefault()
                    const target = document.getElementById(form.idOf(fault.pointer))
                    ;(target?.matches('input,textarea,select,button,[tabindex]')
                      ? target
                      : target?.querySelector<HTMLElement>('input,textarea,select,button,[tabindex]')
                    )?.focus()
                    target?.scrollIntoView({ block: 'center' })
                  }}
                >
                  {label}
                </a>
              ) : (
                elsewhere?.(fault.pointer)
              )}
              <FaultWords fault={fault} />
            </li>
          )
        })}
      </ul>
    </div>
  )
}
