import { useCallback, useRef, useState } from 'react'
import type { Fault } from '../../contract/common.ts'
import { problemOf } from '../app/api.ts'

/** Reads and writes by JSON pointer, the way the server names what is wrong. */
export function at(value: unknown, pointer: string): any {
  let here = value as any
  for (const key of pointer.split('/').slice(1)) here = here?.[key.replaceAll('~1', '/').replaceAll('~0', '~')]
  return here
}

export function put<T>(value: T, pointer: string, part: unknown): T {
  const [, key, ...rest] = pointer.split('/')
  if (key === undefined) return part as T
  const copy: any = Array.isArray(value) ? [...value] : { ...(value as object) }
  copy[key] = rest.length ? put(copy[key] ?? (/^\d+$/.test(rest[0]!) ? [] : {}), `/${rest.join('/')}`, part) : part
  return copy
}

const blank = (value: unknown) =>
  value === undefined ||
  value === null ||
  (typeof value === 'string' && value.trim() === '') ||
  (Array.isArray(value) && value.length === 0)

export type Form<T extends object> = ReturnType<typeof useForm<T>>

/**
 * The state of one form. What is missing is found here at submit; everything else is judged by the server, whose messages land on
 * their fields by pointer. Nothing typed is lost when it refuses.
 */
export function useForm<T extends object>(initial: T) {
  const [value, setValue] = useState(initial)
  const [faults, setFaults] = useState<Fault[]>([])
  const [problem, setProblem] = useState<unknown>(null)
  const [touched, setTouched] = useState(false)
  // Counts the submits that were stopped, so that the summary takes the focus each time.
  const [announce, setAnnounce] = useState(0)
  const labels = useRef(new Map<string, { label: string; required: boolean }>())
  const prefix = useRef(`f${Math.random().toString(36).slice(2, 7)}`).current

  const set = useCallback((pointer: string, part: unknown) => {
    setTouched(true)
    setValue(current => put(current, pointer, part))
    setFaults(current => current.filter(fault => fault.pointer !== pointer))
  }, [])

  const missing = () =>
    [...labels.current].flatMap(([pointer, { label, required }]): Fault[] =>
      required && blank(at(value, pointer)) ? [{ pointer, code: 'missing', message: `${label}没有填` }] : [],
    )

  return {
    value,
    set,
    reset: (next: T) => {
      setValue(next)
      setTouched(false)
      setFaults([])
      setProblem(null)
    },
    touched,
    faults,
    problem,
    announce,
    idOf: (pointer: string) => `${prefix}${pointer.replaceAll('/', '-')}`,
    labelOf: (pointer: string) => labels.current.get(pointer)?.label,
    register: (pointer: string, label: string, required: boolean) => {
      labels.current.set(pointer, { label, required })
      return () => void labels.current.delete(pointer)
    },
    /** On leaving a field. */
    check: (pointer: string) => {
      const fault = missing().find(one => one.pointer === pointer)
      setFaults(current => [...current.filter(one => one.pointer !== pointer), ...(fault ? [fault] : [])])
    },
    /** True when nothing required is missing; else the summary is shown and takes focus. */
    complete: () => {
      const found = missing()
      setFaults(found)
      setProblem(null)
      if (found.length) setAnnounce(count => count + 1)
      return found.length === 0
    },
    refused: (error: unknown) => {
      const document = problemOf(error)
      setFaults((document.errors ?? []).map(fault => ({ ...fault, pointer: fault.pointer.replace(/^\/body(?=\/)/, '') })))
      setProblem(error)
      setAnnounce(count => count + 1)
    },
  }
}
