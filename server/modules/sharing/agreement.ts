import type { Cite } from '../../../contract/common.ts'
import { type FieldName, fields } from '../../../contract/procedure.ts'
import type { StaffContext } from '../../platform/context.ts'
import { notFound } from '../../platform/problem.ts'
import { findAgreement, grantView, type NewGrant, treatmentLabel } from '../delivery/public.ts'
import { caseFor } from '../procedure/public.ts'

type Made = Parameters<NonNullable<NewGrant['agreement']>>[0]
export type Agreed = Made & {
  caseNo: string
  parties: { label: string; department: string }[]
  entry: { title: string; code: string }
  stated: Partial<Record<'purpose' | 'duty' | 'scenario' | 'scope', string | undefined>> & { matters: string[]; system: string | null }
  method: string
  from: string
  until: string | null
  quotaPerDay: number | null
  conditions: string
  agreedWay: string
  cites: Record<'decision' | 'use' | 'record' | 'suspend' | 'disposal', Cite>
}

/** 使用协议 in words, made of what was decided; nobody writes it by hand, so it says what the platform will do. */
export function agreementText(a: Agreed): string {
  const { purpose, duty, scenario, scope, matters, system } = a.stated
  const said = (list: (readonly [string, string | null | undefined])[]) =>
    list
      .filter(([, value]) => value)
      .map(([label, value]) => `${label}：${value!.replace(/[。；\s]+$/, '')}`)
      .join('；')
  const by = (c: Cite) => `（${c.title} ${c.article}）`
  const limits = a.limits.map(l => `「${l.name}」为 ${l.values.join('、')}`).join('，且')
  const method = fields.method.options.find(([key]) => key === a.method)?.[1] ?? a.method
  const clauses = [
    `各方：${a.parties.map(p => `${p.label} ${p.department}`).join('；')}。`,
    `数据：「${a.entry.title}」（${a.entry.code}）的 ${a.items.map(i => `${i.name}（${treatmentLabel(i)}）`).join('、')}。${limits && `只提供${limits} 的记录。`}`,
    `${said([
      ['用途', purpose],
      ['事项', matters.join('、')],
      ['履职依据', duty],
      ['使用场景', scenario],
      ['使用范围', scope],
      ['信息系统', system],
    ])}。`,
    `方式和期限：${method}，自 ${a.from} 起${a.until ? `至 ${a.until} 止` : ''}${a.quotaPerDay ? `，每日不超过 ${a.quotaPerDay} 次` : ''}。`,
    (a.conditions || a.agreedWay) &&
      `${said([
        ['共享条件', a.conditions],
        ['约定的提供方式', a.agreedWay],
      ])}。`,
    `使用部门只在上述用途、范围和期限内使用，不提供给第三方${by(a.cites.use)}；每次取用登记用途、人员、批准、内容、时间、方式和载体${by(a.cites.record)}。`,
    `发现不当使用的，提供部门和主管部门可以暂停或终止授权${by(a.cites.suspend)}。授权结束后，使用部门说明已取得的数据怎样处置${by(a.cites.disposal)}。`,
    `决定依据${by(a.cites.decision)}。各方在办件 ${a.caseNo} 中签订，人员和时间记入账本。`,
  ].filter(Boolean)
  return [`数据使用协议 ${a.no}`, ...clauses.map((c, n) => `${n + 1}. ${c}`)].join('\n')
}

/** The text of a grant with its digest, and who has signed it in its case. */
export async function agreementOf(ctx: StaffContext, id: string) {
  const grant = await grantView(ctx, id)
  const found = (await findAgreement(ctx.db, id)) ?? notFound('grant.agreement', '使用协议')
  const c = grant.caseNo ? await caseFor(ctx, grant.caseNo) : undefined
  const said = (content: { label: string; value: string }[], field: FieldName) =>
    content.find(x => x.label === fields[field].label)?.value ?? null
  return {
    grantNo: grant.no,
    title: grant.title,
    caseNo: grant.caseNo,
    text: found.text,
    digest: found.digest,
    made: found.made.toISOString(),
    open: grant.awaits.some(a => a.key === 'agreement'),
    signed: (c?.timeline ?? [])
      .filter(e => said(e.content, 'accept'))
      .map(e => ({ department: e.department, person: e.person, at: e.at, number: said(e.content, 'agreement'), ledger: e.ledger })),
  }
}
