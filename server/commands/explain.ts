/** What the terminal shows when a command fails: our own refusals in plain words, programming errors with their trace. */
export function explain(error: unknown): string {
  const e = error as Error & { code?: string; address?: string; port?: number; severity?: string; detail?: string; errors?: Error[] }
  if (e.errors?.length && !e.message) return explain(e.errors[0])
  if (e.code && e.code in connection) return `${connection[e.code]}（${e.address ? `${e.address}:${e.port}` : e.message}）`
  if (e.code === 'MODULE_NOT_FOUND' || e.code === 'ERR_MODULE_NOT_FOUND' || e.severity || e.name !== 'Error') {
    return [e.stack ?? e.message ?? String(error), e.detail].filter(Boolean).join('\n')
  }
  return e.cause ? `${e.message}\n${(e.cause as Error).stack ?? ''}` : e.message
}

const connection: Record<string, string> = {
  ECONNREFUSED: '连不上数据库：对方没有接受连接，请核对 HUITONG_DATABASE_URL',
  ENOTFOUND: '连不上数据库：没有这个主机名，请核对 HUITONG_DATABASE_URL',
  ETIMEDOUT: '连不上数据库：没有回应，请核对网络与 HUITONG_DATABASE_URL',
  '28P01': '数据库不接受这个用户名或口令，请核对 HUITONG_DATABASE_URL',
  '28000': '数据库不接受这个用户，请核对 HUITONG_DATABASE_URL',
  '3D000': '没有这个数据库，请先建立，或核对 HUITONG_DATABASE_URL',
}
