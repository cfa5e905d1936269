import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter, useRouterState } from '@tanstack/react-router'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { notices } from '../../contract/procedure.ts'
import { Icon, type IconName } from '../ui/Icon.tsx'
import { Mark } from '../ui/Light.tsx'
import { Bones, ProblemNote } from '../ui/states.tsx'
import { WordMark } from '../ui/WordMark.tsx'
import { whenSignedOut } from './api.ts'
import { Keys } from './Keys.tsx'
import { A, at, base } from './link.tsx'
import { useRead } from './query.ts'
import { SignIn } from './SignIn.tsx'
import { sessionQuery, useSession } from './session.ts'

type MenuItem = {
  key: string
  label: string
  path: string
  icon: IconName
  /** Other pages that are looked for under this item. */
  also?: string[]
  /** The part of the page it opens, for whoever does not have the page under its own name (`unless` that key). */
  tab?: string
  unless?: string
}
/** All pages of the left list in groups. The server says which keys this person may open; a key may stand for several pages. */
const menu: MenuItem[][] = [
  [
    { key: 'todo', label: '待办', path: '/', icon: 'todo' },
    { key: 'todo', label: '办件', path: '/cases', icon: 'cases' },
    { key: 'duties', label: '义务台账', path: '/duties', icon: 'answer' },
  ],
  [
    { key: 'catalog', label: '目录', path: '/catalog', icon: 'catalog' },
    { key: 'sources', label: '数据源', path: '/sources', icon: 'sources', also: ['/pipelines', '/agents', '/coverage', '/databases'] },
    { key: 'sources', label: '批次', path: '/batches', icon: 'batches' },
    { key: 'sources', label: '质量', path: '/quality', icon: 'rules' },
  ],
  [
    { key: 'find', label: '查找数据', path: '/sharing', icon: 'find', also: ['/sharing/apply', '/sharing/bases'] },
    { key: 'applications', label: '共享申请', path: '/sharing/applications', icon: 'apply' },
    { key: 'grants', label: '授权', path: '/grants', icon: 'grants', also: ['/use-records', '/use-subscriptions', '/watermarks'] },
    { key: 'matters', label: '事项材料', path: '/matters', icon: 'apply' },
    { key: 'exchanges', label: '平台外交换', path: '/exchanges', icon: 'answer' },
    { key: 'opening', label: '开放清单', path: '/opening', icon: 'opening' },
    { key: 'supervision', label: '监督', path: '/supervision', icon: 'answer', also: ['/exchanges'] },
  ],
  [
    { key: 'audit', label: '审计', path: '/audit', icon: 'audit' },
    { key: 'keeping', label: '账本保管', path: '/audit/keeping', icon: 'audit' },
    { key: 'organization', label: '机构与人员', path: '/organization', icon: 'people' },
    { key: 'systems', label: '信息系统', path: '/organization', icon: 'sources', tab: 'systems', unless: 'organization' },
    { key: 'regulations', label: '法规', path: '/regulations', icon: 'rules', also: ['/calendar'] },
  ],
]
const phone: MenuItem[] = [
  { key: 'todo', label: '待办', path: '/', icon: 'todo' },
  { key: 'find', label: '查找', path: '/sharing', icon: 'find' },
  { key: 'todo', label: '办件', path: '/cases', icon: 'cases' },
  { key: '', label: '我的', path: '/me', icon: 'me' },
]

const menuOf = (keys: string[]) =>
  menu
    .map(group => group.filter(item => keys.includes(item.key) && !(item.unless && keys.includes(item.unless))))
    .filter(group => group.length)
const addressOf = (item: MenuItem) => at(item.path, item.tab ? { tab: item.tab } : undefined)

/** The bar of a phone has room for four pages; the others of the menu stand on 我的. */
export function OtherPages() {
  const { person, menu: keys } = useSession()
  if (person.mustChangePassword) return null
  const others = menuOf(keys)
    .flat()
    .filter(item => !phone.some(one => one.path === item.path))
  return (
    <nav className="others" aria-label="其他页面">
      {others.map(item => (
        <A key={item.path} href={addressOf(item)}>
          <Icon name={item.icon} />
          {item.label}
        </A>
      ))}
    </nav>
  )
}

/** The item whose address is the longest beginning of the current one. */
function current(pathname: string, items: MenuItem[]) {
  const here = pathname.slice(base.length) || '/'
  const fits = (path: string) => (path === '/' ? here === '/' : here === path || here.startsWith(`${path}/`))
  // A page of its own in this list stands there, also where another item takes care of it for others.
  const [own, also] = [items.filter(item => fits(item.path)), items.filter(item => item.also?.some(fits))]
  return (own.length ? own : also).sort((a, b) => b.path.length - a.path.length)[0]?.path
}

export function Frame({ children }: { children: ReactNode }) {
  const client = useQueryClient()
  const session = useQuery(sessionQuery)
  const [lost, setLost] = useState(false)
  const known = useRef(false)
  known.current = Boolean(session.data)
  useEffect(() => whenSignedOut(() => known.current && setLost(true)), [])

  if (session.isPending) return <Bones label="正在打开工作台" />
  if (session.error)
    return (
      <main>
        <ProblemNote error={session.error} retry={() => session.refetch()} />
      </main>
    )
  if (!session.data) return <SignIn onDone={() => client.resetQueries()} />
  return (
    <>
      {/* A lost session does not take the page away: what was typed is still there after signing in again. */}
      {lost && (
        <div style={{ position: 'fixed', inset: 0, zIndex: 1200, background: 'var(--ht-paper)' }}>
          <SignIn
            again
            onDone={() => {
              setLost(false)
              return client.invalidateQueries()
            }}
          />
        </div>
      )}
      <div inert={lost || undefined}>
        <Inside>{children}</Inside>
      </div>
    </>
  )
}

function Inside({ children }: { children: ReactNode }) {
  const { person, department, region, roles, menu: keys } = useSession()
  const pathname = useRouterState({ select: state => state.location.pathname })
  const pathWithBase = pathname.startsWith(base) ? pathname : `${base}${pathname}`
  // With a first password nothing opens but the page that changes it.
  const held = person.mustChangePassword
  const shown = held ? [] : menuOf(keys)
  const here = current(pathWithBase, shown.flat())
  const hereOnPhone = current(pathWithBase, phone)
  const search = useRef<HTMLInputElement>(null)
  const { history } = useRouter()
  // Who has no 待办 (the three administrators) begins on the first page of the own menu.
  const first = shown.flat()[0]?.path
  const home = held ? '/me' : keys.includes('todo') ? '/' : (first ?? '/me')
  // The page that is drawn, which on the way to another one is still the old one.
  const drawn = useRouterState({ select: state => state.matches.at(-1)?.routeId as string | undefined }) as string | undefined
  const away = held ? drawn !== '/me' : home !== '/' && drawn === '/'
  useEffect(() => {
    if (away) history.replace(at(home))
  }, [away, home, history])

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        search.current?.focus()
      }
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [])

  return (
    <>
      <a className="ht-skip" href="#main" onClick={() => document.getElementById('main')?.focus()}>
        跳到正文
      </a>
      {!held && <Keys menu={keys} />}
      <header className="top">
        <A className="home" href={at('/')} aria-label="汇通，回到待办">
          <WordMark />
        </A>
        <div className="place">
          <b>{region.name}</b>
          {region.regulation && (
            <>
              <A href={at(`/regulations/${region.regulation.id}`)}>{region.regulation.title}</A>
              {region.regulation.status !== '现行有效' && <Mark hue="violet">{region.regulation.status}</Mark>}
            </>
          )}
        </div>
        {keys.includes('find') && !held && (
          <form
            role="search"
            onSubmit={event => {
              event.preventDefault()
              history.push(at('/sharing', { q: search.current?.value.trim() }))
            }}
          >
            <input ref={search} type="search" aria-label="查找数据" placeholder="查找数据：名称、信息项" />
            <kbd>Ctrl K</kbd>
          </form>
        )}
        <div className="who">
          {keys.includes('todo') && !held && <Messages />}
          <A href={at('/me')} className="name">
            <b>{person.name}</b>
            <small>
              {department.name} · {roles.map(role => role.label).join('、')}
            </small>
          </A>
        </div>
      </header>
      <div className="body">
        <nav className="side" aria-label="主菜单">
          <ul>
            {shown.map((group, index) => [
              index > 0 && <li className="gap" key={`before ${group[0]!.path}`} aria-hidden="true" />,
              ...group.map(item => (
                <li key={item.path}>
                  <A href={addressOf(item)} aria-current={item.path === here ? 'page' : undefined}>
                    <Icon name={item.icon} />
                    {item.label}
                  </A>
                </li>
              )),
            ])}
          </ul>
        </nav>
        <main id="main" tabIndex={-1}>
          {!away && children}
        </main>
      </div>
      <nav className="bottom" aria-label="主菜单（手机）">
        <ul>
          {phone
            .filter(item => !item.key || (keys.includes(item.key) && !held))
            .map(item => (
              <li key={item.path}>
                <A href={at(item.path)} aria-current={item.path === hereOnPhone ? 'page' : undefined}>
                  <Icon name={item.icon} box={22} />
                  {item.label}
                </A>
              </li>
            ))}
        </ul>
      </nav>
    </>
  )
}

function Messages() {
  const unread = useRead(notices, undefined, { refetchInterval: 60_000 }).data?.unread
  return <A href={at('/messages')}>消息{unread ? <> {<Mark hue="blue">{unread}</Mark>}</> : null}</A>
}
