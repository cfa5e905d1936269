const two = (n: number) => String(n).padStart(2, '0')

/**
 * A time as a file writes it (`D:20260924083000+08'00'`, `2026-09-24T00:30:00Z`, `2026-09-24`) in Beijing's time, `2026-09-24 08:30:00`;
 * without a zone it stays as written. Undefined when it is none.
 */
export function asBeijing(written: string): string | undefined {
  const m = written
    .trim()
    .match(/^(?:D:)?(\d{4})-?(\d\d)-?(\d\d)(?:[T ]?(\d\d):?(\d\d)(?::?(\d\d)(?:\.\d+)?)?)?\s*(?:(Z)|([+-])(\d\d)'?:?(\d\d)?'?)?/)
  if (!m) return undefined
  const [, y, mo, d, h = '00', mi = '00', s = '00', z, sign, zh = '0', zm = '0'] = m as (string | undefined)[]
  const plain = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s))
  const date = new Date(plain)
  if (date.getUTCFullYear() !== Number(y) || date.getUTCMonth() !== Number(mo) - 1 || date.getUTCDate() !== Number(d)) return undefined
  const offset = sign ? (sign === '-' ? -1 : 1) * (Number(zh) * 60 + Number(zm)) : z ? 0 : 480
  const at = new Date(plain + (480 - offset) * 60_000)
  return `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`
}
