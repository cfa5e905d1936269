import { useState } from 'react'
import { batches, createSource, sources } from '../../../contract/aggregation.ts'
import type { EntryDetail } from '../../../contract/catalog.ts'
import { documents } from '../../../contract/documents.ts'
import { recordHistory } from '../../../contract/history.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { useMay } from '../../app/session.ts'
import { Nothing } from '../../ui/states.tsx'
import { EntryQuality } from '../quality/EntryQuality.tsx'
import { Documents } from './Documents.tsx'
import { BatchTable, SourceTable } from './tables.tsx'

/** 数据 tab of a catalog entry: where its rows come from and how the last batches went. */
export function EntryData({ code, entry }: { code: string; entry: EntryDetail }) {
  const [waits, setWaits] = useState(false)
  const refetchInterval = waits ? 2000 : (false as const)
  const from = useRead(sources, { query: { entry: entry.id } }, { refetchInterval })
  const runs = useRead(batches, { query: { entry: entry.id, limit: 10 } }, { refetchInterval })
  const open = runs.data?.rows.some(row => ['queued', 'running'].includes(row.state)) ?? false
  if (open !== waits) setWaits(open)
  const mayLook = useMay(recordHistory)
  const mayRead = useMay(documents)
  const mayMount = useMay(createSource) && entry.may.includes('mount')
  return (
    <div className="stack">
      {entry.publishedVersion && <EntryQuality code={code} />}
      {entry.publishedVersion && mayRead && <Documents entry={entry} />}
      <SourceTable
        load={from}
        empty={
          <Nothing
            action={
              mayMount && (
                <A className="ht-btn" href={at('/sources/new', { entry: code })}>
                  挂接数据
                </A>
              )
            }
          >
            还没有挂接数据。{entry.publishedVersion ? '' : '目录发布后才能挂接。'}
          </Nothing>
        }
      />
      {runs.data && runs.data.rows.length > 0 && <BatchTable load={runs} />}
      {mayLook && entry.mount.mounted && (
        <p>
          <A href={at(`/catalog/${code}/record`)}>查一条记录的历史</A>
        </p>
      )}
    </div>
  )
}
