/** A text with the places marked that the server found; never markup, so that what stands in a title stays text. */
export function Marked({ text, at }: { text: string; at: readonly (readonly [number, number])[] }) {
  if (!at.length) return text
  const pieces = at.flatMap(([from, to], n) => [text.slice(at[n - 1]?.[1] ?? 0, from), text.slice(from, to)])
  // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text, never moved
  return [...pieces, text.slice(at.at(-1)![1])].map((piece, n) => (n % 2 ? <mark key={n}>{piece}</mark> : piece))
}
