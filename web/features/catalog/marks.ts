/** The classes of opening in the terms of the mark: ○ open, ◐ conditional, ● closed. */
export const openMark = { open: 'unconditional', conditional: 'conditional', closed: 'denied' } as const
