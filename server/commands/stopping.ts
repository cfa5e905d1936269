/**
 * Resolves when somebody asks us to stop. npm and the terminal may both pass on one Ctrl-C, so a second signal counts
 * only when it comes a second later; then we leave at once (what we leave behind, the next start clears away).
 */
export function untilAsked(): Promise<undefined> {
  return new Promise(done => {
    let since = 0
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (since && Date.now() - since > 1000) process.exit(130)
        since ||= Date.now()
        done(undefined)
      })
    }
    // A killed npm tells nobody; without this the server would keep port and data directory.
    const parent = process.ppid
    if (process.env.npm_lifecycle_event) setInterval(() => process.ppid !== parent && done(undefined), 500).unref()
  })
}

/** Waits for a promise, but not longer than this; false when it took too long. */
export async function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  const late = Promise.withResolvers<false>()
  const timer = setTimeout(() => late.resolve(false), milliseconds)
  try {
    return await Promise.race([work.then(() => true), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
