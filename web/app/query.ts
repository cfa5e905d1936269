import { keepPreviousData, QueryClient, queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Endpoint, Reply } from '../../contract/endpoint.ts'
import { call, type Input, newKey, Offline } from './api.ts'

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      retry: (count, error) => error instanceof Offline && count < 1,
      refetchOnWindowFocus: false,
      placeholderData: keepPreviousData,
    },
  },
})

/** A read of an endpoint, cached under its path and what it was asked. */
export const reading = <E extends Endpoint>(endpoint: E, input?: Input<E>) =>
  queryOptions<Reply<E>>({
    queryKey: [endpoint.path, (input as any)?.params ?? null, (input as any)?.query ?? null],
    queryFn: ({ signal }) => (call as any)(endpoint, { ...input, signal }),
  })

export const useRead = <E extends Endpoint>(
  endpoint: E,
  input?: Input<E>,
  options: { enabled?: boolean; refetchInterval?: number | false } = {},
) => useQuery({ ...reading(endpoint, input), ...options })

/**
 * A change. The idempotency key stays the same until the server has answered, so pressing the button again after a lost reply does not act twice.
 * Afterwards everything on the page is read again: a decision moves lists, counts and clocks that the page cannot know of.
 */
export function useAct<E extends Endpoint>(endpoint: E, onDone?: (reply: Reply<E>) => void) {
  const client = useQueryClient()
  return useMutation<Reply<E>, Error, Input<E>>({
    mutationFn: async input => {
      const key = (pending.get(endpoint) ?? newKey()) as string
      pending.set(endpoint, key)
      try {
        const reply = await (call as any)(endpoint, { ...input, key })
        pending.delete(endpoint)
        return reply
      } catch (error) {
        if (!(error instanceof Offline)) pending.delete(endpoint)
        throw error
      }
    },
    onSuccess: async reply => {
      onDone?.(reply)
      await client.invalidateQueries()
    },
  })
}
const pending = new WeakMap<Endpoint, string>()
