declare module 'autocannon' {
  type Result = { '2xx': number; non2xx: number; errors: number; duration: number; latency: { p99: number } }
  type Request = { path: string; method?: string; headers?: Record<string, string>; body?: string }
  export default function autocannon(options: {
    url: string
    connections: number
    duration: number
    headers?: Record<string, string>
    setupClient?: (client: { setRequests(requests: Request[]): void }) => void
  }): Promise<Result>
}
