import { useNavigate } from '@tanstack/react-router'
import { Button, Select } from 'antd'
import { useState } from 'react'
import { systems } from '../../../contract/organization.ts'
import { access, type BaseInterface, baseInterfaces } from '../../../contract/sharing.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { Line, SideForm } from '../../app/SideForm.tsx'
import { useMay } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field } from '../../ui/Field.tsx'
import { amount, codeInUrl, moment } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

/** 基础数据库接口: which base databases this department may call, for what, and a grant in one step. */
export function BaseInterfaces() {
  const load = useRead(baseInterfaces)
  const may = useMay(access)
  const [taking, setTaking] = useState<BaseInterface | null>(null)
  return (
    <Page
      title="基础数据库接口"
      crumb={<A href={at('/sharing')}>查找数据</A>}
      sub={<span>建设部门对本地区各部门开放的，写明用途和履职依据后一步取得授权；要另外的信息项或原样取得的，提出申请。</span>}
    >
      <Loaded load={load}>
        {({ rows }) => (
          <div className="stack">
            {rows.length === 0 && <Nothing>本地区还没有归集好的基础数据库。</Nothing>}
            {rows.map(row => (
              <Sheet
                key={row.id}
                title={row.title}
                note={
                  row.open &&
                  !row.own &&
                  may && (
                    <Button type={row.grant ? 'default' : 'primary'} onClick={() => setTaking(row)}>
                      {row.grant ? '再取一个授权' : '取得授权'}
                    </Button>
                  )
                }
              >
                <div className="stack-small">
                  <p className="row">
                    <Mark hue={row.open ? 'green' : 'grey'} shape={row.open ? '●' : '■'}>
                      {row.open ? '已开放' : '要申请'}
                    </Mark>
                    <span className="ht-ink2">
                      {row.builder} · {amount(row.rows)} 条 · {moment(row.updated).slice(0, 10)} 更新
                    </span>
                    <span>
                      {citeWords(row.cite)}
                      <Why cite={row.cite} />
                    </span>
                  </p>
                  {row.grant && (
                    <p>
                      本部门的授权：<A href={at(`/grants/${row.grant.id}`)}>{row.grant.no}</A>
                    </p>
                  )}
                  {row.way && <p>{row.way}</p>}
                  {row.items.length > 0 && (
                    <DataTable
                      name={`${row.title}的信息项`}
                      rows={row.items}
                      rowKey={item => item.key}
                      columns={[
                        { title: '信息项', head: true, cell: item => item.name },
                        {
                          title: '处理方式',
                          narrow: true,
                          cell: item => <Mark hue={item.treatment === 'plain' ? 'grey' : 'blue'}>{item.treatmentLabel}</Mark>,
                        },
                      ]}
                    />
                  )}
                  {row.own ? (
                    <p>
                      由本部门建设：<A href={at(`/databases/${row.id}`)}>{row.open ? '修改开放的信息项' : '开放接口'}</A>
                    </p>
                  ) : (
                    <p>
                      {row.others.length > 0 && `没有开放的：${row.others.join('、')}。`}
                      <A href={at('/sharing/apply', { entry: codeInUrl(row.code) })}>申请使用</A>
                    </p>
                  )}
                </div>
              </Sheet>
            ))}
          </div>
        )}
      </Loaded>
      {taking && <Take of={taking} shut={() => setTaking(null)} />}
    </Page>
  )
}

function Take({ of: one, shut }: { of: BaseInterface; shut: () => void }) {
  const own = useRead(systems)
  const go = useNavigate()
  return (
    <SideForm
      endpoint={access}
      title={`取得“${one.title}”的授权`}
      verb="取得授权"
      start={{ entryId: one.entryId, system: undefined, purpose: '', duty: '', dataName: one.title }}
      body={({ items, ...rest }) => rest}
      shut={shut}
      done={grant => go({ to: `/grants/${grant.id}` as never })}
    >
      {form => (
        <>
          <p className="ht-note">
            立即生效，给予：{one.items.map(item => `${item.name}（${item.treatmentLabel}）`).join('、')}。每次取用都登记使用人员和事项。
          </p>
          <Field form={form} at="/system" label="使用数据的信息系统" required>
            {({ labelledby: _, ...control }) => (
              <Select
                {...control}
                loading={own.isPending}
                placeholder="选择已登记的信息系统"
                notFoundContent="本部门还没有登记信息系统"
                options={own.data?.map(system => ({ value: system.id, label: system.name }))}
              />
            )}
          </Field>
          <Line form={form} at="/purpose" label="使用用途" hint="每次取用都记下它" type="area" />
          <Line form={form} at="/duty" label="履职依据" hint="哪部规定的哪一条" required={one.needs.some(need => need.name === 'duty')} />
        </>
      )}
    </SideForm>
  )
}
