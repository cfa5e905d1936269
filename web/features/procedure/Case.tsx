import { useQueryClient } from '@tanstack/react-query'
import { App, Button, Drawer } from 'antd'
import { useEffect, useState } from 'react'
import type { z } from 'zod'
import { act, type CaseAction, type Case as CaseShape, startable, type TimelineEvent } from '../../../contract/procedure.ts'
import { problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { dueDay, moment } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Facts, Page, Sheet, Steps } from '../../ui/Page.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'
import { ClockChip } from './ClockChip.tsx'
import { FormField, startOf } from './FormField.tsx'

/**
 * 办件: the one page of every procedure, for both sides. What may be done, what must be filled in and all words come with the case,
 * so a procedure added to a regulation file needs no page of its own.
 */
export function Case({
  of: one,
  places,
  children,
}: {
  of: CaseShape /** Where a correction may be needed; else the fields of the form. */
  places?: string[]
  children?: React.ReactNode
}) {
  const [open, setOpen] = useState<CaseAction | null>(null)
  const [fresh, setFresh] = useState<number | null>(null)
  const { message } = App.useApp()
  // What may follow: a review of an answer, a negotiation after a refusal.
  const follow = useRead(startable, { query: { after: one.no } }, { enabled: one.ended })

  useEffect(() => {
    if (fresh === null) return
    const event = document.getElementById(`event-${fresh}`)
    event?.scrollIntoView({ block: 'center' })
    event?.focus()
  }, [fresh])

  return (
    <Page
      title={one.title}
      name={`${one.title} · 办件`}
      crumb={
        <>
          <A href={at('/cases')}>办件</A> › {one.procedureLabel}
        </>
      }
      sub={
        <>
          <span className="ht-code">{one.no}</span>
          <Mark hue={one.ended ? 'grey' : 'blue'}>{one.stateLabel}</Mark>
          {shownClocks(one.clocks).map((clock, _, all) => (
            <ClockChip key={clock.dutyId} clock={clock} named={all.length > 1} />
          ))}
          {!one.ended && one.waitingFor && <span>等待 {one.waitingFor}</span>}
        </>
      }
      acts={
        <>
          {one.actions.map(action => (
            <Button
              key={action.action}
              type={action.style === 'primary' ? 'primary' : 'default'}
              danger={action.style === 'danger'}
              onClick={() => setOpen(action)}
            >
              {action.label}
            </Button>
          ))}
          {one.result && (
            <A className={`ht-btn${one.actions.length ? '' : ' solid'}`} href={one.result.href}>
              {one.result.label}
            </A>
          )}
          {one.result && one.actions.some(action => action.fields.some(field => field.name === 'accept')) && (
            <A className="ht-btn" href={`${one.result.href}/agreement`}>
              使用协议
            </A>
          )}
          {follow.data?.map(next => (
            <A key={next.procedure} className="ht-btn" href={at('/cases/new', { procedure: next.procedure, after: one.no })}>
              {next.label}
            </A>
          ))}
          {one.procedure === 'sharing-application' && (
            <A className="ht-btn" href={at(`/sharing/applications/${one.no}/form`)}>
              申请表
            </A>
          )}
          <A className="ht-btn" href={at(`/cases/${one.no}/print`)}>
            打印
          </A>
        </>
      }
    >
      <div className="columns">
        <div className="stack">
          <Sheet>
            <Steps
              label="办理步骤"
              wide
              of={one.steps
                .filter(step => step.status !== 'side')
                .map(step => ({
                  name: step.label,
                  note: (
                    <>
                      {step.by}
                      {step.time && ` · ${step.time}`}
                      <Why cite={step.cite} />
                    </>
                  ),
                  state: step.status === 'past' ? 'done' : step.status === 'current' ? 'now' : 'later',
                }))}
            />
            {one.steps
              .filter(step => step.status === 'side')
              .map(step => (
                <p key={step.name} className="ht-hint" style={{ marginTop: 8, paddingLeft: 32 }}>
                  旁支：{step.label}（{step.by}）
                </p>
              ))}
          </Sheet>
          {one.withheld.length > 0 && (
            <ul className="ht-note">
              {one.withheld.map(held => (
                <li key={held.label}>
                  现在不能「{held.label}」：{held.why}
                  <Why cite={held.cite} />
                </li>
              ))}
            </ul>
          )}
          {one.decision && (
            <div className={`ht-note ${one.decision.kind === 'approved' ? 'green' : 'red'}`}>
              <p>
                <b>{one.decision.kind === 'approved' ? '已同意' : '没有同意'}</b>
              </p>
              {one.decision.reason && <p className="pre">理由：{one.decision.reason}</p>}
              {one.decision.basis && <p>依据：{one.decision.basis}</p>}
              {one.decision.next && <p>下一步：{one.decision.next}</p>}
            </div>
          )}
          {one.missing.length > 0 && (
            <Sheet title="还差什么">
              <ul>
                {one.missing.map(({ what, who }) => (
                  <li key={what}>
                    {what} <span className="ht-ink2">由 {who} 提供</span>
                  </li>
                ))}
              </ul>
            </Sheet>
          )}
          {children}
          {one.form.length > 0 && (
            <Sheet title="申请内容">
              <Facts
                of={one.form.map(field => [
                  field.label,
                  <span key={field.name} className="pre">
                    {field.value || '—'}
                  </span>,
                ])}
              />
            </Sheet>
          )}
          <Timeline events={one.timeline} clocks={one.clocks} fresh={fresh} />
        </div>
        <div className="aside stack">
          <Sheet title="当事方">
            <dl className="parties">
              {one.parties.map(party => (
                <div key={party.role + party.department}>
                  <dt>{party.label}</dt>
                  <dd>
                    {party.department}
                    {party.contact && <span className="ht-ink2"> {party.contact}</span>}
                  </dd>
                </div>
              ))}
            </dl>
          </Sheet>
          {one.subject.title && (
            <Sheet title="办理对象">
              <p>{one.subject.href ? <A href={one.subject.href}>{one.subject.title}</A> : one.subject.title}</p>
              {one.subject.code && <p className="ht-code ht-ink2">{one.subject.code}</p>}
              {one.subject.compare && (
                <p>
                  <A href={one.subject.compare}>查看变化</A>
                </p>
              )}
            </Sheet>
          )}
          <Sheet title="依据">
            <p>{one.ruling.cite.text}</p>
            <p className="ht-ink2">
              {citeWords(one.ruling.cite)}
              <Why cite={one.ruling.cite} inherited={one.ruling.inherited} link={at(`/regulations/${one.ruling.regulation}`)}>
                {one.ruling.chain.length > 1 && (
                  <ol>
                    {one.ruling.chain.map(link => (
                      <li key={link.region + link.regulation}>
                        {link.region}：{link.says}
                      </li>
                    ))}
                  </ol>
                )}
              </Why>
            </p>
            <p className="row">
              {one.ruling.origin === 'platform' && <Mark hue="violet">平台约定，非法定</Mark>}
              {one.ruling.inherited && <Mark hue="violet">继承自{one.ruling.inherited}</Mark>}
              {one.ruling.label && <Mark hue="violet">{one.ruling.label}</Mark>}
            </p>
          </Sheet>
        </div>
      </div>
      {open && (
        <ActionSheet
          key={open.action}
          of={one}
          action={open}
          places={places ?? one.form.map(field => field.label)}
          shut={() => setOpen(null)}
          done={next => {
            setOpen(null)
            message.success(`${open.label}：已办理`)
            setFresh(next.timeline.at(-1)?.seq ?? null)
          }}
        />
      )}
    </Page>
  )
}

/** The clocks that run; when none does, the one that ended last, for how it ended. */
function shownClocks(clocks: CaseShape['clocks']) {
  const open = clocks.filter(clock => !clock.ended)
  if (open.length) return open
  return [...clocks].sort((a, b) => (a.ended ?? '').localeCompare(b.ended ?? '')).slice(-1)
}

/** A side sheet, not a modal: the application stays readable while its decision is written. */
function ActionSheet({
  of: one,
  action,
  places,
  shut,
  done,
}: {
  of: CaseShape
  action: CaseAction
  places: string[]
  shut: () => void
  done: (next: CaseShape) => void
}) {
  const form = useForm<Record<string, any>>(startOf(action.fields))
  const send = useAct(act, done)
  const client = useQueryClient()
  const solid = action.style !== 'danger'
  // After somebody was faster the action may be gone; what was typed can still be read and copied.
  const gone = !one.actions.some(other => other.action === action.action)

  const submit = () => {
    if (!form.complete() || send.isPending) return
    send.mutate(
      { params: { no: one.no, action: action.action }, body: { version: one.version, form: form.value } },
      {
        onError: error => {
          const problem = problemOf(error)
          form.refused(error)
          // Somebody was faster: show what happened behind the sheet, keep what was typed in it.
          if (problem.status === 409) void client.invalidateQueries()
        },
      },
    )
  }
  return (
    <Drawer
      open
      onClose={shut}
      mask={false}
      size={Math.min(560, window.innerWidth)}
      title={action.label}
      footer={
        <div className="row">
          <Button type={solid ? 'primary' : 'default'} danger={!solid} loading={send.isPending} disabled={gone} onClick={submit}>
            {send.isPending ? '正在提交…' : action.label}
          </Button>
          <Button onClick={shut}>先不办</Button>
        </div>
      }
    >
      <form
        className="form"
        noValidate
        onSubmit={event => {
          event.preventDefault()
          submit()
        }}
        onKeyDown={event => event.key === 'Enter' && (event.ctrlKey || event.metaKey) && submit()}
      >
        <div className="ht-note">
          <p>{action.effect}</p>
          <p className="ht-ink2">
            依据 {citeWords(action.cite)}
            <Why cite={action.cite} />
          </p>
        </div>
        <Summary form={form} />
        {action.fields.map(field => (
          <FormField key={field.name} form={form} field={field} choices={places} />
        ))}
        {action.style === 'danger' && form.value.reason && (
          <div>
            <h3>对方将看到</h3>
            <div className="ht-note">
              <p className="pre">理由：{form.value.reason}</p>
              {form.value.basis?.instrument && (
                <p>
                  依据：《{form.value.basis.instrument}》{form.value.basis.article}
                </p>
              )}
              {form.value.remedyHint && <p className="pre">可以怎样补救：{form.value.remedyHint}</p>}
            </div>
          </div>
        )}
      </form>
    </Drawer>
  )
}

function Timeline({
  events,
  clocks,
  fresh,
}: {
  events: z.infer<typeof TimelineEvent>[]
  clocks: CaseShape['clocks']
  fresh: number | null
}) {
  const [newest, setNewest] = useState(false)
  const [only, setOnly] = useState<'all' | 'people'>('all')
  const shown = events.filter(event => only === 'all' || !event.system)
  const planned = clocks
    .filter(clock => clock.due && !clock.ended)
    .map(clock => (
      <li key={clock.dutyId} className="planned">
        <span className="when">{dueDay(clock.due!)}</span> 到期：{clock.what}（{clock.debtor}）
      </li>
    ))
  const told = (newest ? [...shown].reverse() : shown).map(event => (
    <li
      key={event.seq}
      id={`event-${event.seq}`}
      tabIndex={-1}
      className={`${event.system ? 'system' : ''}${event.seq === fresh ? ' new' : ''}`}
    >
      <div className="row">
        <span className="when">{moment(event.at)}</span>
        <span>
          {event.system ? '系统' : [event.person, event.department, event.role].filter(Boolean).join(' · ')} <b>{event.label}</b>
        </span>
        {event.cite && (
          <span className="ht-hint ht-nowrap">
            {citeWords(event.cite)}
            <Why cite={event.cite} />
          </span>
        )}
        {event.ledger !== null && (
          <A className="ht-hint push" href={at(`/audit/${event.ledger}`)}>
            留痕 {event.ledger.toLocaleString('en-US')}
          </A>
        )}
      </div>
      {event.content.map(({ label, value }) => (
        <blockquote key={label}>
          {label}：{value}
        </blockquote>
      ))}
    </li>
  ))
  return (
    <Sheet
      title="时间线"
      acts={
        <>
          <button
            type="button"
            className="ht-link ht-hint ht-noprint"
            aria-pressed={only === 'people'}
            onClick={() => setOnly(only === 'all' ? 'people' : 'all')}
          >
            {only === 'all' ? '只看人的办理' : '也看系统记录'}
          </button>
          <button type="button" className="ht-link ht-hint ht-noprint" onClick={() => setNewest(!newest)}>
            {newest ? '改为从旧到新' : '改为从新到旧'}
          </button>
        </>
      }
    >
      <ol className="timeline">{newest ? [...planned, ...told] : [...told, ...planned]}</ol>
    </Sheet>
  )
}
