import { useParams } from '@tanstack/react-router'
import { Button } from 'antd'
import { demandForm } from '../../../contract/sharing.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { Loaded } from '../../ui/states.tsx'
import { citeWords } from '../../ui/Why.tsx'

/** 需求申请表: the application in the shape people file and print. */
export function DemandFormPage() {
  const { no } = useParams({ strict: false }) as { no: string }
  const load = useRead(demandForm, { params: { no } })
  return (
    <Loaded load={load}>
      {form => (
        <Page
          title={form.title}
          crumb={<A href={at(`/cases/${form.no}`)}>办件 {form.no}</A>}
          sub={<span>{citeWords(form.cite)}</span>}
          acts={<Button onClick={() => print()}>打印</Button>}
        >
          <Sheet title={form.entry}>
            <Facts
              of={[
                ['编号', form.no],
                ['日期', form.made],
                ['申请部门', form.applicant],
                ['提供部门', form.provider],
                ...form.rows.map(row => [row.label, row.value] as [string, string]),
                ['共享条件', form.conditions || null],
              ]}
            />
          </Sheet>
        </Page>
      )}
    </Loaded>
  )
}
