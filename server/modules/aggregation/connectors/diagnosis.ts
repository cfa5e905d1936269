import { refuse } from '../../../platform/problem.ts'
import { type Diagnosis, SourceDown } from './types.ts'

/** What the network says about a host that cannot be reached; undefined when the trouble is another. `what`: 来源数据库, SFTP 服务器 … */
export function unreached(error: unknown, what: string, host: string, at: string): Diagnosis | undefined {
  const e = error as { code?: string; message?: string }
  switch (e.code) {
    case 'ECONNREFUSED':
      return { code: 'refused', text: `连不上${what} ${at}（拒绝连接）。`, remedy: '请确认服务已启动、端口正确，并允许本机访问。' }
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { code: 'unknown-host', text: `找不到主机 ${host}。`, remedy: '请核对主机名，或改填 IP 地址。' }
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return { code: 'unreachable', text: `到不了 ${at}（网络不通）。`, remedy: '请检查网络与防火墙。' }
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return { code: 'timeout', text: `连接 ${at} 超时。`, remedy: '请检查网络与防火墙。' }
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return { code: 'lost', text: `${what} ${at} 断开了连接。`, remedy: '恢复后重试。' }
  }
  return undefined
}

/** A source that does not answer, as a refusal with what to do. */
export function unreachable(error: unknown): never {
  if (error instanceof SourceDown)
    refuse(`aggregation.source_${error.diagnosis.code.replaceAll('-', '_')}`, {
      status: 502,
      detail: error.diagnosis.text,
      remedy: error.diagnosis.remedy,
    })
  throw error
}
