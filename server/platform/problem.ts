import type { Cite, Problem as Document, Fault } from '../../contract/common.ts'

type Details = {
  status?: number
  title?: string
  detail?: string
  reason?: string
  cite?: Cite
  remedy?: string
  errors?: Fault[]
  headers?: Record<string, string>
  /** Code of RFC 6749 §5.2, by which clients of OAuth know an error. */
  error?: string
}

/** An error people can act on. `http.ts` turns it into RFC 9457; nothing else builds error replies. */
export class Problem extends Error {
  readonly code: string
  readonly status: number
  readonly details: Details

  constructor(code: string, details: Details) {
    super(details.detail ?? code)
    this.code = code
    this.status = details.status ?? 422
    this.details = details
  }

  document(requestId?: string): Document {
    const { title, detail, reason, cite, remedy, errors, error } = this.details
    return {
      type: `/help/errors#${this.code}`,
      title: title ?? titles[this.status] ?? '请求没有完成',
      status: this.status,
      detail: detail ?? title ?? '请求没有完成。',
      code: this.code,
      ...(reason && { reason }),
      ...(cite && { cite }),
      ...(remedy && { remedy }),
      ...(errors?.length && { errors }),
      ...(requestId && { requestId }),
      ...(error && { error }),
    }
  }
}

const titles: Record<number, string> = {
  400: '请求格式不对',
  401: '需要登录',
  403: '没有权限',
  404: '没有找到',
  409: '情况已经变化',
  413: '内容太大',
  422: '内容需要修改',
  429: '请求太频繁',
  500: '系统出错',
  503: '暂时不能办理',
}

/** Refuse with a code and, where one applies, reason, article and what to do next. Default status 422. */
export function refuse(code: string, details: Details = {}): never {
  throw new Problem(code, details)
}

/** For `await find() ?? notFound('catalog.entry', '目录')`. */
export function notFound(code: string, what = '记录'): never {
  throw new Problem(`${code}_not_found`, {
    status: 404,
    detail: `没有找到这条${what}，可能已被移走，或不在你可以看到的范围内。`,
    remedy: '请返回列表核对。',
  })
}

/** Collects everything wrong with a request, so that it is told once (one single notice). */
export class Faults {
  readonly list: Fault[] = []
  add(pointer: string, code: string, message: string, more: { cite?: Cite; remedy?: string } = {}): void {
    this.list.push({ pointer, code, message, ...more })
  }
  /** Throws one Problem naming all faults; the first gives the reason and the article. */
  throwIfAny(code: string, detail?: string): void {
    const first = this.list[0]
    if (!first) return
    throw new Problem(code, {
      status: 422,
      reason: first.code,
      detail: detail ?? (this.list.length === 1 ? first.message : `还差 ${this.list.length} 处：${first.message}`),
      ...(first.cite && { cite: first.cite }),
      ...(first.remedy && { remedy: first.remedy }),
      errors: this.list,
    })
  }
}
