import { Link, Outlet } from '@tanstack/react-router'
import { useRead } from '../app/query.ts'
import { WordMark } from '../ui/WordMark.tsx'
import { site } from './contract.ts'
import { nextSize, useDisplay } from './display.ts'

const nav = [
  ['/search', '数据'],
  ['/apis', '接口'],
  ['/open-list', '开放清单'],
  ['/service', '办事'],
  ['/regulations', '法规'],
  ['/help', '帮助'],
] as const

export function Shell() {
  const { data } = useRead(site)
  return (
    <div className="portal">
      <a className="ht-skip" href="#main">
        跳到正文
      </a>
      <header className="top">
        <div className="wrap">
          <Link to="/" className="brand" aria-label={`汇通 ${data?.name ?? '公共数据开放'}，首页`}>
            <WordMark box={32} />
            <span className="site">{data?.name ?? '公共数据开放'}</span>
          </Link>
          <nav aria-label="主要栏目">
            <ul>
              {nav.map(([to, label]) => (
                <li key={to}>
                  <Link to={to} activeProps={{ 'aria-current': 'page' }} inactiveProps={{ 'aria-current': undefined }}>
                    {label}
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
          <Switches />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <Outlet />
      </main>
      <footer className="foot">
        <div className="wrap">
          <div>
            <WordMark box={24} />
            <p>
              {[data?.operator && `主办单位 ${data.operator}`, data?.contact && `联系方式 ${data.contact}`].filter(Boolean).map(words => (
                <span key={words as string}>{words}</span>
              ))}
            </p>
            <p>
              {data?.siteCode && <span>网站标识码 {data.siteCode}</span>}
              {data?.icp && (
                <span>
                  <a href="https://beian.miit.gov.cn/">{data.icp}</a>
                </span>
              )}
              {data?.police && <span>{data.police}</span>}
            </p>
          </div>
          <nav aria-label="网站地图">
            <ul>
              {nav.map(([to, label]) => (
                <li key={to}>
                  <Link to={to}>{label}</Link>
                </li>
              ))}
              <li>
                <Link to="/case">查询办理进度</Link>
              </li>
              <li>
                <Link to="/verify">验证数据包</Link>
              </li>
              <li>
                <Link to="/notices">公示</Link>
              </li>
              <li>
                <Link to="/status">运行状态</Link>
              </li>
              <li>
                <Link to="/help/errors">错误代码</Link>
              </li>
              <li>
                <Link to="/accessibility">无障碍声明</Link>
              </li>
              {data?.feedback && (
                <li>
                  <a href={data.feedback}>网站找错</a>
                </li>
              )}
            </ul>
          </nav>
        </div>
      </footer>
    </div>
  )
}

function Switches() {
  const { size, high, setSize, setHigh } = useDisplay()
  const next = nextSize[size]
  return (
    <ul className="switches" aria-label="显示与登录">
      <li>
        <button type="button" onClick={() => setSize(next.size)}>
          {next.label}
        </button>
      </li>
      <li>
        <button type="button" aria-pressed={high} onClick={() => setHigh(!high)}>
          高对比
        </button>
      </li>
      <li>
        <a href="/workbench">登录</a>
      </li>
    </ul>
  )
}
