import type { ReactNode } from 'react'
import { problemOf } from '../app/api.ts'
import { moment } from './format.ts'
import { citeWords, Why } from './Why.tsx'

/** What, why with the article, what to do: the one way a refusal or failure is shown on a page. */
export function ProblemNote({
  error,
  retry,
  since,
  children,
}: {
  error: unknown
  retry?: () => void
  since?: number
  children?: ReactNode
}) {
  const problem = problemOf(error)
  return (
    <div className="ht-note red" role="alert">
      <p>
        <b>{problem.detail}</b>
        {problem.cite && (
          <span className="ht-nowrap">
            （{citeWords(problem.cite)}）
            <Why cite={problem.cite} />
          </span>
        )}
      </p>
      {problem.remedy && <p>{problem.remedy}</p>}
      {since ? <p>已显示 {moment(new Date(since).toISOString()).slice(11)} 的内容。</p> : null}
      {children}
      {retry && (
        <p>
          <button type="button" className="ht-link" onClick={retry}>
            重试
          </button>
        </p>
      )}
      <p className="ht-meta">
        {problem.code}
        {problem.requestId && ` · ${problem.requestId}`}
      </p>
    </div>
  )
}

/** Bones of the same shape, drawn only when the wait is felt (200 ms, see base.css). */
export function Bones({ lines = 6, label = '正在读取' }: { lines?: number; label?: string }) {
  return (
    <div className="ht-bones" role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, line) => line).map(line => (
        <i key={line} />
      ))}
    </div>
  )
}

export function Nothing({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className="ht-state">
      <p>{children}</p>
      {action && <div>{action}</div>}
    </div>
  )
}

type Load<T> = { data: T | undefined; error: unknown; isPending: boolean; refetch: () => void; dataUpdatedAt: number }

/** A page or part that needs one reply: bones, then the thing; a failed refetch keeps the old content and says so. */
export function Loaded<T>({ load, lines, children }: { load: Load<T>; lines?: number; children: (data: T) => ReactNode }) {
  if (load.data === undefined) return load.error ? <ProblemNote error={load.error} retry={() => load.refetch()} /> : <Bones lines={lines} />
  return (
    <>
      {load.error ? <ProblemNote error={load.error} retry={() => load.refetch()} since={load.dataUpdatedAt} /> : null}
      {children(load.data)}
    </>
  )
}
