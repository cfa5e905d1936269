import { useRouter } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { at } from './link.tsx'

/** `g` and then one of these: a page of the left list, for whoever may open it. */
const places: { key: string; menu: string; path: string; label: string }[] = [
  { key: 'd', menu: 'todo', path: '/', label: '待办' },
  { key: 'c', menu: 'catalog', path: '/catalog', label: '目录' },
  { key: 's', menu: 'find', path: '/sharing', label: '查找数据' },
  { key: 'a', menu: 'audit', path: '/audit', label: '审计' },
]
const stored = 'ht-keys'
const wanted = () => localStorage.getItem(stored) !== 'off'
const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || Boolean(target.closest('input, textarea, select, [role=combobox], [role=dialog]')))

/** Single keys outside fields, with the list of them under `?`. They can be switched off (WCAG 2.1.4). */
export function Keys({ menu }: { menu: string[] }) {
  const { history } = useRouter()
  const dialog = useRef<HTMLDialogElement>(null)
  const [on, setOn] = useState(wanted)
  const mine = places.filter(place => menu.includes(place.menu))

  useEffect(() => {
    let going = 0
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return
      if (event.key === '?') {
        event.preventDefault()
        return dialog.current?.showModal()
      }
      if (!on) return
      if (event.key === 'g') {
        going = Date.now()
        return
      }
      const place = Date.now() - going < 1500 && places.find(one => one.key === event.key && menu.includes(one.menu))
      going = 0
      if (place) history.push(at(place.path))
      else if (event.key === '/') {
        event.preventDefault()
        document.querySelector<HTMLElement>('main input[type=search]')?.focus()
      } else if (event.key === 'j' || event.key === 'k') step(event.key === 'j' ? 1 : -1)
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [on, menu, history])

  return (
    <dialog ref={dialog} className="keys" aria-labelledby="keys-title">
      <h2 id="keys-title">键盘</h2>
      <dl>
        <Line keys={['Ctrl', 'K']} does="查找数据" />
        {mine.map(place => (
          <Line key={place.key} keys={['g', place.key]} does={`到${place.label}`} />
        ))}
        <Line keys={['/']} does="到列表的查找框" />
        <Line keys={['j', 'k']} does="下一行、上一行，回车打开" />
        <Line keys={['Ctrl', 'Enter']} does="提交打开的表单" />
        <Line keys={['?']} does="这张表" />
      </dl>
      <label>
        <input
          type="checkbox"
          checked={on}
          onChange={event => {
            localStorage.setItem(stored, event.target.checked ? 'on' : 'off')
            setOn(event.target.checked)
          }}
        />
        使用单键
      </label>
      <button type="button" className="ht-btn" onClick={() => dialog.current?.close()}>
        关闭
      </button>
    </dialog>
  )
}

function Line({ keys, does }: { keys: string[]; does: string }) {
  return (
    <div>
      <dt>
        {keys.map(key => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{does}</dd>
    </div>
  )
}

/** Moves through the rows of the page's list by their first link. */
function step(by: 1 | -1) {
  const rows = [...document.querySelectorAll<HTMLTableRowElement>('main tbody tr')]
  const links = rows.map(row => row.querySelector('a')).filter(link => link !== null)
  const here = links.findIndex(link => link.closest('tr')?.contains(document.activeElement))
  links[Math.max(0, Math.min(links.length - 1, here < 0 ? 0 : here + by))]?.focus()
}
