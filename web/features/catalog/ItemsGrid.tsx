import { Button, Drawer, Input, Select } from 'antd'
import { type KeyboardEvent, useRef, useState } from 'react'
import { type EntryContent, type Item, itemTypes, semantics } from '../../../contract/catalog.ts'
import type { Fault } from '../../../contract/common.ts'
import { FaultWords } from '../../ui/Field.tsx'
import type { Form } from '../../ui/form.ts'
import { BasisInput } from '../procedure/FormField.tsx'
import { cells, guess, itemsFrom, type Part, type Pasted, partLabels } from './paste.ts'
import { inContent } from './sections.ts'
import type { useWords } from './words.ts'

type Words = ReturnType<typeof useWords>

/** The next physical column. A key once used is not given again while this page is open, so that two meanings never share a column. */
function useKeys(items: readonly Item[]) {
  const highest = useRef(0)
  for (const item of items) highest.current = Math.max(highest.current, Number(item.key.slice(1)))
  return () => {
    highest.current += 1
    return `c${highest.current}`
  }
}

const emptyItem = (key: string): Item => ({ key, name: '', description: '', identifier: false, required: false })

export function ItemsGrid({ form, words, faults }: { form: Form<EntryContent>; words: Words; faults: Fault[] }) {
  const { items } = form.value
  const nextKey = useKeys(items)
  const [pasting, setPasting] = useState<string | null>(null)
  const [detail, setDetail] = useState<number | null>(null)
  const [undo, setUndo] = useState<Item[] | null>(null)
  const set = (index: number, part: Partial<Item>) => form.set(`/items/${index}`, { ...items[index]!, ...part })
  const replace = (next: Item[]) => {
    setUndo(items)
    form.set('/items', next)
  }
  const faultsOf = (index: number, part?: string) =>
    faults.filter(fault => inContent(fault.pointer).startsWith(`/items/${index}${part ? `/${part}` : ''}`))

  /** Grid keys: up, down and Enter move in the column, Ctrl+D takes the value above. Tab goes cell by cell as everywhere. */
  const keys = (row: number, column: string) => (event: KeyboardEvent<HTMLElement>) => {
    const go = (to: number) => {
      const target = document.getElementById(form.idOf(`/items/${to}/${column}`))
      if (!target) return
      event.preventDefault()
      target.focus()
    }
    const text = event.target instanceof HTMLInputElement
    if (event.key === 'Enter' || (text && event.key === 'ArrowDown')) go(row + 1)
    else if (text && event.key === 'ArrowUp') go(row - 1)
    else if (event.key.toLowerCase() === 'd' && (event.ctrlKey || event.metaKey) && row > 0) {
      event.preventDefault()
      set(row, { [column]: items[row - 1]![column as keyof Item] })
    }
  }
  const cell = (row: number, column: string, name: string) => ({
    id: form.idOf(`/items/${row}/${column}`),
    'aria-label': `第 ${row + 1} 项${name}`,
    'aria-invalid': faultsOf(row, column).length > 0 || undefined,
    onKeyDown: keys(row, column),
  })

  return (
    <div>
      <div className="row" style={{ marginBottom: 12 }}>
        <Button onClick={() => form.set('/items', [...items, emptyItem(nextKey())])}>添加一行</Button>
        <Button onClick={() => setPasting('')}>从 Excel 粘贴</Button>
        {undo && (
          <Button
            onClick={() => {
              form.set('/items', undo)
              setUndo(null)
            }}
          >
            撤回上一步
          </Button>
        )}
        <span className="ht-ink2">共 {items.length} 项</span>
        <span className="ht-hint phone-only">批量编辑请用电脑</span>
      </div>
      {items.length === 0 ? (
        <p className="ht-state">还没有信息项。可以逐行添加，也可以从 Excel 复制后粘贴。</p>
      ) : (
        <div
          className="ht-table cards grid"
          onPaste={event => {
            const text = event.clipboardData.getData('text/plain')
            if (!text.includes('\t') && !text.trim().includes('\n')) return
            event.preventDefault()
            setPasting(text)
          }}
        >
          <section className="ht-scroll tall" aria-label="信息项">
            <table>
              <thead>
                <tr>
                  {['#', '名称', '类型', '长度', '含义', '标识', '必填', '共享类型', '开放类型', '条件与依据', '操作'].map(title => (
                    <th key={title} scope="col">
                      {title}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {items.map((item, row) => {
                  const wrong = faultsOf(row)
                  return (
                    <tr key={item.key} className={wrong.length ? 'wrong' : undefined}>
                      <td data-label="#" className="narrow right">
                        {row + 1}
                      </td>
                      <td data-label="名称" style={{ minWidth: 150 }}>
                        <input
                          {...cell(row, 'name', '名称')}
                          value={item.name}
                          onChange={event => set(row, { name: event.target.value })}
                        />
                      </td>
                      <td data-label="类型">
                        <select
                          {...cell(row, 'type', '类型')}
                          value={item.type ?? ''}
                          onChange={event => set(row, { type: (event.target.value || undefined) as Item['type'] })}
                        >
                          <option value="">—</option>
                          {Object.entries(itemTypes).map(([key, label]) => (
                            <option key={key} value={key}>
                              {key} {label}
                            </option>
                          ))}
                        </select>
                      </td>
                      <td data-label="长度" className="len">
                        <input
                          {...cell(row, 'length', '长度')}
                          inputMode="numeric"
                          className="right"
                          value={item.length ?? ''}
                          onChange={event =>
                            set(row, { length: Number(event.target.value.normalize('NFKC').replace(/\D/g, '')) || undefined })
                          }
                        />
                      </td>
                      <td data-label="含义">
                        <select
                          {...cell(row, 'semantic', '含义')}
                          value={item.semantic ?? ''}
                          onChange={event => set(row, { semantic: (event.target.value || undefined) as Item['semantic'] })}
                        >
                          <option value="">—</option>
                          {Object.entries(semantics).map(([key, label]) => (
                            <option key={key} value={key}>
                              {label}
                            </option>
                          ))}
                        </select>
                      </td>
                      <td data-label="标识" className="narrow">
                        <input
                          {...cell(row, 'identifier', '是标识')}
                          type="checkbox"
                          checked={item.identifier}
                          onChange={event => set(row, { identifier: event.target.checked })}
                        />
                      </td>
                      <td data-label="必填" className="narrow">
                        <input
                          {...cell(row, 'required', '必填')}
                          type="checkbox"
                          checked={item.required}
                          onChange={event => set(row, { required: event.target.checked })}
                        />
                      </td>
                      <td data-label="共享类型">
                        <select
                          {...cell(row, 'shareClass', '共享类型')}
                          value={item.shareClass ?? ''}
                          onChange={event => set(row, { shareClass: (event.target.value || undefined) as Item['shareClass'] })}
                        >
                          <option value="">同条目</option>
                          {['unconditional', 'conditional', 'denied'].map(key => (
                            <option key={key} value={key}>
                              {words?.share[key] ?? key}
                            </option>
                          ))}
                        </select>
                      </td>
                      <td data-label="开放类型">
                        <select
                          {...cell(row, 'openClass', '开放类型')}
                          value={item.openClass ?? ''}
                          onChange={event => set(row, { openClass: (event.target.value || undefined) as Item['openClass'] })}
                        >
                          <option value="">同条目</option>
                          {(words?.openClasses ?? []).map(key => (
                            <option key={key} value={key}>
                              {words?.open[key] ?? key}
                            </option>
                          ))}
                        </select>
                      </td>
                      <td data-label="条件与依据">
                        <button type="button" className="ht-link" onClick={() => setDetail(row)}>
                          <span className="ht-hide">第 {row + 1} 项的条件、依据和说明：</span>
                          {item.basis?.instrument || item.conditions || item.description || '填写'}
                        </button>
                        {wrong.length > 0 && (
                          <div className="field-error">
                            {wrong.map(fault => (
                              <FaultWords key={fault.pointer + fault.code} fault={fault} />
                            ))}
                          </div>
                        )}
                      </td>
                      <td data-label="" className="narrow">
                        <button
                          type="button"
                          className="ht-link"
                          aria-label={`删除第 ${row + 1} 项 ${item.name}`}
                          onClick={() => replace(items.filter((_, i) => i !== row))}
                        >
                          删除
                        </button>
                      </td>
                    </tr>
                  )
                })}
              </tbody>
            </table>
          </section>
        </div>
      )}
      {pasting !== null && (
        <PasteSheet
          text={pasting}
          shut={() => setPasting(null)}
          add={(pasted, overwrite) => {
            const fresh = pasted.map(({ item }) => ({ ...emptyItem(nextKey()), ...item }))
            replace(overwrite ? fresh : [...items, ...fresh])
            setPasting(null)
          }}
        />
      )}
      {detail !== null && items[detail] && (
        <DetailSheet item={items[detail]} set={part => set(detail, part)} shut={() => setDetail(null)} />
      )}
    </div>
  )
}

function DetailSheet({ item, set, shut }: { item: Item; set: (part: Partial<Item>) => void; shut: () => void }) {
  return (
    <Drawer
      open
      onClose={shut}
      size={Math.min(560, window.innerWidth)}
      title={item.name || '信息项'}
      footer={<Button onClick={shut}>完成</Button>}
    >
      <div className="form">
        <div className="field">
          <label className="field-label" htmlFor="item-conditions">
            共享或开放条件
          </label>
          <Input.TextArea
            id="item-conditions"
            autoSize={{ minRows: 2 }}
            value={item.conditions ?? ''}
            onChange={event => set({ conditions: event.target.value || undefined })}
          />
        </div>
        <div className="field">
          <div className="field-label" id="item-basis-label">
            依据
          </div>
          <BasisInput id="item-basis" labelledby="item-basis-label" value={item.basis} onChange={basis => set({ basis })} />
        </div>
        <div className="field">
          <label className="field-label" htmlFor="item-description">
            说明
          </label>
          <Input.TextArea
            id="item-description"
            autoSize={{ minRows: 2 }}
            value={item.description}
            onChange={event => set({ description: event.target.value })}
          />
        </div>
        <div className="field">
          <label className="field-label" htmlFor="item-codes">
            允许的值
          </label>
          <div className="field-hint">一行一个；不填则不限</div>
          <Input.TextArea
            id="item-codes"
            autoSize={{ minRows: 2, maxRows: 10 }}
            value={(item.codes ?? []).join('\n')}
            onChange={event => set({ codes: event.target.value ? event.target.value.split('\n') : undefined })}
          />
        </div>
        <div className="field">
          <label className="field-label" htmlFor="item-scale">
            小数位数
          </label>
          <Input
            id="item-scale"
            inputMode="numeric"
            style={{ width: 100 }}
            value={item.scale ?? ''}
            onChange={event =>
              set({ scale: event.target.value === '' ? undefined : Math.min(10, Number(event.target.value.replace(/\D/g, ''))) })
            }
          />
        </div>
      </div>
    </Drawer>
  )
}

/** What was copied from a spreadsheet, shown before it is taken: which column is what, and what was not understood. */
function PasteSheet({ text: first, add, shut }: { text: string; add: (pasted: Pasted[], overwrite: boolean) => void; shut: () => void }) {
  const [text, setText] = useState(first)
  const rows = cells(text)
  const guessed = guess(rows)
  const [chosen, setChosen] = useState<Part[] | null>(null)
  const parts = chosen?.length === guessed.parts.length ? chosen : guessed.parts
  const pasted = itemsFrom(rows, parts, guessed.header)
  const wrong = pasted.filter(one => one.problems.length).length
  return (
    <Drawer
      open
      onClose={shut}
      size={Math.min(760, window.innerWidth)}
      title="从 Excel 粘贴信息项"
      footer={
        <div className="row">
          <Button type="primary" disabled={!pasted.length} onClick={() => add(pasted, false)}>
            追加 {pasted.length} 项
          </Button>
          <Button disabled={!pasted.length} onClick={() => add(pasted, true)}>
            替换全部
          </Button>
          <Button onClick={shut}>取消</Button>
        </div>
      }
    >
      <div className="stack">
        <div>
          <label className="field-label" htmlFor="paste-text">
            在这里粘贴（Ctrl V）
          </label>
          <Input.TextArea
            id="paste-text"
            autoSize={{ minRows: 3, maxRows: 6 }}
            value={text}
            onChange={event => setText(event.target.value)}
          />
        </div>
        {pasted.length > 0 && (
          <>
            <p className="ht-ink2">
              {guessed.header ? '第一行认作表头。' : '没有表头，按 名称、类型、长度、说明 的顺序读。'}
              {wrong > 0 && ` ${wrong} 行有没读懂的内容，追加后请补齐。`}
            </p>
            <div className="row">
              {parts.map((part, index) => (
                <Select
                  // biome-ignore lint/suspicious/noArrayIndexKey: columns have no other identity
                  key={index}
                  aria-label={`第 ${index + 1} 列是`}
                  style={{ width: 130 }}
                  value={part}
                  onChange={value => setChosen(parts.map((one, i) => (i === index ? value : one)))}
                  options={Object.entries(partLabels).map(([key, label]) => ({ value: key, label }))}
                />
              ))}
            </div>
            <div className="ht-table cards">
              <div className="ht-scroll">
                <table>
                  <thead>
                    <tr>
                      {['名称', '类型', '长度', '说明', '问题'].map(title => (
                        <th key={title} scope="col">
                          {title}
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {pasted.slice(0, 100).map(({ item, problems }, index) => (
                      // biome-ignore lint/suspicious/noArrayIndexKey: pasted rows have no other identity
                      <tr key={index}>
                        <th scope="row" data-label="名称">
                          {item.name || '—'}
                        </th>
                        <td data-label="类型">{item.type ? itemTypes[item.type] : '—'}</td>
                        <td data-label="长度">{item.length ?? '—'}</td>
                        <td data-label="说明">{item.description || '—'}</td>
                        <td data-label="问题">{problems.join('；') || '✓'}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </div>
          </>
        )}
      </div>
    </Drawer>
  )
}
