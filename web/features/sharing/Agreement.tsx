import { useParams } from '@tanstack/react-router'
import { Button } from 'antd'
import { agreement } from '../../../contract/sharing.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { moment } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { Loaded } from '../../ui/states.tsx'

/** 使用协议: what both sides sign, to be read before and printed afterwards. */
export function AgreementPage() {
  const { id } = useParams({ strict: false }) as { id: string }
  const load = useRead(agreement, { params: { id } })
  return (
    <Loaded load={load}>
      {one => {
        const [title, ...clauses] = one.text.split('\n')
        return (
          <Page
            title={title!}
            crumb={<A href={at(`/grants/${id}`)}>授权 {one.grantNo}</A>}
            sub={
              <>
                <Mark hue={one.open ? 'yellow' : 'green'}>{one.open ? '等待签订' : '已签订'}</Mark>
                {one.caseNo && <A href={at(`/cases/${one.caseNo}`)}>办件 {one.caseNo}</A>}
              </>
            }
            acts={<Button onClick={() => print()}>打印</Button>}
          >
            <div className="stack">
              <Sheet title={one.title}>
                {clauses.map(clause => (
                  <p key={clause} style={{ margin: '0 0 12px' }}>
                    {clause}
                  </p>
                ))}
              </Sheet>
              <Sheet title="签订">
                {one.signed.length ? (
                  <Facts
                    of={one.signed.map(s => [
                      s.department ?? '',
                      <>
                        {s.person}，{moment(s.at)}
                        {s.number && `，${s.number}`}
                        {s.ledger && (
                          <>
                            {' '}
                            <A href={at(`/audit/${s.ledger}`)}>留痕 {s.ledger}</A>
                          </>
                        )}
                      </>,
                    ])}
                  />
                ) : (
                  <p className="ht-hint">还没有人签订。在办件页点「签订协议」。</p>
                )}
                <p className="ht-hint" style={{ marginTop: 12, overflowWrap: 'anywhere' }}>
                  生成于 {moment(one.made)}，之后不能改动。全文的 SM3 摘要：{one.digest}，与账本里「生成授权」记录的相同。
                </p>
              </Sheet>
            </div>
          </Page>
        )
      }}
    </Loaded>
  )
}
