import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { call } from '../app/api.ts'
import { useAct, useRead } from '../app/query.ts'
import { Field, Summary } from '../ui/Field.tsx'
import { useForm } from '../ui/form.ts'
import { moment } from '../ui/format.ts'
import { Light, Mark } from '../ui/Light.tsx'
import { ProblemNote } from '../ui/states.tsx'
import { citeWords, Why } from '../ui/Why.tsx'
import { accessKey, myAccess, type PublicCase, publicAct, publicCase, publicStart, reportUse, type Startable } from './contract.ts'
import { Fields, filled } from './form.tsx'
import { Copy, Part, Title } from './parts.tsx'
import { keepCode, keptCode } from './receipt.ts'

/** Number and code, then the page of the filing. */
export function CaseLookup() {
  const navigate = useNavigate()
  const form = useForm({ no: '', code: '' })
  const go = () => {
    if (!form.complete()) return
    const no = form.value.no.trim().toUpperCase()
    keepCode(no, form.value.code.trim())
    void navigate({ to: '/case/$no', params: { no } as never })
  }
  return (
    <div className="wrap">
      <div className="head">
        <p className="crumb">
          <Link to="/service">办事</Link>
        </p>
        <Title area="办事">查询办理进度</Title>
        <p className="lead">用提交时得到的办件编号和查询码。</p>
      </div>
      <div className="sheet">
        <Lookup form={form} go={go} />
      </div>
    </div>
  )
}

function Lookup({ form, go }: { form: ReturnType<typeof useForm<{ no: string; code: string }>>; go: () => void }) {
  return (
    <form
      className="asking"
      noValidate
      onSubmit={event => {
        event.preventDefault()
        go()
      }}
    >
      <Summary form={form} />
      {(['no', 'code'] as const).map(name => (
        <Field
          key={name}
          form={form}
          at={`/${name}`}
          label={name === 'no' ? '办件编号' : '查询码'}
          required
          hint={name === 'no' ? '如 XQ-2026-0001' : '16 位字母和数字，区分大小写'}
        >
          {({ labelledby: _, value, onChange, ...control }) => (
            <input
              {...control}
              type="text"
              autoComplete="off"
              spellCheck={false}
              maxLength={60}
              value={value}
              onChange={event => onChange(event.target.value)}
            />
          )}
        </Field>
      ))}
      <p className="acts">
        <button type="submit" className="ht-btn solid">
          查询
        </button>
      </p>
    </form>
  )
}

export function CasePage() {
  const { no } = useParams({ strict: false }) as { no: string }
  const [code, setCode] = useState(() => keptCode(no))
  const form = useForm({ no, code: '' })
  const load = useRead(publicCase, { params: { no }, query: { code } }, { enabled: !!code })
  if (load.data && !load.error) return <View of={load.data} code={code} key={load.data.version} />
  return (
    <div className="wrap">
      <div className="head">
        <p className="crumb">
          <Link to="/service">办事</Link>
        </p>
        <Title area="办事" name={`办件 ${no}`}>
          办件 <span className="ht-code">{no}</span>
        </Title>
      </div>
      {load.error && <ProblemNote error={load.error} />}
      <div className="sheet">
        <Lookup
          form={form}
          go={() => {
            if (!form.complete()) return
            keepCode(no, form.value.code.trim())
            setCode(form.value.code.trim())
          }}
        />
      </div>
    </div>
  )
}

function View({ of, code }: { of: PublicCase; code: string }) {
  const running = of.clocks
  return (
    <div className="wrap">
      <div className="head">
        <p className="crumb">
          <Link to="/case">查询办理进度</Link>
          <span className="call ht-code">{of.no}</span>
        </p>
        <Title area="办事" name={of.title}>
          {of.title}
        </Title>
        <ul className="dots">
          <li>
            <Mark hue={of.ended ? 'grey' : 'blue'} shape={of.ended ? '✓' : '◇'}>
              {of.stateLabel}
            </Mark>
          </li>
          <li>{moment(of.opened)} 提交</li>
          <li>
            {citeWords(of.cite)}
            <Why cite={of.cite} link={of.cite.regulation === 'platform' ? undefined : `/regulations/${of.cite.regulation}`} />
          </li>
        </ul>
      </div>
      <div className="sheet">
        <Part id="now" title="现在">
          {of.ended ? (
            <p>{of.decision ? (of.decision.kind === 'approved' ? '已经办结，同意。' : '已经办结，不同意。') : '已经办结。'}</p>
          ) : (
            <p>
              正在等 <b>{of.waitingFor}</b> 办理{of.actions.length ? '；你也可以办下面的事' : ''}。
            </p>
          )}
          {running.map(clock => (
            <p key={clock.dutyId} className="clock">
              {clock.what} <Light {...clock} date />
              <Why cite={clock.cite} />
            </p>
          ))}
          {of.decision?.reason && (
            <div className="ht-note">
              <p>
                <b>理由</b> {of.decision.reason}
              </p>
              {of.decision.next && (
                <p>
                  <b>可以怎样补救</b> {of.decision.next}
                </p>
              )}
            </div>
          )}
        </Part>
        {of.procedure === 'open-application' && of.actions.some(action => action.action === 'sign') && (
          <Part id="terms" title="协议约定的事项">
            <Terms no={of.no} code={code} />
          </Part>
        )}
        {of.actions.map(action => (
          <Part key={action.action} id={`do-${action.action}`} title={action.label}>
            <Act of={of} action={action} code={code} />
          </Part>
        ))}
        {of.procedure === 'open-application' && of.decision?.kind === 'approved' && (
          <Part id="access" title="取用数据">
            <Access no={of.no} code={code} />
          </Part>
        )}
        {of.next.map(next => (
          <Part key={next.procedure} id={`next-${next.procedure}`} title={next.label} note={citeWords(next.cite)}>
            <p>{next.text}</p>
            <Next of={of} next={next} code={code} />
          </Part>
        ))}
        <Part id="timeline" title="经过">
          <ol className="past">
            {of.timeline.map((event, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: events never move
              <li key={at}>
                <time className="ht-num">{moment(event.at)}</time>
                <p>
                  {event.by} <b>{event.label}</b>
                </p>
                {event.content.map(({ label, value }) => (
                  <p key={label} className="lines">
                    <span className="ht-ink2">{label}</span> {value}
                  </p>
                ))}
              </li>
            ))}
          </ol>
        </Part>
      </div>
    </div>
  )
}

function Act({ of, action, code }: { of: PublicCase; action: PublicCase['actions'][number]; code: string }) {
  const given = Object.fromEntries(
    action.fields.filter(f => f.proposal !== undefined && f.kind !== 'confirm').map(f => [f.name, f.proposal]),
  )
  const form = useForm({ form: given as Record<string, unknown> })
  const send = useAct(publicAct)
  const submit = () =>
    form.complete() &&
    send.mutate(
      { params: { no: of.no, action: action.action }, body: { code, version: of.version, form: filled(form.value.form) as never } },
      { onError: form.refused },
    )
  return (
    <form
      className="asking"
      noValidate
      onSubmit={event => {
        event.preventDefault()
        submit()
      }}
    >
      <p>{action.effect}</p>
      <Summary form={form} />
      <Fields form={form} of={action.fields.filter(f => !(f.name === 'note' && !f.required))} />
      <p className="acts">
        <button type="submit" className={action.style === 'danger' ? 'ht-btn' : 'ht-btn solid'} disabled={send.isPending}>
          {send.isPending ? '正在提交…' : action.label}
        </button>
      </p>
    </form>
  )
}

function Next({ of, next, code }: { of: PublicCase; next: Startable; code: string }) {
  const form = useForm({ form: {} as Record<string, unknown> })
  const navigate = useNavigate()
  const [made, setMade] = useState<{ no: string; code: string } | null>(null)
  const send = useAct(publicStart, reply => {
    keepCode(reply.no, reply.code)
    setMade(reply)
  })
  if (made)
    return (
      <div className="ht-note yellow" role="status">
        <p>
          已收到，办件编号 <b className="ht-code">{made.no}</b>，查询码 <b className="ht-code">{made.code}</b>{' '}
          <Copy text={`${made.no} ${made.code}`} what="编号和查询码" />
        </p>
        <p>查询码只显示这一次。</p>
        <p>
          <button type="button" className="ht-link" onClick={() => navigate({ to: '/case/$no', params: { no: made.no } as never })}>
            查看进度
          </button>
        </p>
      </div>
    )
  return (
    <form
      className="asking"
      noValidate
      onSubmit={event => {
        event.preventDefault()
        if (form.complete())
          send.mutate(
            { body: { procedure: next.procedure, after: of.no, code, form: filled(form.value.form) as never } },
            { onError: form.refused },
          )
      }}
    >
      <Summary form={form} />
      <Fields form={form} of={next.fields} />
      <p className="acts">
        <button type="submit" className="ht-btn solid" disabled={send.isPending}>
          {next.label}
        </button>
      </p>
    </form>
  )
}

/** The authorisation of this application. Asked for by POST, so that the code stands in no address. */
const useMine = (no: string, code: string) =>
  useQuery({ queryKey: ['my access', no], queryFn: () => call(myAccess, { params: { no }, body: { code } }) })

/** What the provider wrote into the agreement: to be read before it is signed. */
function Terms({ no, code }: { no: string; code: string }) {
  const load = useMine(no, code)
  if (load.error) return <ProblemNote error={load.error} />
  return <p className="lines">{load.data?.terms ?? '正在读取'}</p>
}

/** The authorisation: its state, a key shown once, and the report of use. */
function Access({ no, code }: { no: string; code: string }) {
  const [shown, setShown] = useState<{ key: string; api: string } | null>(null)
  const load = useMine(no, code)
  const key = useAct(accessKey, setShown)
  const report = useForm({ scenario: '', content: '' })
  const [flags, setFlags] = useState<string[] | null>(null)
  const send = useAct(reportUse, reply => setFlags(reply.flags.map(flag => flag.message)))
  const access = load.data
  return (
    <>
      {load.error && <ProblemNote error={load.error} />}
      {access && (
        <p>
          授权 <span className="ht-code">{access.no}</span>：<b>{access.stateLabel}</b>
          {access.until && `，到 ${access.until}`}
          {access.reportDue && (
            <>
              ；应于 {access.reportDue} 前报告使用情况
              {access.reportLate && (
                <Mark hue="red" shape="■">
                  已逾期
                </Mark>
              )}
            </>
          )}
        </p>
      )}
      {access?.withdrawn && <p className="ht-note red">数据集已下架，不再提供数据。原因：{access.withdrawn.reason}</p>}
      {access?.stateReason && <p className="ht-note red">原因：{access.stateReason}</p>}
      {shown ? (
        <div className="ht-note yellow" role="status">
          <p>
            密钥 <code>{shown.key}</code> <Copy text={shown.key} what="密钥" />
          </p>
          <p>
            接口 <code>{shown.api}</code>，在请求头写 <code>Authorization: Bearer 密钥</code>。密钥只显示这一次，重新生成后原来的失效。
          </p>
        </div>
      ) : (
        <p className="acts">
          <button
            type="button"
            className="ht-btn solid"
            disabled={key.isPending}
            onClick={() => key.mutate({ params: { no }, body: { code } })}
          >
            生成密钥
          </button>
        </p>
      )}
      {key.error && <ProblemNote error={key.error} />}
      <form
        className="asking"
        noValidate
        onSubmit={event => {
          event.preventDefault()
          if (report.complete()) send.mutate({ params: { no }, body: { code, ...report.value } }, { onError: report.refused })
        }}
      >
        <h3>报告使用情况</h3>
        <Summary form={report} />
        {flags && (
          <div className={flags.length ? 'ht-note yellow' : 'ht-note green'} role="status">
            {flags.length ? flags.map(flag => <p key={flag}>{flag}</p>) : <p>已收到报告。</p>}
          </div>
        )}
        {(['scenario', 'content'] as const).map(name => (
          <Field key={name} form={report} at={`/${name}`} label={name === 'scenario' ? '实际的使用场景' : '使用情况'} required>
            {({ labelledby: _, value, onChange, ...control }) => (
              <textarea {...control} rows={3} maxLength={2000} value={value} onChange={event => onChange(event.target.value)} />
            )}
          </Field>
        ))}
        <p className="acts">
          <button type="submit" className="ht-btn" disabled={send.isPending}>
            提交报告
          </button>
        </p>
      </form>
    </>
  )
}
