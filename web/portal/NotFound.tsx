import { Link } from '@tanstack/react-router'
import { ProblemNote } from '../ui/states.tsx'
import { SearchBox, Title } from './parts.tsx'

export function NotFound() {
  return (
    <div className="wrap plain">
      <Title>没有这个页面</Title>
      <p>地址可能抄错了，或者页面已经移走。可以在这里找数据，或看全部目录。</p>
      <SearchBox />
      <p className="ways">
        <Link to="/">首页</Link>
        <Link to="/open-list">开放清单</Link>
        <Link to="/help">帮助</Link>
      </p>
    </div>
  )
}

/** The program itself failed on this page, or its file did not arrive. */
export function Broken({ error }: { error: unknown }) {
  return (
    <div className="wrap plain">
      <Title>页面没有打开</Title>
      <ProblemNote error={error} retry={() => location.reload()} />
    </div>
  )
}
