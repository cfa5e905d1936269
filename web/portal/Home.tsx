import { Link } from '@tanstack/react-router'
import { useRead } from '../app/query.ts'
import { amount, dayOf, number } from '../ui/format.ts'
import { Loaded, Nothing } from '../ui/states.tsx'
import { type DatasetRow, home } from './contract.ts'
import { DatasetLink, Dots, Index, Part, SearchBox, Title } from './parts.tsx'

export function Home() {
  const load = useRead(home)
  const taken = load.data?.most.filter(row => row.downloads > 0) ?? []
  const regions = load.data?.regions
  return (
    <>
      <div className="hero">
        <div className="wrap">
          <div>
            <Title name="首页">找数据</Title>
            <p className="lead">政府部门开放的数据，可以直接下载和调用，不需要登录。</p>
            <SearchBox regions={regions ?? []} />
            <p className="often">
              {!!load.data?.popular.length && (
                <>
                  <span>常搜</span>
                  {load.data.popular.map(word => (
                    <Link key={word} to="/search" search={{ q: word } as never}>
                      {word}
                    </Link>
                  ))}
                </>
              )}
            </p>
          </div>
          <ul className="ledger" aria-label="开放情况">
            <Figure n={number(load.data?.datasets)} unit="个数据集" to="/search" />
            <Figure n={amount(load.data?.rows)} unit="行数据" to="/open-list" />
            <Figure n={number(load.data?.updatedToday)} unit="个今日更新" to="/search" search={{ sort: 'updated' }} />
          </ul>
        </div>
      </div>
      <div className="wrap">
        <Loaded load={load} lines={12}>
          {({ datasets, themes, regions, latest }) =>
            datasets === 0 ? (
              <div className="sheet">
                <Nothing
                  action={
                    <Link className="ht-btn" to="/regulations">
                      看各地怎样开放
                    </Link>
                  }
                >
                  还没有开放的数据集。部门开放后会出现在这里。
                </Nothing>
              </div>
            ) : (
              <div className="sheet">
                <Part id="themes" title="主题" note={`${themes.length} 个`}>
                  <Index of={themes.map(({ theme, count }) => ({ name: theme, count, search: { theme } }))} />
                </Part>
                <Part id="regions" title="地区" note={`${regions.length} 个`}>
                  <Index of={regions.map(({ code, name, count }) => ({ name, count, search: { region: code } }))} />
                </Part>
                <Part id="latest" title="最近更新" note={<All search={{ sort: 'updated' }} />}>
                  <Rows of={latest} mark={row => (row.updated ? dayOf(row.updated).slice(5) : '—')} />
                </Part>
                {taken.length > 0 && (
                  <Part id="most" title="最常下载" note={<All search={{ sort: 'downloads' }} />}>
                    <Rows of={taken} mark={row => `${amount(row.downloads)} 次`} />
                  </Part>
                )}
                <Part id="service" title="我要">
                  <Dots
                    of={[
                      <Link key="1" to="/service">
                        提开放需求
                      </Link>,
                      <Link key="2" to="/search">
                        申请授权开放数据
                      </Link>,
                      <Link key="3" to="/search">
                        纠错和异议
                      </Link>,
                      <Link key="4" to="/case">
                        查询办理进度
                      </Link>,
                      <Link key="5" to="/notices">
                        看公示
                      </Link>,
                    ]}
                  />
                </Part>
                <Part id="use" title="怎样用">
                  <Dots
                    of={[
                      <Link key="1" to="/help" hash="download">
                        下载成 CSV、XLSX、JSON
                      </Link>,
                      <Link key="2" to="/help" hash="api">
                        用程序调用
                      </Link>,
                      <Link key="3" to="/help" hash="cite">
                        注明来源
                      </Link>,
                      <Link key="4" to="/help" hash="closed">
                        为什么有的数据不开放
                      </Link>,
                    ]}
                  />
                </Part>
              </div>
            )
          }
        </Loaded>
      </div>
    </>
  )
}

const Figure = ({ n, unit, to, search }: { n: string; unit: string; to: string; search?: Record<string, string> }) => (
  <li>
    <Link to={to} search={search as never}>
      <b>{n}</b>
      <span>{unit}</span>
    </Link>
  </li>
)

const All = ({ search }: { search: Record<string, string> }) => (
  <Link to="/search" search={search as never}>
    全部
  </Link>
)

function Rows({ of, mark }: { of: DatasetRow[]; mark: (row: DatasetRow) => string }) {
  return (
    <ul className="rows">
      {of.map(row => (
        <li key={row.code}>
          <span className="mark ht-num">{mark(row)}</span>
          <DatasetLink row={row} />
          <span className="who">{row.department}</span>
        </li>
      ))}
    </ul>
  )
}
