import { startCase } from '../../../contract/procedure.ts'
import { entryQuality, type EntryQuality as Quality } from '../../../contract/quality.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { useMay } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { moment, number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Sheet } from '../../ui/Page.tsx'
import { ProblemNote } from '../../ui/states.tsx'
import { Why } from '../../ui/Why.tsx'

/** A score in words: what nobody measured says so, and never looks passed. */
export function Score({ score }: { score: number | null }) {
  if (score === null) return <Mark>未测</Mark>
  const [hue, shape] = score >= 95 ? (['green', '●'] as const) : score >= 80 ? (['yellow', '▲'] as const) : (['red', '■'] as const)
  return (
    <Mark hue={hue} shape={shape}>
      {score}
    </Mark>
  )
}

function markWords({ whole, record, item, kind }: Quality['marks'][number]): string {
  const what = kind === 'doubt' ? '疑义' : '异议'
  const where = item ? `的「${item}」` : ''
  if (whole) return `这条目录的数据有${what}`
  return record ? `记录 ${record} ${where}有${what}` : `这条目录里有一条记录${where}存在${what}`
}

/** 异议和疑义标注: stands above everything else about the data. */
export function Marks({ of: marks }: { of: Quality['marks'] }) {
  return marks.map(mark => (
    <div key={`${mark.caseNo ?? mark.since}${mark.item ?? ''}`} className="ht-note yellow">
      <p>
        <b>{markWords(mark)}</b>，正在{mark.kind === 'doubt' ? '校核' : '处理'}，请谨慎使用。
      </p>
      <p className="ht-ink2">
        标注于 {moment(mark.since)} · {mark.caseNo ? <A href={at(`/cases/${mark.caseNo}`)}>{mark.caseNo}</A> : '取用时会标在那一行上'}
      </p>
    </div>
  ))
}

/** Quality of an entry on the dimensions of its place: what was checked, what was found, who disputes it. */
export function EntryQuality({ code }: { code: string }) {
  const load = useRead(entryQuality, { params: { code } })
  const mayReport = useMay(startCase)
  if (load.error) return <ProblemNote error={load.error} retry={load.refetch} />
  if (!load.data) return null
  const q = load.data
  return (
    <>
      <Marks of={q.marks} />
      <Sheet
        title="质量"
        note={
          <>
            {q.score === null ? '还没有测得' : `已测维度平均 ${q.score}`} · {q.measured}/{q.dimensions.length} 个维度已测{' '}
            <Why cite={q.cite} inherited={q.inherited} />
          </>
        }
        acts={
          <>
            <A className="ht-btn" href={at(`/quality/entries/${code}`)}>
              规则和得分
            </A>
            {mayReport && (
              <A className="ht-btn" href={at('/cases/new', { procedure: 'verification', about: code })}>
                反馈疑义
              </A>
            )}
          </>
        }
      >
        <DataTable
          name="质量维度"
          rows={q.dimensions}
          rowKey={row => row.key}
          columns={[
            { title: '维度', head: true, narrow: true, cell: row => row.label },
            { title: '得分', narrow: true, keep: true, cell: row => <Score score={row.score} /> },
            { title: '怎样得出', cell: row => row.why },
          ]}
        />
        {q.findings.length > 0 && <h3 style={{ margin: '16px 0 8px' }}>未解决的问题</h3>}
        {q.findings.length > 0 && (
          <DataTable
            name="未解决的质量问题"
            rows={q.findings}
            rowKey={row => row.id}
            columns={[
              { title: '质量问题', head: true, cell: row => row.text },
              { title: '维度', narrow: true, cell: row => row.label },
              { title: '数量', narrow: true, right: true, cell: row => number(row.failed) },
              { title: '批次', narrow: true, keep: true, cell: row => row.batchNo },
              {
                title: '任务',
                narrow: true,
                keep: true,
                cell: row => (row.caseNo ? <A href={at(`/cases/${row.caseNo}`)}>{row.caseNo}</A> : '—'),
              },
            ]}
          />
        )}
      </Sheet>
    </>
  )
}
