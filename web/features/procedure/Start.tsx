import { useNavigate } from '@tanstack/react-router'
import { Button } from 'antd'
import { type Startable, startable, startCase } from '../../../contract/procedure.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { Bones, Nothing, ProblemNote } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'
import { FormField, TargetInput } from './FormField.tsx'

const groups: [string, string][] = [
  ['region', '本地区、本部门的事'],
  ['entry', '关于一条目录'],
  ['grant', '关于一个授权'],
  ['system', '关于一个信息系统'],
  ['department', '关于一个部门'],
  ['batch', '关于一个批次'],
  ['case', '接着一件办件'],
]

/** 提出办件: everything the regulation of the place lets this person start, and the form it asks for. */
export function StartPage() {
  const filters = useFilters({ procedure: '', about: '', kind: '', after: '', q: '' })
  const { procedure, about, kind, after, q } = filters.value
  const load = useRead(startable, { query: { ...(kind && { kind }), ...(after && { after }) } })
  const chosen = load.data?.find(one => one.procedure === procedure)
  const shown = load.data?.filter(one => !q || `${one.label}${one.text}${citeWords(one.cite)}`.includes(q))
  return (
    <Page
      title={chosen ? chosen.label : '提出办件'}
      name={chosen ? `${chosen.label} · 提出办件` : '提出办件'}
      crumb={
        <>
          <A href={at('/cases')}>办件</A>
          {chosen && (
            <>
              {' › '}
              <A href={filters.address({ procedure: undefined })}>提出办件</A>
            </>
          )}
        </>
      }
      sub={after ? <span>接着办件 {after}</span> : about ? <span>关于 {about}</span> : undefined}
    >
      {load.error ? <ProblemNote error={load.error} retry={load.refetch} /> : null}
      {load.isPending && <Bones lines={8} />}
      {chosen ? (
        <StartForm key={chosen.procedure} of={chosen} about={about} after={after} />
      ) : (
        shown && (
          <div className="stack">
            <div className="filters">
              <label className="grow">
                <span>查找</span>
                <SearchBox value={q} onSearch={text => filters.set({ q: text })} placeholder="办什么事，如 校核、争议、备案" />
              </label>
            </div>
            {shown.length === 0 && <Nothing>没有可以提出的办件。</Nothing>}
            {groups
              .map(([key, label]) => ({ key, label, rows: shown.filter(one => one.about === key) }))
              .filter(group => group.rows.length)
              .map(group => (
                <Sheet key={group.key} title={group.label}>
                  <ul className="results">
                    {group.rows.map(one => (
                      <li key={one.procedure}>
                        <h2>
                          <A href={filters.address({ procedure: one.procedure, q: undefined })}>{one.label}</A>
                        </h2>
                        <p>{one.text}</p>
                        <p className="ht-meta">
                          {citeWords(one.cite)}
                          <Why cite={one.cite} inherited={one.inherited} />
                          {one.origin === 'platform' && <Mark hue="violet">平台约定</Mark>}
                          {one.inherited && <Mark hue="violet">继承自{one.inherited}</Mark>}
                          <span> 由 {one.who} 提出</span>
                        </p>
                      </li>
                    ))}
                  </ul>
                </Sheet>
              ))}
          </div>
        )
      )}
    </Page>
  )
}

function StartForm({ of: one, about, after }: { of: Startable; about: string; after: string }) {
  const navigate = useNavigate()
  const form = useForm<Record<string, any>>({ about, form: {} })
  const send = useAct(startCase, made => navigate({ to: `/cases/${made.no}` as string }))
  const needs = one.about !== 'region' && one.about !== 'case' && !after
  const submit = () => {
    if (!form.complete() || send.isPending) return
    send.mutate(
      {
        body: {
          procedure: one.procedure,
          form: form.value.form,
          ...(form.value.about && { about: form.value.about }),
          ...(after && { after }),
        },
      },
      { onError: error => form.refused(error) },
    )
  }
  return (
    <form
      className="stack narrow"
      noValidate
      onSubmit={event => {
        event.preventDefault()
        submit()
      }}
    >
      <div className="ht-note">
        <p>{one.text}</p>
        <p className="ht-ink2">
          依据 {citeWords(one.cite)}
          <Why cite={one.cite} inherited={one.inherited} />
        </p>
      </div>
      <Summary form={form} />
      {needs && (
        <Field form={form} at="/about" label={groups.find(([key]) => key === one.about)?.[1] ?? '关于什么'} required>
          {control => <TargetInput {...control} kind={one.about} />}
        </Field>
      )}
      {one.fields.map(field => (
        <FormField key={field.name} form={form} field={field} at="/form" />
      ))}
      <div className="row">
        <Button type="primary" htmlType="submit" loading={send.isPending}>
          提出
        </Button>
        <A className="ht-btn" href={at('/cases')}>
          取消
        </A>
      </div>
    </form>
  )
}
