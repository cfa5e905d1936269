/** Three drops of water (氵) become one stream that passes a gate. */
export function WordMark({ box = 28, name = true }: { box?: number; name?: boolean }) {
  return (
    <span className="ht-wordmark">
      <svg viewBox="0 0 32 32" width={box} height={box} fill="none" strokeLinecap="round" aria-hidden="true">
        <rect className="gate" x="17.5" y="10.5" width="7" height="11" rx=".6" strokeWidth="2.2" />
        <path className="stream" d="M3 6c7 0 7 10 14 10M3 16h26M3 26c7 0 7-10 14-10" strokeWidth="2.6" />
      </svg>
      {name && <b>汇通</b>}
    </span>
  )
}
