/**
 * ○ unconditional, ◐ conditional, ● with a lock: denied. The word beside it is the regulation's (不予 or 暂不, 普遍 or 无条件),
 * so the caller passes it; the same marks serve the classes of opening.
 */
export function ShareClass({ value, label }: { value: 'unconditional' | 'conditional' | 'denied' | string; label: React.ReactNode }) {
  return (
    <span className="ht-class">
      <svg viewBox="0 0 16 16" width="14" height="14" fill="none" strokeWidth="1.6" aria-hidden="true">
        <circle cx="8" cy="8" r="6.4" className={value === 'denied' ? 'full' : undefined} />
        {value === 'conditional' && <path className="full" d="M8 1.6a6.4 6.4 0 0 0 0 12.8z" />}
        {value === 'denied' && (
          <>
            <path className="shackle" strokeWidth="1.3" d="M6 7.6V6.2a2 2 0 0 1 4 0v1.4" />
            <rect className="lock" x="5" y="7.4" width="6" height="4.4" rx=".8" />
          </>
        )}
      </svg>
      {label}
    </span>
  )
}
