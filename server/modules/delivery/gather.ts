/** Questions that may be under way at the same time: one for each processor PostgreSQL may use for them. */
const AT_ONCE = 2
const MOST = 500

/**
 * One question for many who ask at the same time. Who comes while none is under way is asked for at once; those who come meanwhile go
 * together in the next. All of a group share its answer, or its error.
 */
export function gather<T>(ask: (keys: string[]) => Promise<T>): (key: string) => Promise<T> {
  const waiting: { key: string; done: (answer: T) => void; fail: (error: unknown) => void }[] = []
  let under = 0
  let due = false
  const go = () => {
    due = false
    while (waiting.length && under < AT_ONCE) {
      const group = waiting.splice(0, MOST)
      under++
      void ask([...new Set(group.map(w => w.key))])
        .then(
          answer => {
            for (const w of group) w.done(answer)
          },
          error => {
            for (const w of group) w.fail(error)
          },
        )
        .finally(() => {
          under--
          go()
        })
    }
  }
  return key =>
    new Promise((done, fail) => {
      waiting.push({ key, done, fail })
      // After all that the network has brought in by now.
      if (!due) setImmediate(go)
      due = true
    })
}
