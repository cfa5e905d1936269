const edges = /^[\s\u3000\u00a0\ufeff]+|[\s\u3000\u00a0\ufeff]+$/g

/** Without the blanks people leave at the edges, the full-width and non-breaking ones included. */
export const trimmed = (text: string): string => text.replace(edges, '')
