import { Button, Input, Select } from 'antd'
import { useState } from 'react'
import { type DatabaseDetail, type Offered, offerDatabase } from '../../../contract/bases.ts'
import { treatments } from '../../../contract/procedure.ts'
import { A, at } from '../../app/link.tsx'
import { Line, SideForm } from '../../app/SideForm.tsx'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field } from '../../ui/Field.tsx'
import { moment } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Sheet } from '../../ui/Page.tsx'

/** 接口开放: what every department of the region gets at once; set by the builder. */
export function OfferOf({ of: d }: { of: DatabaseDetail }) {
  const [asking, setAsking] = useState(false)
  const may = d.may.includes('offer')
  if (!d.entry || !d.refreshed || d.kind !== 'base' || (!may && !d.offer)) return null
  const item = (key: string) => d.entry!.items.find(i => i.key === key)
  return (
    <Sheet title="对各部门开放的接口" note={may && <Button onClick={() => setAsking(true)}>{d.offer ? '修改' : '开放接口'}</Button>}>
      {d.offer ? (
        <div className="stack-small">
          <p>
            {d.offer.way} <A href={at('/sharing/bases')}>基础数据库接口</A>
            <span className="ht-hint">
              {' '}
              {d.offer.person}，{moment(d.offer.since)}
            </span>
          </p>
          <DataTable
            name="开放的信息项"
            rows={d.offer.items}
            rowKey={row => row.key}
            columns={[
              { title: '信息项', head: true, cell: row => item(row.key)?.name ?? row.key },
              {
                title: '处理方式',
                narrow: true,
                cell: row => (
                  <Mark hue={row.treatment === 'plain' ? 'grey' : 'blue'}>
                    {treatments[row.treatment]}
                    {row.treatment === 'masked' &&
                      `（${item(row.key)?.profiles.find(p => p.value === row.profile)?.label ?? item(row.key)?.profiles[0]?.label}）`}
                  </Mark>
                ),
              },
              { title: '原样提供的理由', cell: row => row.reason || '—' },
            ]}
          />
        </div>
      ) : (
        <p>还没有开放，各部门要逐件申请。</p>
      )}
      {asking && <Ask of={d} shut={() => setAsking(false)} />}
    </Sheet>
  )
}

function Ask({ of: d, shut }: { of: DatabaseDetail; shut: () => void }) {
  const shared = d.entry!.items.filter(i => i.proposed)
  const items: Offered[] = d.offer?.items ?? shared.map(i => ({ key: i.key, treatment: i.proposed!, reason: '' }))
  return (
    <SideForm
      endpoint={offerDatabase}
      title={`对各部门开放“${d.title}”`}
      verb="保存"
      start={{ items, way: d.offer?.way ?? '' }}
      params={{ id: d.id }}
      shut={shut}
    >
      {form => (
        <>
          <p className="ht-note">
            本地区各部门写明用途后可以一步取得授权，逐次留痕。没有另作决定的，姓名、地址等脱敏，其余只核验；原样提供的写理由。一项都不选，就是关闭接口；已有的授权不变，要收回的逐件终止。
          </p>
          <Field form={form} at="/items" label="信息项与处理方式" group>
            {({ id, labelledby, value, onChange }) => {
              const given: Offered[] = value ?? []
              const change = (key: string, part: Partial<Offered>) =>
                onChange(given.map(one => (one.key === key ? { ...one, ...part } : one)))
              return (
                <fieldset id={id} aria-labelledby={labelledby} className="choices" tabIndex={-1}>
                  {shared.map(i => {
                    const one = given.find(o => o.key === i.key)
                    return (
                      <div key={i.key} className="stack-small">
                        <div className="row">
                          <label style={{ flex: 1 }} className={one ? 'on' : undefined}>
                            <input
                              type="checkbox"
                              checked={Boolean(one)}
                              onChange={event =>
                                onChange(
                                  event.target.checked
                                    ? [...given, { key: i.key, treatment: i.proposed!, reason: '' }]
                                    : given.filter(o => o.key !== i.key),
                                )
                              }
                            />
                            <span>{i.name}</span>
                          </label>
                          <Select
                            aria-label={`${i.name}的处理方式`}
                            style={{ width: 104 }}
                            disabled={!one}
                            value={one?.treatment}
                            placeholder="不开放"
                            options={Object.entries(treatments).map(([key, label]) => ({ value: key, label }))}
                            onChange={(treatment: Offered['treatment']) => change(i.key, { treatment, profile: undefined, reason: '' })}
                          />
                        </div>
                        {one?.treatment === 'masked' && i.profiles.length > 1 && (
                          <Select
                            aria-label={`${i.name}的脱敏方式`}
                            value={one.profile ?? i.profiles[0]?.value}
                            options={i.profiles}
                            onChange={profile => change(i.key, { profile })}
                          />
                        )}
                        {one?.treatment === 'plain' && (
                          <Input
                            aria-label={`${i.name}原样提供的理由`}
                            placeholder="为什么要原样提供"
                            value={one.reason}
                            onChange={event => change(i.key, { reason: event.target.value })}
                          />
                        )}
                      </div>
                    )
                  })}
                </fieldset>
              )
            }}
          </Field>
          <Line form={form} at="/way" label="提供方式和使用要求" type="area" />
        </>
      )}
    </SideForm>
  )
}
