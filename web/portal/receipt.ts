const key = (no: string) => `receipt ${no}`

/** The code of a filing, for this window only: never in an address, never on disk. */
export function keepCode(no: string, code: string) {
  try {
    sessionStorage.setItem(key(no), code)
  } catch {
    // A browser that keeps nothing asks again.
  }
}

export function keptCode(no: string): string {
  try {
    return sessionStorage.getItem(key(no)) ?? ''
  } catch {
    return ''
  }
}
