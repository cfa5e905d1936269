import { useQuery } from '@tanstack/react-query'
import type { Endpoint, Reply } from '../../contract/endpoint.ts'
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

/** Whether the contract lets this person call an endpoint at all; what may be done with one thing now is in that thing's reply. */
export function useMay(endpoint: Endpoint): boolean {
  const { roles } = useSession()
  const { access } = endpoint
  return typeof access === 'string' ? access !== 'grant' : roles.some(({ role }) => access.includes(role))
}
