import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { useRead } from '../app/query.ts'
import { amount, number } from '../ui/format.ts'
import { Marked } from '../ui/Marked.tsx'
import { Bones, Nothing, ProblemNote } from '../ui/states.tsx'
import { type DatasetRow, searchOpen } from './contract.ts'
import { saveList } from './csv.ts'
import { DatasetLink, Dots, Fresh, OpenMark, Title } from './parts.tsx'

type Asked = Partial<Record<'q' | 'theme' | 'region' | 'department' | 'cycle' | 'sort' | 'after', string>>
const narrowing = ['theme', 'region', 'department', 'cycle'] as const
const sorts = { relevance: '相关', updated: '最近更新', downloads: '最常下载' } as const

export function Search() {
  const asked = useSearch({ strict: false }) as Asked
  const load = useRead(searchOpen, { query: asked as never })
  const [open, setOpen] = useState(false)
  const { q, after, ...rest } = asked
  const without = (name: string) => ({ ...asked, [name]: undefined, after: undefined }) as never
  const facets = load.data?.facets ?? []
  const chosen = narrowing.flatMap(name => {
    const value = asked[name]
    if (!value) return []
    const facet = facets.find(one => one.key === name)
    return [{ name, facet: facet?.label ?? '', label: facet?.values.find(one => one.value === value)?.label ?? value }]
  })
  const nothing = load.data?.total === 0
  return (
    <div className="wrap">
      <div className="head">
        <Title area="数据" name={q ? `搜索 ${q}` : '全部数据'}>
          {q ? `「${q}」的搜索结果` : '全部数据'}
        </Title>
        <Typing q={q ?? ''} asked={asked} />
      </div>
      <div className="find">
        <div className="facets">
          {facets.some(facet => facet.values.length) && (
            <button type="button" className="ht-btn" aria-expanded={open} aria-controls="facets" onClick={() => setOpen(!open)}>
              筛选{chosen.length > 0 && `（已选 ${chosen.length}）`}
            </button>
          )}
          <section id="facets" aria-label="筛选" className={open ? 'open' : undefined}>
            {facets.map(facet => (
              <FacetList key={facet.key} facet={facet} asked={asked} />
            ))}
          </section>
        </div>
        <section className="sheet hits" aria-labelledby="hits">
          <h2 id="hits" className="ht-hide">
            结果
          </h2>
          <div className="bar" hidden={!!load.error && !load.data}>
            <p role="status">
              共 <b className="ht-num">{load.data ? number(load.data.total) : '…'}</b> 个数据集
            </p>
            <ul className="sorts" aria-label="排序">
              {Object.entries(sorts).map(([sort, label]) => (
                <li key={sort}>
                  <Link
                    to="/search"
                    search={{ ...asked, sort: sort === 'relevance' ? undefined : sort, after: undefined } as never}
                    aria-current={(asked.sort ?? 'relevance') === sort || undefined}
                  >
                    {label}
                  </Link>
                </li>
              ))}
            </ul>
            {!nothing && <SaveList query={{ q, ...rest }} />}
          </div>
          {chosen.length > 0 && (
            <ul className="chosen" aria-label="已选条件">
              {chosen.map(({ name, facet, label }) => (
                <li key={name}>
                  <Link to="/search" search={without(name)} aria-label={`去掉条件 ${facet} ${label}`}>
                    <span>{facet}</span> {label} <i aria-hidden="true">✕</i>
                  </Link>
                </li>
              ))}
              <li>
                <Link to="/search" search={{ q } as never} className="clear">
                  清空
                </Link>
              </li>
            </ul>
          )}
          {load.error ? <ProblemNote error={load.error} retry={() => load.refetch()} since={load.data && load.dataUpdatedAt} /> : null}
          {!load.data && !load.error && <Bones lines={12} label="正在搜索" />}
          {load.data?.corrected && (
            <p role="status" className="snippet">
              没有找到「{q}」，已按「{load.data.corrected}」查找。
            </p>
          )}
          {nothing && (
            <Nothing
              action={
                <Link className="ht-btn" to="/search">
                  看全部数据
                </Link>
              }
            >
              没有找到{q ? `「${q}」` : '符合条件的数据'}。换一个说法，或少写几个字{chosen.length > 0 && '，也可以去掉上面的条件'}。
            </Nothing>
          )}
          {load.data?.rows.map(row => (
            <Hit key={row.code} row={row} />
          ))}
          {load.data && (after || load.data.next) && (
            <nav className="pages" aria-label="分页">
              {after && (
                <Link to="/search" search={{ ...asked, after: undefined } as never}>
                  第一页
                </Link>
              )}
              {load.data.next && (
                <Link to="/search" search={{ ...asked, after: load.data.next } as never}>
                  下一页
                </Link>
              )}
            </nav>
          )}
        </section>
      </div>
    </div>
  )
}

/** Answers while typing: 150 ms after the last key the address changes, and the list with it. */
function Typing({ q, asked }: { q: string; asked: Asked }) {
  const navigate = useNavigate()
  const [text, setText] = useState(q)
  const sent = useRef(q)
  useEffect(() => {
    if (q !== sent.current) {
      sent.current = q
      setText(q)
    }
  }, [q])
  useEffect(() => {
    if (text.trim() === sent.current) return
    const timer = setTimeout(() => {
      sent.current = text.trim()
      navigate({ to: '/search', search: { ...asked, q: text.trim() || undefined, after: undefined } as never, replace: true })
    }, 150)
    return () => clearTimeout(timer)
  }, [text, asked, navigate])
  return (
    <search>
      <form className="ask" onSubmit={event => event.preventDefault()}>
        <label className="ht-hide" htmlFor="q">
          找数据
        </label>
        <input
          id="q"
          type="search"
          value={text}
          onChange={event => setText(event.target.value)}
          placeholder="数据名称、信息项或部门"
          autoComplete="off"
          maxLength={100}
        />
        <button type="submit" className="ht-btn solid">
          搜索
        </button>
      </form>
    </search>
  )
}

const few = 8

function FacetList({
  facet,
  asked,
}: {
  facet: { key: string; label: string; values: { value: string; label: string; count: number }[] }
  asked: Asked
}) {
  const [all, setAll] = useState(false)
  if (!facet.values.length) return null
  const current = asked[facet.key as keyof Asked]
  const shown = all ? facet.values : facet.values.filter(({ value }, at) => at < few || value === current)
  return (
    <div>
      <h2>{facet.label}</h2>
      <ul className="index">
        {shown.map(({ value, label, count }) => (
          <li key={value}>
            <Link
              to="/search"
              search={{ ...asked, [facet.key]: value === current ? undefined : value, after: undefined } as never}
              aria-current={value === current || undefined}
            >
              {label}
            </Link>
            <i aria-hidden="true" />
            <span className="ht-num">{number(count)}</span>
          </li>
        ))}
      </ul>
      {facet.values.length > shown.length && (
        <button type="button" className="ht-link" onClick={() => setAll(true)}>
          全部 {facet.values.length} 个<span className="ht-hide">{facet.label}</span>
        </button>
      )}
    </div>
  )
}

function Hit({ row }: { row: DatasetRow }) {
  return (
    <article className="hit">
      <header>
        <h3>
          <DatasetLink row={row}>
            <Marked text={row.title} at={row.marks.title} />
          </DatasetLink>
        </h3>
        <OpenMark row={row} />
      </header>
      {row.snippet && (
        <p className="snippet">
          <Marked text={row.snippet} at={row.marks.snippet} />
        </p>
      )}
      {row.hits.length > 0 && (
        <p className="through">
          命中信息项
          {row.hits.map((name, n) => (
            <DatasetLink key={name} row={row} hash={`item-${name}`}>
              <Marked text={name} at={row.marks.hits[n] ?? []} />
            </DatasetLink>
          ))}
        </p>
      )}
      <Dots
        of={[
          row.department,
          row.theme,
          row.updateCycle,
          <Fresh key="fresh" row={row} />,
          <span key="rows" className="ht-num">{`${amount(row.rows)} 行`}</span>,
          row.formats.length > 0 && <span key="formats">{row.formats.join(' ')}</span>,
          <span key="downloads" className="ht-num">{`下载 ${amount(row.downloads)}`}</span>,
        ]}
      />
    </article>
  )
}

export function SaveList({
  query,
  name = '搜索结果',
  label = '下载结果清单',
}: {
  query: Record<string, string | undefined>
  name?: string
  label?: string
}) {
  const [state, setState] = useState<'idle' | 'busy' | 'failed'>('idle')
  const run = async () => {
    setState('busy')
    setState(
      await saveList(name, query).then(
        () => 'idle' as const,
        () => 'failed' as const,
      ),
    )
  }
  return (
    <span className="push">
      <button type="button" className="ht-link" onClick={run} disabled={state === 'busy'}>
        {state === 'busy' ? '正在整理…' : label}
      </button>
      <span role="status">{state === 'failed' && '没有下载成功，请重试。'}</span>
    </span>
  )
}
