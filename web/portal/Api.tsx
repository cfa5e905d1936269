import { Link, useParams, useSearch } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useRead } from '../app/query.ts'
import { amount, bytes, codeInUrl } from '../ui/format.ts'
import { Bones, Nothing, ProblemNote } from '../ui/states.tsx'
import { type Dataset, dataset, searchOpen } from './contract.ts'
import { Head, Missing, Waiting } from './Dataset.tsx'
import { Code, Copy, Dots, Fresh, Part, Title } from './parts.tsx'
import { addressOf, type Language, samples } from './samples.ts'

/** Every open data set can be called; this is the list for people who write programs. */
export function Apis() {
  const { after } = useSearch({ strict: false }) as { after?: string }
  const load = useRead(searchOpen, { query: { sort: 'updated', after } as never })
  return (
    <div className="wrap">
      <div className="head">
        <Title area="接口">数据接口</Title>
        <p className="lead">每个数据集都有接口：直接开放的不需要密钥，申请后开放的凭密钥；JSON 回复，一页最多 1,000 行。</p>
      </div>
      <section className="sheet hits" aria-label="接口列表">
        {load.error ? <ProblemNote error={load.error} retry={() => load.refetch()} since={load.data && load.dataUpdatedAt} /> : null}
        {!load.data && !load.error && <Bones lines={10} />}
        {load.data?.rows.length === 0 && <Nothing>还没有开放的接口。</Nothing>}
        {load.data?.rows.map(row => (
          <article key={row.code} className="hit">
            <header>
              <h2>
                <Link to="/apis/$code" params={{ code: codeInUrl(row.code) } as never}>
                  {row.title}
                </Link>
              </h2>
            </header>
            <p>
              <code className="path">GET /open/v1/{codeInUrl(row.code)}</code>
            </p>
            <Dots of={[row.department, row.updateCycle, <Fresh key="fresh" row={row} />, `${amount(row.rows)} 行`]} />
          </article>
        ))}
        {load.data && (after || load.data.next) && (
          <nav className="pages" aria-label="分页">
            {after && <Link to="/apis">第一页</Link>}
            {load.data.next && (
              <Link to="/apis" search={{ after: load.data.next } as never}>
                下一页
              </Link>
            )}
          </nav>
        )}
      </section>
    </div>
  )
}

export function Api() {
  const { code } = useParams({ strict: false }) as { code: string }
  const load = useRead(dataset, { params: { code } })
  if (load.data) return <Reading of={load.data} key={code} />
  if (!load.error) return <Waiting />
  return <Missing error={load.error} retry={() => load.refetch()} />
}

const parameters = [
  ['limit', '一页的行数，1 到 1000，不写是 100', '20'],
  ['after', '上一页回复里的 next；不写是第一页', ''],
  ['fields', '只要这些信息项，用英文逗号隔开', ''],
  ['filter', '只要等于这些值的行：JSON 对象，信息项 → 值', ''],
] as const

function Reading({ of }: { of: Dataset }) {
  const guarded = of.openClass === 'conditional'
  const example = of.items.find(item => item.top.length && !item.masked)
  const says: Record<string, string> = {
    fields: of.items
      .slice(0, 2)
      .map(item => item.name)
      .join(','),
    filter: example ? JSON.stringify({ [example.name]: example.top[0]?.value }) : '',
  }
  return (
    <div className="wrap">
      <Head of={of} area="接口" title={`${of.title} 接口`}>
        <p className="acts still">
          <Link className="ht-btn" to="/dataset/$code" params={{ code: codeInUrl(of.code) } as never}>
            数据集页
          </Link>
          <a className="ht-btn" href={`${of.api}/openapi.json`}>
            OpenAPI 文档
          </a>
        </p>
      </Head>
      <div className="sheet">
        <Part id="address" title="地址" note={guarded ? 'GET，请求头带密钥' : 'GET，不需要密钥'}>
          {guarded && (
            <p className="ht-note">
              这个数据集{of.openLabel}：先
              <Link to="/dataset/$code" params={{ code: codeInUrl(of.code) } as never}>
                申请使用
              </Link>
              ，签订协议后生成密钥，放在请求头 <code>Authorization: Bearer 密钥</code> 里；可以在 <code>x-huitong-purpose</code>{' '}
              里写明用途，超出申请场景的会被拒绝。
            </p>
          )}
          <p className="address">
            <code>{addressOf(of)}</code> <Copy text={addressOf(of)} what="接口地址" />
          </p>
          <p className="ht-ink2">
            回复是 JSON：<code>rows</code> 是数据行，<code>next</code> 是下一页的位置，没有下一页时是 <code>null</code>。请求太快时回复
            429， 等 <code>retry-after</code> 秒再试；其他情况见 <Link to="/help/errors">错误代码</Link>。
          </p>
        </Part>
        <Part id="parameters" title="参数">
          <div className="ht-table cards">
            <div className="ht-scroll">
              <table>
                <thead>
                  <tr>
                    <th scope="col">名称</th>
                    <th scope="col">作用</th>
                    <th scope="col">例子</th>
                  </tr>
                </thead>
                <tbody>
                  {parameters.map(([name, what, value]) => (
                    <tr key={name}>
                      <th scope="row">
                        <code>{name}</code>
                      </th>
                      <td data-label="作用">{what}</td>
                      <td data-label="例子" className={says[name] || value ? undefined : 'blank'}>
                        <code>{says[name] || value}</code>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </div>
        </Part>
        {!guarded && (
          <Part id="try" title="试一试">
            <Try of={of} example={says} />
          </Part>
        )}
        <Part id="code" title="代码示例">
          <Samples of={of} />
        </Part>
        <Part id="fields" title="信息项" note={`${of.items.length} 项`}>
          <dl className="pairs">
            {of.items.map(item => (
              <div key={item.key}>
                <dt>
                  {item.name} <code>{item.key}</code>
                </dt>
                <dd>
                  {item.type}
                  {item.description && `，${item.description}`}
                  {item.masked && '，脱敏'}
                </dd>
              </div>
            ))}
          </dl>
        </Part>
      </div>
    </div>
  )
}

type Answer = { status: number; took: number; size: number; text: string; asked: string }

function Try({ of, example }: { of: Dataset; example: Record<string, string> }) {
  const [answer, setAnswer] = useState<Answer | 'busy' | 'offline' | null>(null)
  const run = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const query = new URLSearchParams()
    for (const [name, value] of new FormData(event.currentTarget)) if (value) query.set(name, String(value))
    const asked = `${of.api}?${query}`
    setAnswer('busy')
    const began = performance.now()
    try {
      const reply = await fetch(asked)
      const text = await reply.text()
      const took = Math.round(performance.now() - began)
      setAnswer({ status: reply.status, took, size: new Blob([text]).size, text: pretty(text), asked })
    } catch {
      setAnswer('offline')
    }
  }
  return (
    <>
      <form className="try" onSubmit={run}>
        {parameters.map(([name, , value]) => (
          <label key={name}>
            <code>{name}</code>
            <input
              name={name}
              defaultValue={value}
              placeholder={example[name]}
              autoComplete="off"
              inputMode={name === 'limit' ? 'numeric' : undefined}
            />
          </label>
        ))}
        <button type="submit" className="ht-btn solid" disabled={answer === 'busy'}>
          {answer === 'busy' ? '正在请求…' : '发送请求'}
        </button>
      </form>
      <div aria-live="polite">
        {answer === 'offline' && <p className="ht-note red">没有连上服务器。请检查网络后重试。</p>}
        {answer && typeof answer === 'object' && (
          <p className="reply">
            <b className="ht-num">{answer.status}</b> · {answer.took} 毫秒 · {bytes(answer.size)} ·{' '}
            <a href={answer.asked}>{decodeURIComponent(answer.asked.replaceAll('+', ' '))}</a>
          </p>
        )}
      </div>
      {answer && typeof answer === 'object' && (
        <Code label="回复" tall>
          {answer.text}
        </Code>
      )}
    </>
  )
}

function pretty(text: string) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

function Samples({ of }: { of: Dataset }) {
  const { lang } = useSearch({ strict: false }) as { lang?: string }
  const chosen: Language = lang && lang in samples ? (lang as Language) : 'curl'
  const text = samples[chosen].text(of)
  return (
    <>
      <div className="langs">
        <ul className="sorts" aria-label="语言">
          {Object.entries(samples).map(([key, { label }]) => (
            <li key={key}>
              <Link to="." search={{ lang: key } as never} resetScroll={false} replace aria-current={key === chosen || undefined}>
                {label}
              </Link>
            </li>
          ))}
        </ul>
        <Copy text={text} what="代码" />
      </div>
      <Code label={`${samples[chosen].label} 示例`}>{text}</Code>
    </>
  )
}
