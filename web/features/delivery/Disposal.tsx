import { Button, Input, Radio, Select } from 'antd'
import { useState } from 'react'
import { type Disposal, disposal, disposals, type Grant, stateDisposal } from '../../../contract/delivery.ts'
import { useRead } from '../../app/query.ts'
import { type AnyForm, Line, SideForm } from '../../app/SideForm.tsx'
import { Field } from '../../ui/Field.tsx'
import { moment, number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Facts, Sheet } from '../../ui/Page.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

/** 数据处置: what became of the data, once the grant has ended. */
export function DisposalOf({ of: grant }: { of: Grant }) {
  const load = useRead(disposal, { params: { id: grant.id } })
  const [stating, setStating] = useState(false)
  const one = load.data
  if (!one?.ended) return null
  const [newest, ...earlier] = one.statements
  return (
    <Sheet
      title="数据处置"
      note={
        newest ? (
          <Mark hue="green" shape="✓">
            已说明{newest.late && '（逾期）'}
          </Mark>
        ) : one.late ? (
          <Mark hue="red" shape="■">
            逾期未说明
          </Mark>
        ) : one.received.length ? (
          <Mark hue="yellow" shape="▲">
            待说明
          </Mark>
        ) : (
          <Mark hue="grey">没有取得过数据</Mark>
        )
      }
      {...(one.mayState && {
        acts: (
          <Button type={newest ? 'default' : 'primary'} onClick={() => setStating(true)}>
            {newest ? '再次说明' : '说明数据处置'}
          </Button>
        ),
      })}
    >
      <div className="stack">
        {one.received.length > 0 && (
          <Facts
            of={[
              ...one.received.map((r): [string, string] => [
                `经${r.label}取得`,
                `${number(r.rows)} 行，${number(r.times)} 次${r.last ? `，最近 ${moment(r.last)}` : ''}`,
              ]),
              ['应于', one.due ? `${one.due} 前` : '—'],
              [
                '依据',
                <span key="c">
                  {citeWords(one.cite)}
                  <Why cite={one.cite} />
                  {one.platform && (
                    <>
                      ；使用应遵守 {citeWords(one.use)}
                      <Why cite={one.use} />
                    </>
                  )}
                </span>,
              ],
            ]}
          />
        )}
        {newest && <Statement of={newest} />}
        {earlier.length > 0 && (
          <details>
            <summary>以前的说明（{earlier.length}）</summary>
            {earlier.map(s => (
              <Statement key={s.id} of={s} />
            ))}
          </details>
        )}
      </div>
      {stating && <State of={one} grant={grant} shut={() => setStating(false)} />}
    </Sheet>
  )
}

const Statement = ({ of: s }: { of: Disposal['statements'][number] }) => (
  <Facts
    of={[
      ...s.done.map((d): [string, string] => [d.label, [d.doneLabel, d.basis && `依据 ${d.basis}`, d.grant].filter(Boolean).join('，')]),
      ['处置', `${s.by}，${s.on}`],
      ['说明', `${s.person}，${moment(s.at)}${s.late ? '（逾期）' : ''}`],
      ['备注', s.note || null],
      [
        '附件',
        s.attachment && (
          <details key="a">
            <summary>{s.attachment.name}</summary>
            <pre className="code" tabIndex={0} aria-label={s.attachment.name}>
              {s.attachment.text}
            </pre>
          </details>
        ),
      ],
    ]}
  />
)

function State({ of: one, grant, shut }: { of: Disposal; grant: Grant; shut: () => void }) {
  const start = {
    done: one.received.map(r => ({ way: r.way, done: 'deleted', basis: '', grant: one.later[0]?.no ?? '' })),
    by: '',
    on: '',
    note: '',
    attachmentName: '',
    attachmentText: '',
  }
  const body = ({ attachmentName, attachmentText, ...rest }: Record<string, any>) => ({
    ...rest,
    done: rest.done.map((d: { done: string; basis: string; grant: string }) => ({
      ...d,
      basis: d.done === 'kept' ? d.basis : '',
      grant: d.done === 'continued' ? d.grant : '',
    })),
    ...(attachmentText && { attachment: { name: attachmentName || '附件.txt', text: attachmentText } }),
  })
  return (
    <SideForm
      endpoint={stateDisposal}
      title={`数据处置 ${grant.no}`}
      verb="提交说明"
      start={start}
      params={{ id: grant.id }}
      body={body}
      shut={shut}
    >
      {form => (
        <>
          {one.received.map((r, n) => (
            <Way key={r.way} form={form} n={n} label={r.label} later={one.later} />
          ))}
          <Line form={form} at="/by" label="由谁处置" hint="单位或姓名" />
          <Line form={form} at="/on" label="处置日期" type="date" />
          <Line form={form} at="/note" label="备注" type="area" required={false} />
          <Line form={form} at="/attachmentName" label="附件名称" required={false} />
          <Line form={form} at="/attachmentText" label="附件内容" hint="例如销毁清单的文字" type="area" required={false} />
        </>
      )}
    </SideForm>
  )
}

function Way({ form, n, label, later }: { form: AnyForm; n: number; label: string; later: Disposal['later'] }) {
  const now = form.value.done[n].done as keyof typeof disposals
  const choices = (Object.keys(disposals) as (keyof typeof disposals)[]).filter(key => key !== 'continued' || later.length)
  return (
    <>
      <Field form={form} at={`/done/${n}/done`} label={`经${label}取得的数据`} required group>
        {({ id, labelledby, value, onChange }) => (
          <Radio.Group
            id={id}
            aria-labelledby={labelledby}
            value={value}
            onChange={event => onChange(event.target.value)}
            options={choices.map(key => ({ value: key, label: disposals[key] }))}
          />
        )}
      </Field>
      {now === 'kept' && (
        <Field form={form} at={`/done/${n}/basis`} label="保留的依据" hint="法律法规的名称和条款" required>
          {({ labelledby: _, onChange, ...control }) => <Input {...control} onChange={event => onChange(event.target.value)} />}
        </Field>
      )}
      {now === 'continued' && (
        <Field form={form} at={`/done/${n}/grant`} label="后续授权" required>
          {({ labelledby: _, ...control }) => (
            <Select {...control} options={later.map(g => ({ value: g.no, label: `${g.no}${g.until ? `，至 ${g.until}` : ''}` }))} />
          )}
        </Field>
      )}
    </>
  )
}
