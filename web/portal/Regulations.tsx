import { Link, useParams } from '@tanstack/react-router'
import { problemOf } from '../app/api.ts'
import { useRead } from '../app/query.ts'
import { longDay } from '../ui/format.ts'
import { type Hue, Mark } from '../ui/Light.tsx'
import { Loaded, ProblemNote } from '../ui/states.tsx'
import { type RegulationDetail, regulationById, regulations } from './contract.ts'
import { Waiting } from './Dataset.tsx'
import { Dots, Part, Title, usePlace } from './parts.tsx'

const hues: Record<RegulationDetail['status'], Hue> = {
  'in-force': 'green',
  draft: 'violet',
  expired: 'violet',
  future: 'blue',
  platform: 'violet',
}

type Summary = Pick<RegulationDetail, 'document' | 'issued' | 'from' | 'until' | 'status' | 'statusLabel' | 'regions'>

function dates({ issued, from, until, status }: Summary) {
  const end = until ? `，有效至${longDay(until)}` : ''
  if (issued && issued === from) return [`${longDay(issued)}印发并施行${end}`]
  return [issued && `${longDay(issued)}${status === 'draft' ? '公布' : '印发'}`, from && `${longDay(from)}起施行${end}`]
}

const facts = (of: Summary) => [
  <Mark key="status" hue={hues[of.status]}>
    {of.statusLabel}
  </Mark>,
  of.document,
  ...dates(of),
]

const places = (of: Summary) => of.regions.map(({ name, note }) => (note ? `${name}（${note}）` : name)).join('、')

export function Regulations() {
  const load = useRead(regulations)
  return (
    <div className="wrap">
      <div className="head">
        <Title area="法规">法规</Title>
        <p className="lead">本平台按这些法规办事：谁决定、多少天、拒绝要写明什么。每部法规逐条列出平台执行的规则。</p>
        <p className="ways">
          <Link to="/regulations/compare">两地比较</Link>
        </p>
      </div>
      <section className="sheet hits" aria-label="法规列表">
        <Loaded load={load} lines={10}>
          {all =>
            all.map(one => (
              <article key={one.id} className="hit">
                <header>
                  <h2>
                    <Link to="/regulations/$id" params={{ id: one.id } as never}>
                      {one.title}
                    </Link>
                  </h2>
                </header>
                <Dots of={[...facts(one), one.regions.length > 0 && `适用 ${places(one)}`]} />
              </article>
            ))
          }
        </Loaded>
      </section>
    </div>
  )
}

export function Regulation() {
  const { id } = useParams({ strict: false }) as { id: string }
  const load = useRead(regulationById, { params: { id } })
  if (load.data) return <Reading of={load.data} key={id} />
  if (!load.error) return <Waiting />
  return (
    <div className="wrap plain">
      <Title area="法规">{problemOf(load.error).status === 404 ? '没有这部法规' : '法规没有取到'}</Title>
      <ProblemNote error={load.error} retry={() => load.refetch()} />
      <p className="ways">
        <Link to="/regulations">全部法规</Link>
      </p>
    </div>
  )
}

function Reading({ of }: { of: RegulationDetail }) {
  usePlace()
  return (
    <div className="wrap">
      <div className="head">
        <p className="crumb">
          <Link to="/regulations">法规</Link>
          <span className="call ht-code">{of.id}</span>
        </p>
        <Title area="法规">{of.title}</Title>
        <Dots of={facts(of)} />
        <p className="ht-note">
          以下是平台执行的规则，用我们自己的话写成，不是法规原文；以公布的原文为准。
          {of.regions.length > 0 && `适用：${places(of)}。`}
        </p>
      </div>
      <div className="sheet">
        {of.rules.length > 0 && (
          <Part id="rules" title="规则" note={`${of.rules.length} 条`}>
            <dl className="rules">
              {of.rules.map(({ topic, label, text, words, cite }) => (
                <div key={`${topic}${cite.article}`} id={`rule-${topic}`}>
                  <dt>{label}</dt>
                  <dd>
                    {text}
                    {words.length > 0 && (
                      <ul className="words ht-ink2">
                        {words.map(({ label: name, value }) => (
                          <li key={name}>
                            {name}：{value}
                          </li>
                        ))}
                      </ul>
                    )}
                  </dd>
                  <dd className="article">{cite.regulation === 'platform' ? '平台约定' : cite.article}</dd>
                </div>
              ))}
            </dl>
          </Part>
        )}
        {of.rules.length + of.procedures.length + of.limits.length === 0 && (
          <Part id="rules" title="规则">
            <p className="ht-ink2">平台还没有执行这部法规的规则。</p>
          </Part>
        )}
        {of.limits.length > 0 && (
          <Part id="limits" title="期限上限" note="与本地规定同时适用，取较短的一个">
            <dl className="rules">
              {of.limits.map(({ clock, label, time, cite }) => (
                <div key={clock}>
                  <dt>{label}</dt>
                  <dd>
                    {time}
                    <p className="ht-ink2">{cite.text}</p>
                  </dd>
                  <dd className="article">{cite.article}</dd>
                </div>
              ))}
            </dl>
          </Part>
        )}
        {of.procedures.map(({ key, label, cite, text, who, requires, steps, ends }) => (
          <Part key={key} id={`procedure-${key}`} title={label} note={cite.regulation === 'platform' ? '平台约定' : cite.article}>
            <p className="ht-ink2">
              {text}由{who}提出{requires && `，写明${requires}`}。
            </p>
            <ol className="steps">
              {steps.map(step => (
                <li key={step.name}>
                  <h3>{step.label}</h3>
                  <p>
                    {step.by.join(step.all ? '和' : '或')}
                    {step.time && `，${step.time}`}
                    {step.extend && `；${step.extend}`}
                    <span className="article">{step.cite.regulation === 'platform' ? '平台约定' : step.cite.article}</span>
                  </p>
                  <p className="ht-ink2">
                    可以 {step.actions.map(action => action.label + (action.requires ? `（写明${action.requires}）` : '')).join('、')}
                  </p>
                </li>
              ))}
              {ends.length > 0 && (
                <li className="end">
                  <p className="ht-ink2">结果 {ends.join('、')}</p>
                </li>
              )}
            </ol>
          </Part>
        ))}
        <Part id="validity" title="效力">
          <dl className="pairs">
            {(
              [
                ['有效期', [...dates(of), of.note].filter(Boolean).join('；') || '没有写明', of.validity],
                ['所依据的文件', of.basis.join('、') || '没有写明', null],
                ['解释机关', of.interpreter ?? '没有写明', null],
                ...(of.repeals.length ? [['废止', of.repeals.join('、'), null] as const] : []),
                ...(of.prevails ? [['与其他规定不一致时', of.prevails.text, of.prevails] as const] : []),
              ] as const
            ).map(([name, value, cite]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  {value}
                  {cite && <span className="article">{cite.article}</span>}
                </dd>
              </div>
            ))}
          </dl>
        </Part>
        {of.roles.length > 0 && (
          <Part id="roles" title="角色">
            <Dots of={of.roles.map(({ key, label }) => <span key={key}>{label}</span>)} />
          </Part>
        )}
        {of.terms.length > 0 && (
          <Part id="terms" title="用语">
            <dl className="pairs">
              {of.terms.map(({ key, label, values, cite }) => (
                <div key={key}>
                  <dt>{label}</dt>
                  <dd>
                    {values.map(value => value.label).join('、')}
                    {cite && <span className="article">{cite.article}</span>}
                  </dd>
                </div>
              ))}
            </dl>
          </Part>
        )}
      </div>
    </div>
  )
}
