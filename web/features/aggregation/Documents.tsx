import { App, Button } from 'antd'
import { useRef, useState } from 'react'
import type { EntryDetail } from '../../../contract/catalog.ts'
import { documentKinds, documents, readDocument, sendDocuments, type Taken } from '../../../contract/documents.ts'
import { href, problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Drop } from '../../ui/Drop.tsx'
import { bytes, moment } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Facts, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing, ProblemNote } from '../../ui/states.tsx'

const outcomes = {
  taken: <Mark hue="green">已接收</Mark>,
  known: <Mark hue="grey">以前收过</Mark>,
  same: <Mark hue="grey">内容相同</Mark>,
  refused: <Mark hue="red">没有接收</Mark>,
}

/** The files of an entry whose data are files: send some, see what there is, take one back. */
export function Documents({ entry }: { entry: EntryDetail }) {
  const [waits, setWaits] = useState(false)
  const load = useRead(documents, { params: { id: entry.id }, query: { limit: 50 } }, { refetchInterval: waits ? 2000 : false })
  // Until the batches of what was sent have ended.
  const open = load.data?.rows.some(row => ['queued', 'running'].includes(row.batch.state)) ?? false
  if (open !== waits) setWaits(open)
  const [taken, setTaken] = useState<Taken | null>(null)
  // An entry of rows has nothing to show here.
  if (load.data && !load.data.holds && !load.data.total) return null
  return (
    <Loaded load={load}>
      {list => (
        <Sheet title="文件" note={list.total ? `${list.total} 个${list.next ? '，列出最新的 50 个' : ''}；内容相同的只存一份` : undefined}>
          <div className="stack">
            {list.upload && <Send id={entry.id} upload={list.upload} done={setTaken} />}
            {taken && <Outcome of={taken} />}
            <DataTable
              name="文件"
              rows={list.rows}
              rowKey={row => row.digest}
              empty={<Nothing>还没有文件。</Nothing>}
              columns={[
                {
                  title: '文件名',
                  head: true,
                  cell: row => (
                    <a href={href(readDocument, { params: { id: entry.id, digest: row.digest } })} download>
                      {row.name}
                    </a>
                  ),
                },
                { title: '类型', narrow: true, cell: row => row.kindLabel },
                { title: '大小', narrow: true, right: true, cell: row => bytes(row.bytes) },
                { title: '收到', narrow: true, keep: true, cell: row => moment(row.at) },
                {
                  title: '批次',
                  narrow: true,
                  cell: row => <A href={at(`/batches/${row.batch.id}`)}>{`${row.batch.no} ${row.batch.stateLabel}`}</A>,
                },
              ]}
            />
          </div>
        </Sheet>
      )}
    </Loaded>
  )
}

type Upload = { items: { name: string; from: string | null }[]; files: number; bytes: number }
function Send({ id, upload, done }: { id: string; upload: Upload; done: (taken: Taken | null) => void }) {
  const files = useRef<HTMLInputElement>(null)
  const table = useRef<HTMLInputElement>(null)
  const [metadata, setMetadata] = useState<File | null>(null)
  const { message } = App.useApp()
  const send = useAct(sendDocuments, reply => {
    message.success(`批次 ${reply.batch.no} 已开始`)
    setMetadata(null)
    done(reply)
  })
  const take = (chosen: FileList | null) => {
    if (!chosen?.length) return
    const body = new FormData()
    if (metadata) body.append('metadata', metadata)
    for (const file of chosen) body.append('file', file)
    done(null)
    send.mutate({ params: { id }, body })
  }
  const written = upload.items.filter(i => !i.from).map(i => i.name)
  const errors = send.error ? (problemOf(send.error).errors ?? []) : []
  return (
    <>
      <Drop onFiles={take}>
        <p className="row">
          <Button type="primary" loading={send.isPending} onClick={() => files.current?.click()}>
            {send.isPending ? '正在上传…' : '上传文件'}
          </Button>
          <Button disabled={send.isPending} onClick={() => table.current?.click()}>
            {metadata ? `随附：${metadata.name}` : '先选随附的表（选填）'}
          </Button>
        </p>
        <p className="ht-ink2">
          可以一次选多个，也可以拖到这里：
          {Object.values(documentKinds)
            .map(k => k.label)
            .join('、')}
          ；每个不超过 {bytes(upload.bytes)}，一次最多 {upload.files} 个。类型按内容判断。
        </p>
        <input
          ref={files}
          type="file"
          multiple
          hidden
          aria-label="文件"
          accept={Object.values(documentKinds)
            .flatMap(k => k.endings.map(e => `.${e}`))
            .join(',')}
          onChange={event => {
            take(event.target.files)
            event.target.value = ''
          }}
        />
        <input
          ref={table}
          type="file"
          hidden
          aria-label="随附的表"
          accept=".csv,.xlsx"
          onChange={event => {
            setMetadata(event.target.files?.[0] ?? null)
            event.target.value = ''
          }}
        />
      </Drop>
      <Facts
        of={[
          ['从文件读出', upload.items.flatMap(i => (i.from ? [i.name] : [])).join('、') || '—'],
          ['随附的表填写', written.length ? `第一行写「文件名」和：${written.join('、')}` : '—'],
        ]}
      />
      {send.error ? (
        <ProblemNote error={send.error}>
          {errors.length > 1 && (
            <ul>
              {errors.map(e => (
                <li key={e.pointer}>
                  {e.message}
                  <span className="ht-ink2">{e.remedy}</span>
                </li>
              ))}
            </ul>
          )}
        </ProblemNote>
      ) : null}
    </>
  )
}

function Outcome({ of: { batch, files, notes } }: { of: Taken }) {
  return (
    <div className="ht-note">
      <p>
        批次 <A href={at(`/batches/${batch.id}`)}>{batch.no}</A>：接收 {files.filter(f => f.outcome !== 'refused').length} 个，没有接收{' '}
        {files.filter(f => f.outcome === 'refused').length} 个。
      </p>
      <ul>
        {files.map(f => (
          <li key={`${f.name} ${f.outcome} ${f.text}`}>
            {outcomes[f.outcome]} {f.name} <span className="ht-ink2">{[f.text, f.remedy].filter(Boolean).join('')}</span>
          </li>
        ))}
        {notes.map(note => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </div>
  )
}
