import { useNavigate, useParams, useRouterState } from '@tanstack/react-router'
import { App, Button, Checkbox, Input, Radio, Select } from 'antd'
import { useCallback, useEffect, useRef, useState } from 'react'
import {
  checkDraft,
  createEntry,
  type EntryContent,
  type EntryDetail,
  entryByCode,
  entryForm,
  formatClasses,
  grades,
  kinds,
  saveDraft,
  submitEntry,
  updateCycles,
} from '../../../contract/catalog.ts'
import type { Cite } from '../../../contract/common.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { call, problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { queryClient, reading, useAct, useRead } from '../../app/query.ts'
import { FaultWords, Field, Summary } from '../../ui/Field.tsx'
import { type Form, useForm } from '../../ui/form.ts'
import { codeInUrl, moment } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, ProblemNote } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'
import { BasisInput } from '../procedure/FormField.tsx'
import { ItemsGrid } from './ItemsGrid.tsx'
import { inContent, type Section, sectionOf, sections } from './sections.ts'
import { useWords } from './words.ts'

export function NewEntry() {
  const form = useForm({ title: '', kind: 3 as 1 | 2 | 3 })
  const navigate = useNavigate()
  const create = useAct(createEntry, entry => void navigate({ to: `/catalog/${codeInUrl(entry.code)}/edit` as string }))
  return (
    <Page title="登记目录" crumb={<A href={at('/catalog')}>目录</A>}>
      <Sheet>
        <form
          className="form"
          noValidate
          onSubmit={event => {
            event.preventDefault()
            if (form.complete()) create.mutate({ body: { content: form.value } }, { onError: form.refused })
          }}
        >
          <Summary form={form} />
          <Field form={form} at="/title" label="信息资源名称" required hint="说清是什么数据，如「城乡低保对象信息」，不写成文件名">
            {({ labelledby: _, onChange, ...control }) => (
              <Input {...control} maxLength={200} onChange={event => onChange(event.target.value)} />
            )}
          </Field>
          <Field form={form} at="/kind" label="分类" required group>
            {({ id, labelledby, value, onChange }) => (
              <Radio.Group
                id={id}
                name={id}
                aria-labelledby={labelledby}
                value={value}
                onChange={event => onChange(event.target.value)}
                options={Object.entries(kinds).map(([key, label]) => ({ value: Number(key), label: `${label}信息资源` }))}
              />
            )}
          </Field>
          <p className="ht-hint">先存成草稿，可以分几次填。提交时会一次列出还差什么、依据哪一条。</p>
          <Button type="primary" htmlType="submit" loading={create.isPending}>
            {create.isPending ? '正在建立…' : '开始编目'}
          </Button>
        </form>
      </Sheet>
    </Page>
  )
}

export function EditEntry() {
  const { code } = useParams({ strict: false }) as { code: string }
  // The editor owns the text from here on: a refetch must not replace what is being typed.
  const [entry, setEntry] = useState<EntryDetail | null>(null)
  const [error, setError] = useState<unknown>(null)
  const read = useCallback(() => {
    setError(null)
    call(entryByCode, { params: { code }, query: {} }).then(setEntry, setError)
  }, [code])
  useEffect(read, [read])
  return (
    <Loaded load={{ data: entry ?? undefined, error, isPending: !entry, refetch: read, dataUpdatedAt: 0 }}>
      {loaded => <Editor key={loaded.id} entry={loaded} code={code} reload={read} />}
    </Loaded>
  )
}

type Saved = { state: 'clean' | 'dirty' | 'saving' | 'saved' | 'failed' | 'conflict'; at?: string; error?: unknown }

function Editor({ entry, code, reload }: { entry: EntryDetail; code: string; reload: () => void }) {
  const backup = `draft:${code}`
  const kept = sessionStorage.getItem(backup)
  const form = useForm<EntryContent>(kept ? (JSON.parse(kept) as EntryContent) : entry.content)
  const words = useWords(entry.region)
  const asked = useRead(entryForm, { query: { region: entry.region } }).data
  const { message } = App.useApp()
  const navigate = useNavigate()
  const [saved, setSaved] = useState<Saved>({ state: kept ? 'dirty' : 'clean' })
  const etag = useRef(entry.etag)
  const firstCheck = useRead(checkDraft, { params: { code } })
  const [check, setCheck] = useState<Reply<typeof checkDraft> | undefined>()
  const current = check ?? firstCheck.data
  const hash = useRouterState({ select: state => state.location.hash }) || 'basic'
  const here = sections.some(section => section.key === hash) ? (hash as Section) : 'basic'

  const latest = useRef(form.value)
  latest.current = form.value
  const busy = useRef<Promise<void> | null>(null)

  const save = useCallback(
    async (overwrite = false): Promise<boolean> => {
      // One at a time: of two that waited for the same save the second would carry an outdated etag.
      while (busy.current) await busy.current
      const content = latest.current
      let fine = true
      setSaved({ state: 'saving' })
      busy.current = call(saveDraft, { params: { code }, body: { content, ...(!overwrite && { etag: etag.current }) } })
        .then(reply => {
          etag.current = reply.etag
          setCheck(reply.check)
          sessionStorage.removeItem(backup)
          setSaved({ state: latest.current === content ? 'saved' : 'dirty', at: new Date().toISOString() })
        })
        .catch(error => {
          fine = false
          const { status } = problemOf(error)
          setSaved({ state: status === 412 || status === 409 ? 'conflict' : 'failed', error })
        })
        .finally(() => {
          busy.current = null
        })
      await busy.current
      return fine
    },
    [code, backup],
  )

  // Saved 1.5 s after the last key, with a copy in this tab until the server has it.
  const started = useRef(false)
  // biome-ignore lint/correctness/useExhaustiveDependencies: begins with the text
  useEffect(() => {
    if (!started.current && !kept) {
      started.current = true
      return
    }
    started.current = true
    sessionStorage.setItem(backup, JSON.stringify(form.value))
    setSaved(now => ({ ...now, state: now.state === 'conflict' ? 'conflict' : 'dirty' }))
    const wait = setTimeout(() => saved.state !== 'conflict' && void save(), 1500)
    return () => clearTimeout(wait)
  }, [form.value])

  useEffect(() => {
    if (!['dirty', 'saving', 'failed'].includes(saved.state)) return
    const leave = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', leave)
    return () => removeEventListener('beforeunload', leave)
  }, [saved.state])
  // Leaving for another page sends what is not sent yet.
  useEffect(() => () => void (sessionStorage.getItem(backup) && save()), [save, backup])

  const submit = useAct(submitEntry, reply => {
    message.success('已提交审核')
    void navigate({ to: `/cases/${reply.caseNo}` as string })
  })
  const send = async () => {
    if (!(await save())) return
    submit.mutate(
      { params: { code } },
      {
        onError: error => {
          form.refused(error)
          void queryClient.fetchQuery(reading(checkDraft, { params: { code } })).then(setCheck)
        },
      },
    )
  }
  const faults = current?.faults ?? []
  const faultsAt = (section: Section) => faults.filter(fault => sectionOf(fault.pointer) === section)

  const toSection = (pointer: string) => (
    <A href={`${at(`/catalog/${code}/edit`)}#${sectionOf(pointer)}`} onClick={() => focusLater(form, pointer)}>
      {sections.find(section => section.key === sectionOf(pointer))?.label}
    </A>
  )
  return (
    <Page
      title={form.value.title || '（未命名）'}
      name={`编辑 ${form.value.title} · 目录`}
      crumb={
        <>
          <A href={at('/catalog')}>目录</A> › <A href={at(`/catalog/${code}`)}>{entry.code}</A>
        </>
      }
      sub={
        <>
          <Mark>{entry.publishedVersion ? `第 ${entry.publishedVersion + 1} 版草稿` : '草稿'}</Mark>
          <span role="status">
            {
              {
                clean: '没有未保存的内容',
                dirty: '有未保存的内容',
                saving: '正在保存…',
                saved: `已自动保存 ${moment(saved.at).slice(11)}`,
                failed: '没有保存成功，内容还在本机',
                conflict: '另一个窗口正在编辑',
              }[saved.state]
            }
          </span>
        </>
      }
      acts={
        <>
          {entry.publishedVersion && (
            <A className="ht-btn" href={at(`/catalog/${code}/compare`)}>
              与现行版本比较
            </A>
          )}
          <A className="ht-btn" href={at(`/catalog/${code}`)}>
            预览
          </A>
          <Button type="primary" loading={submit.isPending} onClick={send}>
            {submit.isPending ? '正在提交…' : `提交审核${current && !current.ready ? `（还差 ${faults.length} 处）` : ''}`}
          </Button>
        </>
      }
    >
      {saved.state === 'failed' && <ProblemNote error={saved.error} retry={() => void save()} />}
      {saved.state === 'conflict' && (
        <div className="ht-note yellow" role="alert" style={{ marginBottom: 16 }}>
          <p>
            <b>{problemOf(saved.error).detail}</b>
          </p>
          <p className="row">
            <Button
              onClick={() => {
                sessionStorage.removeItem(backup)
                reload()
              }}
            >
              载入最新内容
            </Button>
            <Button onClick={() => void save(true)}>保留我的并覆盖</Button>
          </p>
        </div>
      )}
      {form.problem !== null && <Summary form={form} elsewhere={toSection} />}
      {/* The grid of items needs the width: what is missing then stands below it. */}
      <div className={here === 'items' ? 'stack' : 'columns'} style={{ marginTop: form.problem ? 16 : 0 }}>
        <div className="stack">
          <nav aria-label="编目步骤">
            <ol className="steps">
              {sections.map((section, index) => {
                const wrong = faultsAt(section.key).length
                return (
                  <li
                    key={section.key}
                    className={current && !wrong ? 'done' : ''}
                    aria-current={section.key === here ? 'step' : undefined}
                  >
                    <A href={`${at(`/catalog/${code}/edit`)}#${section.key}`}>
                      <span className="dot">{current && !wrong ? '✓' : index + 1}</span>
                      {section.label}
                      {wrong > 0 && <small>差 {wrong} 处</small>}
                    </A>
                  </li>
                )
              })}
            </ol>
          </nav>
          <Sheet>
            <div className="form" onBlur={() => saved.state === 'dirty' && void save()}>
              {here === 'basic' && <Basic form={form} asked={asked} />}
              {here === 'items' && <ItemsGrid form={form} words={words} faults={faults} />}
              {here === 'share' && <Share form={form} words={words} />}
              {here === 'open' && <Open form={form} words={words} asked={asked} />}
              {here === 'update' && <Update form={form} />}
              {here === 'secrecy' && <Secrecy form={form} />}
            </div>
          </Sheet>
          <NextSection here={here} code={code} />
        </div>
        <div className="aside">
          <Sheet title="完整度" note={current && `${current.done}/${current.of}${current.ready ? ' · 可以提交' : ' · 还不能提交'}`}>
            {current && (
              <ul className="stack-small">
                {faults.map(fault => (
                  <li
                    key={fault.pointer + fault.code + fault.message}
                    className="row"
                    style={{ alignItems: 'baseline', flexWrap: 'nowrap' }}
                  >
                    <span aria-hidden="true" style={{ color: 'var(--ht-red-text)' }}>
                      ✗
                    </span>
                    <div>
                      <FaultWords fault={fault} />
                      <span className="ht-hint">去填 {toSection(fault.pointer)}</span>
                    </div>
                  </li>
                ))}
                {current.hints.map(hint => (
                  <li key={hint.pointer + hint.code + hint.message} className="row" style={{ alignItems: 'baseline', flexWrap: 'nowrap' }}>
                    <span aria-hidden="true" style={{ color: 'var(--ht-yellow-text)' }}>
                      ▲
                    </span>
                    <div>
                      <span className="ht-hide">建议：</span>
                      <FaultWords fault={hint} />
                    </div>
                  </li>
                ))}
                {faults.length === 0 && <li className="ht-ink2">✓ 没有发现缺漏</li>}
              </ul>
            )}
          </Sheet>
        </div>
      </div>
    </Page>
  )
}

/** The section has to be drawn before its field can take the focus. */
function focusLater(form: Form<EntryContent>, pointer: string) {
  setTimeout(() => {
    const target = document.getElementById(form.idOf(inContent(pointer)))
    ;(target?.matches('input,textarea,select,button')
      ? target
      : target?.querySelector<HTMLElement>('input,textarea,select,button')
    )?.focus()
  }, 80)
}

function NextSection({ here, code }: { here: Section; code: string }) {
  const index = sections.findIndex(section => section.key === here)
  const link = (to: (typeof sections)[number] | undefined, words: string) =>
    to && (
      <A className="ht-btn" href={`${at(`/catalog/${code}/edit`)}#${to.key}`}>
        {words}：{to.label}
      </A>
    )
  return (
    <div className="row">
      {link(sections[index - 1], '上一步')}
      {link(sections[index + 1], '下一步')}
    </div>
  )
}

type Part = { form: Form<EntryContent> }
type Worded = Part & { words: ReturnType<typeof useWords> }

function Line({
  form,
  at: pointer,
  label,
  hint,
  required,
  rows,
  width,
}: Part & { at: string; label: string; hint?: string; required?: boolean; rows?: number; width?: number }) {
  return (
    <Field form={form} at={pointer} label={label} hint={hint} required={required}>
      {({ labelledby: _, onChange, ...control }) =>
        rows ? (
          <Input.TextArea
            {...control}
            value={control.value ?? ''}
            autoSize={{ minRows: rows, maxRows: 12 }}
            onChange={event => onChange(event.target.value)}
          />
        ) : (
          <Input
            {...control}
            style={width ? { maxWidth: width } : undefined}
            value={control.value ?? ''}
            onChange={event => onChange(event.target.value)}
          />
        )
      }
    </Field>
  )
}

function Pick({
  form,
  at: pointer,
  label,
  options,
  hint,
  required,
  cite,
}: Part & { at: string; label: string; hint?: string; required?: boolean; options: { value: any; label: string }[]; cite?: Cite }) {
  return (
    <Field form={form} at={pointer} label={label} hint={hint} required={required} why={cite && <Why cite={cite} text={citeWords(cite)} />}>
      {({ labelledby: _, value, ...control }) => (
        <Select {...control} style={{ maxWidth: 280 }} value={value || undefined} options={options} allowClear />
      )}
    </Field>
  )
}

type Asked = Reply<typeof entryForm> | undefined
const chooseFrom = (options: { key: string; label: string }[]) => options.map(({ key, label }) => ({ value: key, label }))

/** What the place asks to know about where data come from and on what basis; each with its article. */
function Provenance({ form, asked }: Part & { asked: Asked }) {
  if (!asked) return null
  const { acquisition, dataForm, kinds: kindsAsked, collection, exception } = asked
  const lead = kindsAsked.lead.includes(Number(form.value.kind))
  const wanted = (field: string) => collection.of !== 'none' && collection.fields.includes(field)
  const note = collection.of === 'personal' ? '含个人信息或商业秘密时填写' : undefined
  return (
    <>
      {acquisition && (
        <Pick form={form} at="/acquisition" label="数据来源" required options={chooseFrom(acquisition.options)} cite={acquisition.cite} />
      )}
      {dataForm && (
        <Pick form={form} at="/dataForm" label="数据形式" required options={chooseFrom(dataForm.options)} cite={dataForm.cite} />
      )}
      {lead && (
        <>
          <Line form={form} at="/leadDepartment" label="牵头部门" required width={280} />
          <Field form={form} at="/coDepartments" label="会同编制的部门" hint="用「、」分开" required>
            {({ labelledby: _, value, onChange, ...control }) => (
              <Input
                {...control}
                value={(value ?? []).join('、')}
                onChange={event => onChange(event.target.value ? event.target.value.split('、').slice(0, 50) : [])}
              />
            )}
          </Field>
        </>
      )}
      {wanted('collectionPurpose') && (
        <Line form={form} at="/collectionPurpose" label="收集目的" hint={note ?? '为履行哪项法定职责或公共服务'} rows={2} />
      )}
      {wanted('collectionScope') && <Line form={form} at="/collectionScope" label="采集边界和范围" hint={note} rows={2} />}
      {asked.duty && <Line form={form} at="/statutoryDuty" label="对应的法定职责" required />}
      {asked.joint && <Joint form={form} />}
      {exception && form.value.legalException && (
        <Field form={form} at="/legalException" label="另行采集的法律依据" group hint="别的部门已提供同样数据、法律法规另有规定时填写">
          {control => <BasisInput {...control} />}
        </Field>
      )}
      {exception && !form.value.legalException && (
        <Button type="link" onClick={() => form.set('/legalException', { kind: 'law', instrument: '', article: '' })}>
          法律法规规定本部门另行采集的，写明依据
        </Button>
      )}
    </>
  )
}

/** 联合采集: who collects together, who does what, under which agreement. */
function Joint({ form }: Part) {
  if (!form.value.joint)
    return (
      <Button type="link" onClick={() => form.set('/joint', { parties: [], shares: '', agreement: '' })}>
        与别的部门联合采集的，写明分工和协议
      </Button>
    )
  return (
    <>
      <Field form={form} at="/joint/parties" label="联合采集的部门" hint="用「、」分开" required>
        {({ labelledby: _, value, onChange, ...control }) => (
          <Input
            {...control}
            value={(value ?? []).join('、')}
            onChange={event => onChange(event.target.value ? event.target.value.split('、').slice(0, 30) : [])}
          />
        )}
      </Field>
      <Line form={form} at="/joint/shares" label="各自分工" required rows={2} />
      <Line form={form} at="/joint/agreement" label="协议名称或编号" required />
    </>
  )
}

function Basic({ form, asked }: Part & { asked: Asked }) {
  return (
    <>
      <Line form={form} at="/title" label="信息资源名称" required />
      <Pick
        form={form}
        at="/kind"
        label="分类"
        required
        options={(asked?.kinds.options ?? Object.entries(kinds).map(([key, label]) => ({ key, label }))).map(one => ({
          value: Number(one.key),
          label: one.label,
        }))}
        cite={asked?.kinds.required ? asked.kinds.cite : undefined}
      />
      <Provenance form={form} asked={asked} />
      <Field form={form} at="/classification" label="项、目、细目" hint="用「/」分开，如「社会保障/社会救助」">
        {({ labelledby: _, value, onChange, ...control }) => (
          <Input
            {...control}
            value={(value ?? []).join('/')}
            onChange={event => onChange(event.target.value ? event.target.value.split('/').slice(0, 6) : [])}
          />
        )}
      </Field>
      <Line form={form} at="/abstract" label="信息资源摘要" hint="是什么、怎么来的、范围多大" required rows={3} />
      <Line form={form} at="/innerUnit" label="内部部门" hint="实际管理这项数据的科室" />
      <Pick
        form={form}
        at="/formatClass"
        label="格式分类"
        required
        options={Object.entries(formatClasses).map(([key, label]) => ({ value: Number(key), label }))}
      />
      <Line form={form} at="/formatType" label="格式类型" hint="如 xlsx、MySQL" required width={280} />
      {form.value.formatClass === 6 && <Line form={form} at="/formatNote" label="其他类型资源格式描述" />}
      <Line form={form} at="/affairs" label="关联业务事项" />
      <Line form={form} at="/upperCode" label="落实的上级目录代码" hint="上级已发布目录的代码；没有的留空" width={320} />
      <Field form={form} at="/tags" label="标签" hint="输入后按回车">
        {({ labelledby: _, value, ...control }) => (
          <Select {...control} mode="tags" open={false} value={value ?? []} style={{ width: '100%' }} />
        )}
      </Field>
      <Line form={form} at="/collectionBasis" label="采集依据与范围" rows={2} />
      <Line form={form} at="/sourceSystem" label="来源信息系统" />
      <Line form={form} at="/origin" label="数据来源与获取方式" />
      <Line form={form} at="/theme" label="主题" hint="如 交通运输、市场监督" width={280} />
      <Line form={form} at="/contact/name" label="联系人" width={280} />
      <Line form={form} at="/contact/phone" label="联系电话" width={280} />
    </>
  )
}

function ClassRadio({
  form,
  at: pointer,
  label,
  options,
  why,
}: Part & { at: string; label: string; options: [string, string][]; why?: React.ReactNode }) {
  return (
    <Field form={form} at={pointer} label={label} required group why={why}>
      {({ id, labelledby, value, onChange }) => (
        <Radio.Group
          id={id}
          name={id}
          aria-labelledby={labelledby}
          value={value}
          onChange={event => onChange(event.target.value)}
          options={options.map(([key, text]) => ({ value: key, label: text }))}
        />
      )}
    </Field>
  )
}

function BasisField({ form, at: pointer, label, words }: Worded & { at: string; label: string }) {
  const kinds = words?.basis.kinds.map(kind => kind.label).join('、')
  return (
    <Field
      form={form}
      at={pointer}
      label={label}
      group
      hint={kinds && `可以作依据的：${kinds}`}
      why={words && <Why cite={words.basis.cite} text={citeWords(words.basis.cite)} />}
    >
      {control => <BasisInput {...control} />}
    </Field>
  )
}

function Share({ form, words }: Worded) {
  const needsBasis = form.value.shareClass && words?.basis.required.includes(form.value.shareClass)
  return (
    <>
      <ClassRadio
        form={form}
        at="/shareClass"
        label="共享类型"
        options={['unconditional', 'conditional', 'denied'].map(key => [key, words?.share[key] ?? key])}
        why={
          words?.rulings['share-types'] && (
            <Why cite={words.rulings['share-types'].cite} inherited={words.rulings['share-types'].inherited} />
          )
        }
      />
      {form.value.shareClass === 'conditional' && (
        <Line form={form} at="/shareConditions" label="共享条件" rows={2} hint="哪些部门、什么用途、什么范围" />
      )}
      {form.value.shareClass && form.value.shareClass !== 'unconditional' && (
        <BasisField form={form} at="/shareBasis" label={needsBasis ? '共享依据（本地规定要求写明）' : '共享依据'} words={words} />
      )}
      <Pick
        form={form}
        at="/shareModeType"
        label="共享方式"
        required
        options={['数据库', '文件下载', '服务接口'].map(value => ({ value, label: value }))}
        hint="通过共享平台提供"
      />
      <p className="ht-hint">单个信息项与条目不同时，在「信息项」里逐项设定。</p>
    </>
  )
}

/** The ground on which data stay closed, with the statements it needs. */
function Exclusion({ form, asked }: Part & { asked: NonNullable<Asked> }) {
  const { exclusions } = asked
  const ground = exclusions.grounds.find(one => one.key === form.value.openExclusion?.ground)
  return (
    <>
      <Pick
        form={form}
        at="/openExclusion/ground"
        label="不开放的情形"
        required={exclusions.required}
        options={exclusions.grounds.filter(one => !one.secret).map(one => ({ value: one.key, label: one.label }))}
        cite={exclusions.cite}
      />
      {ground?.evidence.map(one =>
        one.options ? (
          <Pick
            key={one.key}
            form={form}
            at={`/openExclusion/evidence/${one.key}`}
            label={one.label}
            required
            options={chooseFrom(one.options)}
          />
        ) : (
          <Line
            key={one.key}
            form={form}
            at={`/openExclusion/evidence/${one.key}`}
            label={one.label}
            required
            rows={one.kind === 'longtext' ? 2 : undefined}
          />
        ),
      )}
    </>
  )
}

function Open({ form, words, asked }: Worded & { asked: Asked }) {
  return (
    <>
      <ClassRadio
        form={form}
        at="/openClass"
        label="开放类型"
        options={(words?.openClasses ?? ['open', 'conditional', 'closed']).map(key => [key, words?.open[key] ?? key])}
      />
      {form.value.openClass === 'conditional' && <Line form={form} at="/openConditions" label="开放条件" rows={2} />}
      {asked?.criteria && form.value.openClass && asked.criteria.of.includes(form.value.openClass) && (
        <Pick
          form={form}
          at="/openCriterion"
          label="符合的标准"
          required
          options={chooseFrom(asked.criteria.options)}
          cite={asked.criteria.cite}
        />
      )}
      {form.value.openClass === 'closed' && asked && <Exclusion form={form} asked={asked} />}
      {form.value.openClass && form.value.openClass !== 'open' && (
        <BasisField form={form} at="/openBasis" label="不开放或有条件开放的依据" words={words} />
      )}
    </>
  )
}

function Update({ form }: Part) {
  return (
    <>
      <Pick
        form={form}
        at="/updateCycle"
        label="更新周期"
        required
        options={Object.entries(updateCycles).map(([value, label]) => ({ value, label }))}
      />
      <Pick
        form={form}
        at="/subject"
        label="数据主体"
        hint="每一行说的是谁；有的地方按它检查身份号码或信用代码。不选时按信息项判断"
        options={[
          { value: 'person', label: '自然人' },
          { value: 'organisation', label: '法人和其他组织' },
          { value: 'other', label: '其他' },
        ]}
      />
      <Pick
        form={form}
        at="/grade"
        label="数据分级"
        required
        options={Object.entries(grades).map(([key, label]) => ({ value: Number(key), label }))}
      />
    </>
  )
}

function Secrecy({ form }: Part) {
  return (
    <>
      <Field form={form} at="/secrecy/declared" label="保密声明" required group>
        {({ id, value, onChange }) => (
          <Checkbox id={id} checked={Boolean(value)} onChange={event => onChange(event.target.checked)}>
            本条目及其数据不含国家秘密和工作秘密，已按规定审查
          </Checkbox>
        )}
      </Field>
      <Line form={form} at="/impactAssessment" label="个人信息保护影响评估结论" rows={3} hint="含个人信息时填写" />
    </>
  )
}
