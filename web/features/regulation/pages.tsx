import { useParams } from '@tanstack/react-router'
import { Button, Select } from 'antd'
import { useState } from 'react'
import type { Reply } from '../../../contract/endpoint.ts'
import { regions } from '../../../contract/organization.ts'
import { addRegion, endLaw, gates, recordLaw, regionLaw, regulation, regulations, switchGate } from '../../../contract/regulation.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { Line, SideForm } from '../../app/SideForm.tsx'
import { useFilters } from '../../app/search.ts'
import { useMay, useSession } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field } from '../../ui/Field.tsx'
import { longDay, moment } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { Why } from '../../ui/Why.tsx'
import { Overrides } from './Overrides.tsx'
import { CiteCell, LawTabs, RegionChoice } from './parts.tsx'

type Summary = Reply<typeof regulations>[number]
type Detail = Reply<typeof regulation>
type Law = Reply<typeof regionLaw>

const hue: Record<Summary['status'], Hue> = {
  'in-force': 'green',
  draft: 'violet',
  expired: 'violet',
  future: 'violet',
  platform: 'violet',
}
const validity = (one: Pick<Summary, 'from' | 'until'>) =>
  one.from ? `${longDay(one.from)}起${one.until ? `，至 ${longDay(one.until)}` : ''}` : '—'

export function Regulations() {
  const session = useSession()
  const filters = useFilters({ tab: 'list', region: session.region.code })
  const { tab, region } = filters.value
  const choose = (code: string) => filters.set({ region: code })
  return (
    <Page title="法规" sub={<span>平台按这些规定办事；期限、由谁决定、要写什么都从这里来。</span>}>
      <LawTabs here={tab} />
      {tab === 'list' && <List region={session.region.code} />}
      {tab === 'places' && <Places key={region} region={region} choose={choose} />}
      {tab === 'gates' && <Gates key={region} region={region} choose={choose} />}
    </Page>
  )
}

function List({ region }: { region: string }) {
  const load = useRead(regulations)
  const law = useRead(regionLaw, { params: { code: region }, query: {} })
  return (
    <>
      {law.data && <Warnings of={law.data} />}
      <DataTable
        name="法规"
        rows={load.data}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        columns={[
          { title: '名称', head: true, cell: row => <A href={at(`/regulations/${row.id}`)}>{row.title}</A> },
          { title: '文号', cell: row => row.document || '—' },
          { title: '有效期', cell: row => validity(row) },
          { title: '状态', narrow: true, cell: row => <Mark hue={hue[row.status]}>{row.statusLabel}</Mark> },
          {
            title: '适用地区',
            cell: row => row.regions.map(place => `${place.name}${place.note ? `（${place.note}）` : ''}`).join('、') || '—',
          },
        ]}
      />
    </>
  )
}

/** What runs out soon or has run out: said on every page where somebody could still do something about it. */
function Warnings({ of }: { of: Pick<Law, 'warnings' | 'code'> }) {
  if (!of.warnings.length) return null
  return (
    <div className="ht-note yellow" role="status" style={{ marginBottom: 16 }}>
      {of.warnings.map(w => (
        <p key={w.regulation}>
          <b>
            {w.place} · {w.title}
          </b>{' '}
          {w.text} <A href={at('/regulations', { tab: 'places', region: of.code })}>登记延用</A>
        </p>
      ))}
    </div>
  )
}

function Places({ region, choose }: { region: string; choose: (code: string) => void }) {
  const load = useRead(regionLaw, { params: { code: region }, query: {} })
  const [adding, setAdding] = useState<'record' | 'region' | null>(null)
  const [ending, setEnding] = useState<Law['records'][number] | null>(null)
  const mayRegion = useMay(addRegion)
  return (
    <>
      <div className="filters">
        <RegionChoice value={region} choose={choose} />
        <div>
          <div className="row">
            {load.data?.mayChange && (
              <Button type="primary" onClick={() => setAdding('record')}>
                登记采用或延用
              </Button>
            )}
            {mayRegion && <Button onClick={() => setAdding('region')}>添加地区</Button>}
          </div>
        </div>
      </div>
      <Loaded load={load}>
        {law => (
          <div className="stack">
            <Warnings of={law} />
            <Sheet title={`${law.name}在用的规定`} note={`${longDay(law.day)}`}>
              <DataTable
                name="在用的规定"
                rows={law.adopted}
                rowKey={row => row.regulation}
                empty={<Nothing>{law.name}没有采用自己的规定，按上级地区的规定和平台约定办。</Nothing>}
                columns={[
                  { title: '规定', head: true, cell: row => <A href={at(`/regulations/${row.regulation}`)}>{row.title}</A> },
                  { title: '状态', cell: row => <Mark hue={row.status === 'in-force' ? 'green' : 'violet'}>{row.statusLabel}</Mark> },
                  {
                    title: '新的办件',
                    cell: row =>
                      row.usable ? (
                        <Mark hue="green" shape="●">
                          可以开始
                        </Mark>
                      ) : (
                        <Mark hue="red" shape="■">
                          不能开始
                        </Mark>
                      ),
                  },
                  { title: '依据', cell: row => <CiteCell cite={row.cite} /> },
                  { title: '版本', keep: true, narrow: true, cell: row => <span className="ht-code">{row.version.slice(0, 8)}</span> },
                ]}
              />
            </Sheet>
            <Sheet title="登记" note="采用、延用和上位法，每一次都留痕">
              <DataTable
                name="登记"
                rows={law.records}
                rowKey={row => row.id}
                columns={[
                  { title: '事项', head: true, cell: row => `${row.kindLabel} ${row.title}` },
                  {
                    title: '起止',
                    cell: row => `${row.from ? longDay(row.from) : '自平台启用'}起${row.until ? `，至 ${longDay(row.until)}` : ''}`,
                  },
                  {
                    title: '文件和说明',
                    cell: row => [row.document, row.note].filter(Boolean).join('；') || '—',
                  },
                  { title: '登记人', cell: row => row.by ?? '随平台发布' },
                  {
                    title: '状态',
                    narrow: true,
                    cell: row =>
                      row.ended ? (
                        <>
                          <Mark shape="‖">{longDay(row.ended.on)}起终止</Mark>
                          <div className="ht-meta">
                            {row.ended.by}：{row.ended.reason}
                          </div>
                        </>
                      ) : row.counts ? (
                        <Mark hue="green" shape="●">
                          有效
                        </Mark>
                      ) : (
                        <Mark>未到或已过期限</Mark>
                      ),
                  },
                  ...(law.mayChange
                    ? [
                        {
                          title: '操作',
                          narrow: true,
                          cell: (row: Law['records'][number]) =>
                            row.ended ? null : (
                              <Button aria-label={`终止：${row.kindLabel} ${row.title}`} onClick={() => setEnding(row)}>
                                终止
                              </Button>
                            ),
                        },
                      ]
                    : []),
                ]}
              />
            </Sheet>
            <Overrides region={region} mayChange={law.mayChange} />
          </div>
        )}
      </Loaded>
      {adding === 'record' && <RecordForm region={region} day={load.data!.day} shut={() => setAdding(null)} />}
      {adding === 'region' && <RegionForm shut={() => setAdding(null)} choose={choose} />}
      {ending && (
        <SideForm
          key={ending.id}
          endpoint={endLaw}
          title={`终止：${ending.kindLabel} ${ending.title}`}
          verb="终止这条登记"
          params={{ code: region, id: ending.id }}
          start={{ from: load.data!.day, reason: '' }}
          shut={() => setEnding(null)}
        >
          {form => (
            <>
              <p className="ht-note">已经开始的办件照原规定办完；从这一天起，新的办件按终止后的规定判断。</p>
              <Line form={form} at="/from" label="从哪天起终止" type="date" />
              <Line form={form} at="/reason" label="理由" type="area" />
            </>
          )}
        </SideForm>
      )}
    </>
  )
}

const kinds = [
  { value: 'continuation', label: '延用、续期或试行' },
  { value: 'adoption', label: '采用一部规定' },
  { value: 'layer', label: '采用上位法（取较短的期限）' },
]
function RecordForm({ region, day, shut }: { region: string; day: string; shut: () => void }) {
  const texts = useRead(regulations)
  return (
    <SideForm
      endpoint={recordLaw}
      title="登记采用或延用"
      verb="登记"
      params={{ code: region }}
      start={{ kind: 'continuation', from: day, document: '', note: '' }}
      body={({ until, ...rest }) => ({ ...rest, ...(until && { until }) })}
      shut={shut}
    >
      {form => (
        <>
          <Field form={form} at="/kind" label="事项" required>
            {({ labelledby: _, ...control }) => <Select {...control} options={kinds} />}
          </Field>
          <Field form={form} at="/regulation" label="规定" required>
            {({ labelledby: _, ...control }) => (
              <Select
                {...control}
                options={texts.data?.filter(one => one.status !== 'platform').map(one => ({ value: one.id, label: one.title }))}
              />
            )}
          </Field>
          <Line form={form} at="/from" label="自哪天起" type="date" />
          <Line form={form} at="/until" label="至哪天（最后一天）" type="date" required={false} hint="没有写明期限的不填" />
          <Line form={form} at="/document" label="所依据的文件" hint="文件名称或文号" />
          <Line form={form} at="/note" label="说明" type="area" required={false} />
        </>
      )}
    </SideForm>
  )
}

function RegionForm({ shut, choose }: { shut: () => void; choose: (code: string) => void }) {
  const places = useRead(regions)
  return (
    <SideForm
      endpoint={addRegion}
      title="添加地区"
      verb="添加地区"
      start={{ code: '', name: '', level: 'county', parent: undefined }}
      body={({ parent, ...rest }) => ({ ...rest, parent: parent ?? null })}
      shut={shut}
      done={reply => choose(reply.code)}
    >
      {form => (
        <>
          <p className="ht-note">地区添加后，先在“导入”里导入它的规定并登记采用；没有规定的事项按上级地区和平台约定。</p>
          <Line form={form} at="/code" label="地区代码" hint="6 位行政区划代码" />
          <Line form={form} at="/name" label="名称" />
          <Field form={form} at="/level" label="层级" required>
            {({ labelledby: _, ...control }) => (
              <Select
                {...control}
                options={[
                  { value: 'province', label: '省' },
                  { value: 'city', label: '市' },
                  { value: 'county', label: '县' },
                ]}
              />
            )}
          </Field>
          <Field form={form} at="/parent" label="上级地区" hint="平台里没有上级的不填">
            {({ labelledby: _, ...control }) => (
              <Select {...control} allowClear options={places.data?.map(place => ({ value: place.code, label: place.name }))} />
            )}
          </Field>
        </>
      )}
    </SideForm>
  )
}

const modeLabels = { block: '阻断', remind: '提醒并记录' } as const
function Gates({ region, choose }: { region: string; choose: (code: string) => void }) {
  const load = useRead(gates, { params: { code: region } })
  const [turning, setTurning] = useState<Reply<typeof gates>['rows'][number] | null>(null)
  const mayChange = load.data?.mayChange
  return (
    <>
      <div className="filters">
        <RegionChoice value={region} choose={choose} />
      </div>
      <p className="ht-note" style={{ marginBottom: 16 }}>
        条文规定了这些义务，但没有说“不办就不能往下走”。阻断是平台约定，各地可以改为提醒并记录；每次拒绝都会这样说明，每次切换都留痕。
      </p>
      <DataTable
        name="平台约定"
        rows={load.data?.rows}
        rowKey={row => row.key}
        error={load.error}
        retry={load.refetch}
        columns={[
          { title: '事项', head: true, cell: row => row.label },
          { title: '要求', cell: row => row.text },
          {
            title: '义务的依据',
            cell: row =>
              row.cites.length
                ? row.cites.map(cite => (
                    <div key={cite.title + cite.article}>
                      <CiteCell cite={cite} />
                    </div>
                  ))
                : '—',
          },
          {
            title: '没有做到时',
            narrow: true,
            cell: row => (
              <Mark hue={row.mode === 'block' ? 'violet' : 'blue'} shape={row.mode === 'block' ? '■' : '◇'}>
                {modeLabels[row.mode]}
              </Mark>
            ),
          },
          {
            title: '最近切换',
            cell: row =>
              row.changed ? (
                <>
                  {row.reason}
                  <div className="ht-meta">
                    {row.by} · {moment(row.changed)}
                  </div>
                </>
              ) : (
                <span className="ht-ink3">平台默认</span>
              ),
          },
          ...(mayChange
            ? [
                {
                  title: '操作',
                  narrow: true,
                  cell: (row: Reply<typeof gates>['rows'][number]) => (
                    <Button
                      aria-label={`${row.label}：改为${modeLabels[row.mode === 'block' ? 'remind' : 'block']}`}
                      onClick={() => setTurning(row)}
                    >
                      改为{modeLabels[row.mode === 'block' ? 'remind' : 'block']}
                    </Button>
                  ),
                },
              ]
            : []),
        ]}
      />
      {turning && (
        <SideForm
          key={turning.key}
          endpoint={switchGate}
          title={`${load.data!.region} · ${turning.label}：改为${modeLabels[turning.mode === 'block' ? 'remind' : 'block']}`}
          verb="切换"
          params={{ code: region, key: turning.key }}
          start={{ mode: turning.mode === 'block' ? 'remind' : 'block', reason: '' }}
          shut={() => setTurning(null)}
        >
          {form => (
            <>
              <p>{turning.text}</p>
              <Line form={form} at="/reason" label="理由" type="area" />
            </>
          )}
        </SideForm>
      )}
    </>
  )
}

export function RegulationPage() {
  const { id } = useParams({ strict: false }) as { id: string }
  const filters = useFilters({ tab: 'procedures' })
  const { tab } = filters.value
  const load = useRead(regulation, { params: { id } })
  return (
    <Loaded load={load}>
      {one => (
        <Page
          title={one.title}
          crumb={<A href={at('/regulations')}>法规</A>}
          sub={
            <>
              <span>{one.document}</span>
              <Mark hue={hue[one.status]}>{one.statusLabel}</Mark>
              <span>{validity(one)}</span>
            </>
          }
        >
          <nav className="tabs" aria-label="内容">
            {(
              [
                ['procedures', `办理程序 ${one.procedures.length}`],
                ['rules', `规则 ${one.rules.length}`],
                ...(one.limits.length ? [['limits', `期限上限 ${one.limits.length}`] as const] : []),
                ['validity', '效力'],
                ['roles', '角色和用语'],
              ] as const
            ).map(([key, label]) => (
              <A key={key} href={filters.address({ tab: key })} aria-current={tab === key ? 'page' : undefined}>
                {label}
              </A>
            ))}
          </nav>
          {tab === 'procedures' && (
            <div className="stack">
              {one.procedures.length === 0 && <Nothing>这部法规没有自己的办理程序，按上级规定或平台约定办。</Nothing>}
              {one.procedures.length > 3 && (
                <p className="row">
                  {one.procedures.map(p => (
                    <a key={p.key} href={`#${p.key}`}>
                      {p.label}
                    </a>
                  ))}
                </p>
              )}
              {one.procedures.map(procedure => (
                <ProcedureSheet key={procedure.key} of={procedure} />
              ))}
            </div>
          )}
          {tab === 'rules' && (
            <DataTable
              name="规则"
              rows={one.rules}
              rowKey={rule => rule.topic}
              columns={[
                { title: '事项', head: true, cell: rule => rule.label },
                {
                  title: '怎么定的',
                  cell: rule => (
                    <>
                      {rule.words.length > 0 && (
                        <dl className="ht-facts">
                          {rule.words.map(w => (
                            <div key={w.label} style={{ display: 'contents' }}>
                              <dt>{w.label}</dt>
                              <dd>{w.value}</dd>
                            </div>
                          ))}
                        </dl>
                      )}
                      <div className={rule.words.length ? 'ht-ink2' : undefined}>{rule.text}</div>
                    </>
                  ),
                },
                { title: '依据', narrow: true, cell: rule => <CiteCell cite={rule.cite} /> },
              ]}
            />
          )}
          {tab === 'limits' && (
            <DataTable
              name="期限上限"
              rows={one.limits}
              rowKey={limit => limit.clock}
              columns={[
                { title: '时钟', head: true, cell: limit => limit.label },
                { title: '最长', cell: limit => limit.time },
                { title: '依据', narrow: true, cell: limit => <CiteCell cite={limit.cite} /> },
              ]}
            />
          )}
          {tab === 'validity' && <Validity of={one} />}
          {tab === 'roles' && (
            <div className="stack">
              <DataTable
                name="用语"
                rows={one.terms}
                rowKey={term => term.key}
                columns={[
                  { title: '事项', head: true, cell: term => term.label },
                  { title: '本地的说法', cell: term => term.values.map(value => value.label).join(' · ') },
                  { title: '依据', narrow: true, cell: term => <CiteCell cite={term.cite} /> },
                ]}
              />
              <DataTable
                name="角色"
                rows={one.roles}
                rowKey={role => role.key}
                columns={[
                  { title: '在程序中是', head: true, cell: role => role.label },
                  { title: '代号', cell: role => <code>{role.key}</code>, narrow: true },
                ]}
              />
            </div>
          )}
        </Page>
      )}
    </Loaded>
  )
}

/** A procedure drawn as its steps: who, how long, what may be done and what it must state. */
function ProcedureSheet({ of }: { of: Detail['procedures'][number] }) {
  return (
    <Sheet id={of.key} title={of.label} note={<CiteCell cite={of.cite} />}>
      <div className="stack-small">
        <p className="ht-ink2">{of.text}</p>
        <Facts of={[['谁可以提出', of.who], ...(of.requires ? ([['提出时写明', of.requires]] as [string, string][]) : [])]} />
        {of.steps.length > 0 && (
          <DataTable
            name={`${of.label}的步骤`}
            rows={of.steps}
            rowKey={step => step.name}
            columns={[
              { title: '步骤', head: true, cell: (step, index) => `${index + 1}. ${step.label}` },
              {
                title: '由谁',
                cell: step => step.by.join(step.all ? '、' : ' 或 ') + (step.all && step.by.length > 1 ? '（都要办）' : ''),
              },
              {
                title: '时限',
                cell: step => (
                  <>
                    {step.times.map(t => (
                      <div key={t.label}>{step.times.length > 1 ? `${t.label}：${t.time}` : t.time}</div>
                    ))}
                    {step.extend && <div className="ht-hint">{step.extend}</div>}
                  </>
                ),
              },
              {
                title: '可以做',
                cell: step => (
                  <ul>
                    {step.actions.map(action => (
                      <li key={action.name}>
                        {action.label}
                        {action.to && ` → ${action.to}`}
                        {action.requires && <span className="ht-hint">（要写：{action.requires}）</span>}
                      </li>
                    ))}
                  </ul>
                ),
              },
              { title: '依据', narrow: true, cell: step => <CiteCell cite={step.cite} /> },
            ]}
          />
        )}
        {of.ends.length > 0 && <p className="ht-ink2">结果：{of.ends.join('、')}</p>}
      </div>
    </Sheet>
  )
}

function Validity({ of: one }: { of: Detail }) {
  return (
    <Sheet>
      <Facts
        of={[
          ['文号', one.document],
          ['印发', one.issued ? longDay(one.issued) : '—'],
          [
            '有效期',
            <>
              {validity(one)} {one.validity && <Why cite={one.validity} />}
              {one.note && <div className="ht-hint">{one.note}</div>}
            </>,
          ],
          [
            '状态',
            <Mark key="status" hue={hue[one.status]}>
              {one.statusLabel}
            </Mark>,
          ],
          ['所依据的文件', one.basis.join('、') || '—'],
          ['解释机关', one.interpreter ?? '没有写明'],
          ...(one.repeals.length ? ([['废止', one.repeals.join('、')]] as [string, string][]) : []),
          ...(one.prevails ? ([['与其他规定不一致时', <CiteCell key="p" cite={one.prevails} />]] as [string, React.ReactNode][]) : []),
          [
            '适用地区',
            one.regions.length ? (
              <ul key="regions">
                {one.regions.map(place => (
                  <li key={place.code}>
                    <A href={at('/regulations', { tab: 'places', region: place.code })}>{place.name}</A>
                    {place.note && ` ${place.note}`}
                  </li>
                ))}
              </ul>
            ) : (
              '—'
            ),
          ],
          [
            '版本',
            <span key="v" className="ht-code" style={{ overflowWrap: 'anywhere' }}>
              {one.version.slice(0, 16)}
            </span>,
          ],
        ]}
      />
    </Sheet>
  )
}
