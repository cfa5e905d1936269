import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useRead } from '../app/query.ts'
import { longDay } from '../ui/format.ts'
import { Mark } from '../ui/Light.tsx'
import { Loaded } from '../ui/states.tsx'
import { type Comparison, compare, regulations } from './contract.ts'
import { Part, Title, usePlace } from './parts.tsx'

type Side = Comparison['groups'][number]['rows'][number]['a']

/** Two places side by side: what differs first, the rest on demand. Both choices stand in the address. */
export function Compare() {
  const { a = '', b = '', all } = useSearch({ strict: false }) as { a?: string; b?: string; all?: string }
  const navigate = useNavigate()
  const texts = useRead(regulations)
  const places = [...new Map((texts.data ?? []).flatMap(r => r.regions).map(r => [r.code, r.name])).entries()].sort()
  const set = (change: object) => navigate({ to: '/regulations/compare', search: { a, b, all, ...change } as never })
  const choice = (name: 'a' | 'b', label: string, value: string) => (
    <label>
      {label}
      <select value={value} onChange={event => set({ [name]: event.target.value })}>
        <option value="">请选择</option>
        {places.map(([code, place]) => (
          <option key={code} value={code}>
            {place}
          </option>
        ))}
      </select>
    </label>
  )
  return (
    <div className="wrap">
      <div className="head">
        <p className="crumb">
          <Link to="/regulations">法规</Link>
        </p>
        <Title area="法规">两地比较</Title>
        <p className="lead">同一件事，两地各由谁办、几天办完、要写什么。由平台执行的规则逐项生成。</p>
        <div className="pick">
          {choice('a', '甲地', a)}
          {choice('b', '乙地', b)}
          <label className="box">
            <input type="checkbox" checked={all === '1'} onChange={event => set({ all: event.target.checked ? '1' : undefined })} />
            也列出相同的
          </label>
        </div>
      </div>
      {a && b && <Table a={a} b={b} all={all === '1'} />}
    </div>
  )
}

function Table({ a, b, all }: { a: string; b: string; all: boolean }) {
  usePlace()
  const load = useRead(compare, { query: { a, b } })
  return (
    <Loaded load={load} lines={12}>
      {table => (
        <div className="sheet">
          <p className="ht-ink2 count">
            {longDay(table.day)}：{table.groups.flatMap(g => g.rows).length} 项中 {table.differences} 项不同。
          </p>
          {table.groups.map(group => {
            const rows = all ? group.rows : group.rows.filter(row => !row.same)
            return rows.length ? (
              <Part key={group.key} id={group.key} title={group.label} note={`${rows.length} 项`} wide>
                <table className="sides">
                  <thead>
                    <tr>
                      <th scope="col">参数</th>
                      <th scope="col">{table.a.name}</th>
                      <th scope="col">{table.b.name}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {rows.map(row => (
                      <tr key={row.key}>
                        <th scope="row">
                          {row.label}
                          {all && row.same && <span className="ht-ink3"> 相同</span>}
                        </th>
                        <td data-place={table.a.name}>
                          <SideCell of={row.a} />
                        </td>
                        <td data-place={table.b.name}>
                          <SideCell of={row.b} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Part>
            ) : null
          })}
        </div>
      )}
    </Loaded>
  )
}

function SideCell({ of }: { of: Side }) {
  if (of.origin === 'none' && !of.words.length) return <span className="ht-ink3">没有规定</span>
  return (
    <>
      {of.words.length > 0
        ? of.words.map(w => (
            <div key={w.label + w.value}>
              {w.label && <span className="ht-ink3">{w.label}　</span>}
              {w.value}
            </div>
          ))
        : of.cite?.text}
      <div className="marks">
        {of.cite && of.origin === 'law' && (
          <span className="ht-ink3">
            {of.cite.title} {of.cite.article}
            {of.also && `；另见 ${of.also.title} ${of.also.article}`}
          </span>
        )}
        {of.inherited && <Mark hue="violet">继承自{of.inherited}</Mark>}
        {of.origin === 'platform' && <Mark hue="violet">平台约定</Mark>}
        {of.label && <Mark hue="violet">{of.label}</Mark>}
      </div>
    </>
  )
}
