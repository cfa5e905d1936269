import { Link, useParams } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { problemOf } from '../app/api.ts'
import { useRead } from '../app/query.ts'
import { amount, bytes, codeInUrl, dayOf, longDay, number } from '../ui/format.ts'
import { Bones, Loaded, ProblemNote } from '../ui/states.tsx'
import { citeWords, Why } from '../ui/Why.tsx'
import { Matters } from './Ask.tsx'
import { type Dataset, dataset, preview, publicMarks } from './contract.ts'
import { csv, keep, save } from './csv.ts'
import { Code, Copy, Dots, Fresh, OpenMark, Part, Title, usePlace } from './parts.tsx'
import { addressOf, curl } from './samples.ts'

export function DatasetPage() {
  const { code } = useParams({ strict: false }) as { code: string }
  const load = useRead(dataset, { params: { code } })
  if (load.data) return <Reading of={load.data} key={code} />
  if (!load.error) return <Waiting />
  return <Missing error={load.error} retry={() => load.refetch()} />
}

export const Waiting = () => (
  <div className="wrap">
    <Bones lines={12} />
  </div>
)

/** Never opened, or taken down: 410 carries the reason. */
export function Missing({ error, retry }: { error: unknown; retry: () => void }) {
  const { status } = problemOf(error)
  const gone = status === 404 || status === 410
  return (
    <div className="wrap plain">
      <Title area="数据">{status === 410 ? '这个数据集已经下架' : gone ? '没有这个数据集' : '数据集没有取到'}</Title>
      <ProblemNote error={error} retry={gone ? undefined : retry} />
      <p className="ways">
        <Link to="/search">全部数据</Link>
        <Link to="/open-list">开放清单</Link>
      </p>
    </div>
  )
}

/** 异议标注: somebody disputes the data, and the authority has marked them. */
function Disputed({ code }: { code: string }) {
  const { data } = useRead(publicMarks, { params: { code } })
  const first = data?.rows[0]
  if (!data || !first) return null
  const some = data.rows.length > 1 ? ` ${data.rows.length} 处` : ''
  return (
    <p className="ht-note yellow">
      {data.rows.some(mark => mark.whole) ? '这个数据集有异议' : `这个数据集有记录${some}存在异议`}，正在处理，请谨慎使用。标注于{' '}
      {dayOf(first.since)}。
    </p>
  )
}

function Reading({ of }: { of: Dataset }) {
  usePlace()
  const [first, ...others] = of.files
  return (
    <div className="wrap">
      <Disputed code={codeInUrl(of.code)} />
      <Head of={of} area="数据">
        {first ? (
          <p className="acts">
            <a className="ht-btn solid" href={first.href} download>
              下载 {first.format.toUpperCase()} {first.bytes ? bytes(first.bytes) : ''}
            </a>
            {others.map(({ format, href, bytes: size }) => (
              <a key={format} className="ht-btn" href={href} download>
                {format.toUpperCase()} {size ? bytes(size) : ''}
              </a>
            ))}
            <Link className="ht-btn" to="/apis/$code" params={{ code: codeInUrl(of.code) } as never}>
              接口
            </Link>
          </p>
        ) : (
          <>
            <p className="ht-note">这个数据集{of.openLabel}，要先申请，同意并签订协议后凭密钥取用。下面可以先看信息项和条件。</p>
            <p className="acts">
              <Link
                className="ht-btn solid"
                to="/dataset/$code/ask/$procedure"
                params={{ code: codeInUrl(of.code), procedure: 'open-application' } as never}
              >
                申请使用
              </Link>
              <Link className="ht-btn" to="/case">
                查询办理进度
              </Link>
            </p>
            <Held of={of} />
          </>
        )}
      </Head>
      <div className="sheet">
        {of.openClass === 'conditional' && of.conditions && (
          <Part id="conditions" title="开放条件">
            <p className="lines">{of.conditions}</p>
          </Part>
        )}
        <Part id="about" title="说明">
          <div className="prose">
            {[of.abstract, of.description]
              .filter((text, at, all) => text && all.indexOf(text) === at)
              .flatMap(text => text.split(/\n+/))
              .map(text => (
                <p key={text}>{text}</p>
              ))}
          </div>
          <p className="basis">
            开放类型 {of.openLabel}，开放条件 {of.openClass === 'conditional' ? '见上' : of.conditions}，数据格式 {of.format || '未写明'}
            <Why cite={of.cite} link={of.cite.regulation === 'platform' ? undefined : `/regulations/${of.cite.regulation}`} />
          </p>
        </Part>
        <Part
          id="items"
          title="信息项"
          note={
            <>
              {of.items.length} 项{' '}
              <button type="button" className="ht-link" onClick={() => save(`${of.title}-信息项.csv`, dictionary(of))}>
                下载数据字典
              </button>
            </>
          }
        >
          <Items of={of} />
        </Part>
        {of.withheld.length > 0 && (
          <Part id="withheld" title="不开放的项" note={`${of.withheld.length} 项`}>
            <dl className="withheld">
              {of.withheld.map(({ name, why }) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{why}</dd>
                </div>
              ))}
            </dl>
          </Part>
        )}
        {first && (
          <Part id="preview" title="预览" note="前 30 行">
            <Preview of={of} />
          </Part>
        )}
        {first && (
          <Part id="api" title="接口" note="不需要密钥">
            <p className="address">
              <code>{addressOf(of)}</code> <Copy text={addressOf(of)} what="接口地址" />
            </p>
            <Code label="curl 示例">{curl(of)}</Code>
            <p className="ways">
              <Link to="/apis/$code" params={{ code: codeInUrl(of.code) } as never}>
                参数、试一试、代码示例
              </Link>
              <a href={`${of.api}/openapi.json`}>OpenAPI 文档</a>
            </p>
          </Part>
        )}
        {of.useRequirements && (
          <Part id="terms" title="使用要求">
            <p className="lines">{of.useRequirements}</p>
          </Part>
        )}
        <Part
          id="quality"
          title="质量"
          note={
            of.quality.score === null ? '没有测量' : `${of.quality.score} 分，按已测的 ${of.quality.measured} 项（共 ${of.quality.of} 项）`
          }
        >
          <dl className="withheld">
            {of.quality.dimensions.map(d => (
              <div key={d.key}>
                <dt>{d.label}</dt>
                <dd>
                  <b className="ht-num">{d.score === null ? '—' : d.score}</b> {d.why}
                </dd>
              </div>
            ))}
          </dl>
          <p className="basis">
            {citeWords(of.quality.cite)}
            <Why cite={of.quality.cite} />
            {of.readBy.steps.length > 0 && <span>开放前处理：{of.readBy.steps.join('、')}</span>}
          </p>
        </Part>
        <Part id="matters" title="我要">
          <Matters code={codeInUrl(of.code)} region={of.region} openClass={of.openClass} />
        </Part>
        <Part id="cite" title="引用与来源">
          <p className="citation">
            {of.citation} <Copy text={of.citation} what="引用" />
          </p>
          <p className="ht-ink2">{of.attribution}</p>
          {of.source && <p className="ht-ink2">{of.source}</p>}
        </Part>
      </div>
    </div>
  )
}

/** For holders of an authorisation: the key stays in the memory of this page, in no address, form history or store. */
function Held({ of }: { of: Dataset }) {
  const [key, setKey] = useState('')
  const [busy, setBusy] = useState<string | null>(null)
  const [said, setSaid] = useState<{ ok: boolean; text: string } | null>(null)
  const take = async (format: string) => {
    setBusy(format)
    setSaid(null)
    try {
      const reply = await fetch(`/api/open/datasets/${codeInUrl(of.code)}/download?format=${format}`, {
        headers: { authorization: `Bearer ${key.trim()}` },
        cache: 'no-store',
      })
      if (!reply.ok) {
        const { detail, remedy } = (await reply.json().catch(() => ({}))) as { detail?: string; remedy?: string }
        setSaid({ ok: false, text: [detail ?? `没有取到（${reply.status}）。`, remedy].filter(Boolean).join('') })
        return
      }
      keep(`${of.title}.${format}`, await reply.blob())
      setSaid({ ok: true, text: '已下载，这次取用记入账本。' })
    } catch {
      setSaid({ ok: false, text: '没有连上服务器。请检查网络后重试。' })
    } finally {
      setBusy(null)
    }
  }
  return (
    <form
      className="asking"
      autoComplete="off"
      onSubmit={event => {
        event.preventDefault()
        if (key.trim()) void take('csv')
      }}
    >
      <label>
        已获授权的，输入密钥后下载
        <input
          type="password"
          autoComplete="off"
          spellCheck={false}
          placeholder="hto_…"
          value={key}
          onChange={event => setKey(event.target.value)}
          aria-describedby="held-hint"
        />
      </label>
      <p className="ht-hint" id="held-hint">
        密钥在「查询办理进度」里生成；只在这个页面里用，不保存，离开后要重新输入。
      </p>
      <p className="acts">
        <button type="submit" className="ht-btn solid" disabled={!key.trim() || busy !== null}>
          {busy === 'csv' ? '正在下载…' : '下载 CSV'}
        </button>
        {['xlsx', 'json'].map(format => (
          <button key={format} type="button" className="ht-btn" disabled={!key.trim() || busy !== null} onClick={() => void take(format)}>
            {busy === format ? '正在下载…' : `下载 ${format.toUpperCase()}`}
          </button>
        ))}
      </p>
      <div aria-live="polite">{said && <p className={`ht-note ${said.ok ? 'green' : 'red'}`}>{said.text}</p>}</div>
    </form>
  )
}

/** What every page about one data set begins with. */
export function Head({ of, area, title = of.title, children }: { of: Dataset; area: string; title?: string; children?: ReactNode }) {
  return (
    <div className="head">
      <p className="crumb">
        <Link to="/search">数据</Link> /{' '}
        <Link to="/search" search={{ theme: of.theme } as never}>
          {of.theme}
        </Link>
        <span className="call ht-code">{of.code}</span>
      </p>
      <Title area={area}>{title}</Title>
      <Dots
        of={[
          <OpenMark key="open" row={of} />,
          <Link key="department" to="/search" search={{ department: of.department } as never}>
            {of.department}
          </Link>,
          of.updateCycle,
          <Fresh key="fresh" row={of} />,
          <span key="rows" className="ht-num">{`${amount(of.rows)} 行 × ${of.items.length} 项`}</span>,
          <span key="version">{`第 ${of.version} 版，${longDay(of.published)}发布`}</span>,
          <span key="use" className="ht-num">{`下载 ${amount(of.downloads)}，接口 ${amount(of.calls)}`}</span>,
        ]}
      />
      {children}
    </div>
  )
}

/** A list where hardly a value comes twice says nothing. */
const spread = (item: Dataset['items'][number], rows: number) => ((item.top[0]?.count ?? 0) >= rows * 0.02 ? item.top.slice(0, 3) : [])

const share = (part: number) => (part >= 0.9995 ? '100%' : `${(part * 100).toFixed(1)}%`)

function Items({ of }: { of: Dataset }) {
  return (
    <div className="ht-table cards">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section className="ht-scroll" aria-label="信息项表，可左右滚动" tabIndex={0}>
        <table className="items">
          <thead>
            <tr>
              <th scope="col">名称</th>
              <th scope="col">说明</th>
              <th scope="col">类型</th>
              <th scope="col" className="right">
                填充率
              </th>
              <th scope="col" className="right">
                不同值
              </th>
              <th scope="col">取值分布</th>
            </tr>
          </thead>
          <tbody>
            {of.items.map(item => (
              <tr key={item.key} id={`item-${item.name}`}>
                <th scope="row" data-label="名称">
                  {item.name}
                  {item.masked && <span className="tag">脱敏</span>}
                </th>
                <td data-label="说明" className={item.description ? undefined : 'blank'}>
                  {item.description}
                </td>
                <td data-label="类型" className="keep">
                  {item.type}
                </td>
                <td data-label="填充率" className="right keep">
                  {item.filled === null ? '—' : share(item.filled)}
                </td>
                <td data-label="不同值" className="right keep">
                  {number(item.distinct)}
                </td>
                <td data-label="取值分布" className={spread(item, of.rows).length ? 'top3' : 'blank'}>
                  {spread(item, of.rows).length > 0 && (
                    <ul>
                      {spread(item, of.rows).map(({ value, count }) => (
                        <li key={value}>
                          <span>{value}</span>
                          <i aria-hidden="true">
                            <b style={{ width: `${of.rows ? Math.min(100, (100 * count) / of.rows) : 0}%` }} />
                          </i>
                          <span className="ht-num">{of.rows >= 5 ? share(count / of.rows) : count}</span>
                        </li>
                      ))}
                    </ul>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  )
}

const dictionary = (of: Dataset) =>
  csv([
    ['名称', '标识', '说明', '类型', '填充率', '不同值', '是否脱敏'],
    ...of.items.map(item => [item.name, item.key, item.description, item.type, item.filled, item.distinct, item.masked ? '是' : '否']),
  ])

/** Type codes of the national guide that hold numbers. */
const numeric = /^[NYIFB]$/

function Preview({ of }: { of: Dataset }) {
  const load = useRead(preview, { params: { code: codeInUrl(of.code) } })
  return (
    <Loaded load={load} lines={8}>
      {({ columns, rows }) =>
        rows.length === 0 ? (
          <p className="ht-ink2">还没有数据行。</p>
        ) : (
          <>
            <div className="ht-table">
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
              <section className="ht-scroll tall" aria-label={`预览，前 ${rows.length} 行，可左右滚动`} tabIndex={0}>
                <table className="fixed">
                  <thead>
                    <tr>
                      {columns.map(({ key, name, type }) => (
                        <th key={key} scope="col" className={numeric.test(type) ? 'right' : undefined}>
                          {name}
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {rows.map((row, at) => (
                      // biome-ignore lint/suspicious/noArrayIndexKey: rows of a preview have no other name
                      <tr key={at}>
                        {row.map((value, column) =>
                          column === 0 ? (
                            <th key={columns[column]?.key} scope="row">
                              {value ?? '—'}
                            </th>
                          ) : (
                            <td key={columns[column]?.key} className={numeric.test(columns[column]?.type ?? '') ? 'right' : undefined}>
                              {value ?? <span className="ht-ink3">—</span>}
                            </td>
                          ),
                        )}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </section>
            </div>
            <p className="ht-hint">
              共 {amount(of.rows)} 行，这里是前 {rows.length} 行{of.updated && `，数据截至 ${dayOf(of.updated)}`}。
            </p>
          </>
        )
      }
    </Loaded>
  )
}
