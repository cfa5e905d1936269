import { Link, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useAct, useRead } from '../app/query.ts'
import { Summary } from '../ui/Field.tsx'
import { useForm } from '../ui/form.ts'
import { Loaded, Nothing } from '../ui/states.tsx'
import { citeWords, Why } from '../ui/Why.tsx'
import { dataset, offices, publicStart, publicStartable, type Startable } from './contract.ts'
import { Fields, filled } from './form.tsx'
import { Copy, Part, Title } from './parts.tsx'
import { keepCode } from './receipt.ts'

/** What anyone may ask for: by place, without signing in. */
export function Service() {
  const load = useRead(offices)
  return (
    <div className="wrap">
      <div className="head">
        <Title area="办事">办事</Title>
        <p className="lead">提开放需求、申请使用授权数据、纠错和提异议，不需要登录；提交后凭办件编号和查询码看进度。</p>
        <p className="acts">
          <Link className="ht-btn solid" to="/case">
            查询办理进度
          </Link>
        </p>
      </div>
      <Loaded load={load} lines={8}>
        {places =>
          places.length ? (
            <div className="sheet">
              {places.map(place => (
                <Place key={place.region} region={place.region} name={place.regionName} />
              ))}
              <Part id="more" title="关于某个数据集">
                <p>
                  申请使用、纠错、提异议、反映使用行为，从<Link to="/search">数据集</Link>页面的「我要」提出，不用再写是哪个数据集。
                </p>
              </Part>
            </div>
          ) : (
            <div className="sheet">
              <Nothing>还没有受理的部门。</Nothing>
            </div>
          )
        }
      </Loaded>
    </div>
  )
}

function Place({ region, name }: { region: string; name: string }) {
  const load = useRead(publicStartable, { query: { region, kind: 'region' } })
  if (load.data && !load.data.length) return null
  return (
    <Part id={`place-${region}`} title={name}>
      <Loaded load={load} lines={2}>
        {all => (
          <ul className="matters">
            {all.map(one => (
              <li key={one.procedure}>
                <Link to="/ask/$region/$procedure" params={{ region, procedure: one.procedure } as never}>
                  {one.label}
                </Link>
                <Basis of={one} />
                <p>{one.text}</p>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Part>
  )
}

const Basis = ({ of }: { of: Pick<Startable, 'cite' | 'inherited' | 'origin'> }) => (
  <span className="basis">
    {of.origin === 'platform' ? '平台约定' : citeWords(of.cite)}
    <Why
      cite={of.cite}
      inherited={of.inherited}
      link={of.cite.regulation === 'platform' ? undefined : `/regulations/${of.cite.regulation}`}
    />
  </span>
)

/** What may be asked about one data set. */
export function Matters({ code, region, openClass }: { code: string; region: string; openClass: string }) {
  const load = useRead(publicStartable, { query: { region, kind: 'entry' } })
  return (
    <Loaded load={load} lines={2}>
      {all => (
        <ul className="matters">
          {all
            .filter(one => one.procedure !== 'open-application' || openClass === 'conditional')
            // To apply is what most come for; the rest as the server gives it.
            .sort((a, b) => Number(b.procedure === 'open-application') - Number(a.procedure === 'open-application'))
            .map(one => (
              <li key={one.procedure}>
                <Link to="/dataset/$code/ask/$procedure" params={{ code, procedure: one.procedure } as never}>
                  {one.label}
                </Link>
                <Basis of={one} />
              </li>
            ))}
        </ul>
      )}
    </Loaded>
  )
}

export function AskPage() {
  const { region, procedure } = useParams({ strict: false }) as { region: string; procedure: string }
  return <Asking region={region} procedure={procedure} kind="region" />
}

export function AskAbout() {
  const { code, procedure } = useParams({ strict: false }) as { code: string; procedure: string }
  const load = useRead(dataset, { params: { code } })
  return (
    <div className="wrap">
      <Loaded load={load}>{of => <Asking region={of.region} procedure={procedure} kind="entry" about={of} />}</Loaded>
    </div>
  )
}

function Asking(props: {
  region: string
  procedure: string
  kind: 'region' | 'entry'
  about?: { code: string; title: string; conditions: string }
}) {
  const { region, procedure, kind, about } = props
  const load = useRead(publicStartable, { query: { region, kind } })
  const places = useRead(offices)
  const departments = places.data?.find(p => p.region === region)?.departments ?? []
  const form = (
    <Loaded load={load} lines={10}>
      {all => {
        const of = all.find(one => one.procedure === procedure)
        return of ? (
          <Form key={of.procedure} of={of} region={region} departments={departments} about={about} />
        ) : (
          <Nothing>这里没有这件事。</Nothing>
        )
      }}
    </Loaded>
  )
  return about ? form : <div className="wrap">{form}</div>
}

function Form({
  of,
  region,
  departments,
  about,
}: {
  of: Startable
  region: string
  departments: { id: string; name: string }[]
  about?: { code: string; title: string; conditions: string } | undefined
}) {
  const form = useForm({ form: {} as Record<string, unknown> })
  const [receipt, setReceipt] = useState<{ no: string; code: string } | null>(null)
  const send = useAct(publicStart, made => {
    keepCode(made.no, made.code)
    setReceipt(made)
    scrollTo({ top: 0 })
  })
  if (receipt) return <Receipt of={receipt} label={of.label} />
  const submit = () =>
    form.complete() &&
    send.mutate(
      { body: { procedure: of.procedure, region, form: filled(form.value.form) as never, ...(about && { about: about.code }) } },
      { onError: form.refused },
    )
  return (
    <>
      <div className="head">
        <p className="crumb">
          <Link to="/service">办事</Link>
        </p>
        <Title area="办事">{about ? `${of.label}：${about.title}` : of.label}</Title>
        <p className="lead">{of.text}</p>
        <Basis of={of} />
      </div>
      <div className="sheet">
        <form
          className="asking"
          noValidate
          onSubmit={event => {
            event.preventDefault()
            submit()
          }}
        >
          {about?.conditions && of.procedure === 'open-application' && (
            <div className="ht-note">
              <p>
                <b>开放条件</b>
              </p>
              <p className="lines">{about.conditions}</p>
            </div>
          )}
          <Summary form={form} />
          <Fields form={form} of={of.fields} departments={departments} />
          <p className="ht-hint">可以办理的有：{of.who}。联系方式只用于答复，不公开。</p>
          <p className="acts">
            <button type="submit" className="ht-btn solid" disabled={send.isPending}>
              {send.isPending ? '正在提交…' : '提交'}
            </button>
          </p>
        </form>
      </div>
    </>
  )
}

/** The number and the code: the only way back to the filing. */
function Receipt({ of, label }: { of: { no: string; code: string }; label: string }) {
  return (
    <div className="receipt-page">
      <div className="head">
        <Title area="办事" name="已收到">
          已收到
        </Title>
        <p className="lead">{label}已经送到办理的部门。请记下编号和查询码，查进度、补材料、签协议都要用。</p>
      </div>
      <div className="sheet receipt">
        <dl>
          <div>
            <dt>办件编号</dt>
            <dd>
              <b className="ht-code">{of.no}</b> <Copy text={of.no} what="办件编号" />
            </dd>
          </div>
          <div>
            <dt>查询码</dt>
            <dd>
              <b className="ht-code">{of.code}</b> <Copy text={of.code} what="查询码" />
            </dd>
          </div>
        </dl>
        <p className="ht-note yellow">查询码只显示这一次，平台不保存原文，丢失后无法找回。</p>
        <p className="acts">
          <Link className="ht-btn solid" to="/case/$no" params={{ no: of.no } as never}>
            查看进度
          </Link>
          <button type="button" className="ht-btn" onClick={() => print()}>
            打印
          </button>
        </p>
      </div>
    </div>
  )
}
