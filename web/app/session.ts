import { useQuery } from '@tanstack/react-query'
import type { Reply } from '../../contract/endpoint.ts'
import { session as me } from '../../contract/organization.ts'
import { ApiProblem, call, setCsrf } from './api.ts'

export type Session = Reply<typeof me>

export const sessionQuery = {
  queryKey: ['session'],
  queryFn: async (): Promise<Session | null> => {
    try {
      const found = await call(me)
      setCsrf(found.csrf)
      return found
    } catch (error) {
      if (error instanceof ApiProblem && error.document.status === 401) return null
      throw error
    }
  },
  staleTime: 5 * 60_000,
}

/** Inside the frame there always is a session. */
export function useSession(): Session {
  return useQuery(sessionQuery).data!
}
