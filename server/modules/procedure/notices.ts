import { createHmac } from 'node:crypto'
import { sql } from 'kysely'
import { createTransport, type Transporter } from 'nodemailer'
import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'

export type NoticeKind = 'news' | 'reminder' | 'supervision'
const kindLabels: Record<NoticeKind, string> = { news: '进展', reminder: '催办', supervision: '督办' }

/** A message to the working people of departments, once each. It goes on by mail and webhook where these are set up. */
export async function notifyDepartments(
  tx: Tx,
  at: Date,
  departmentIds: (string | null)[],
  text: string,
  href: string,
  kind: NoticeKind = 'news',
): Promise<void> {
  for (const department_id of new Set(departmentIds))
    if (department_id) await tx.insertInto('procedure.notice').values({ id: newId(), department_id, at, text, href, kind }).execute()
}

/** After this many failures a dispatch is given up; it stays visible with its error. */
const maxAttempts = 12

/**
 * Sends what waits: mail to the people of the department who gave an address, and one signed POST to the webhook.
 * A failure is tried again after 1, 2, 4 … minutes, at most a day. Mail carries the line and a link, nothing else.
 */
export async function dispatchNotices(ctx: Context): Promise<void> {
  const { mail, webhook } = ctx.config
  if (!mail && !webhook) return
  await ctx.db.transaction().execute(tx => routeNotices(tx, ctx))
  const transport = mail ? createTransport(mail.url, { from: mail.from }) : undefined
  try {
    for (let n = 0; n < 500; n++) if (!(await sendNext(ctx, transport))) return
  } finally {
    transport?.close()
  }
}

async function routeNotices(tx: Tx, ctx: Context): Promise<void> {
  const fresh = await tx
    .selectFrom('procedure.notice')
    .select(['id', 'department_id'])
    .where('routed', '=', false)
    .where('at', '>', new Date(ctx.now.getTime() - 7 * 86_400_000))
    .orderBy('id')
    .limit(1000)
    .forUpdate()
    .skipLocked()
    .execute()
  for (const n of fresh) {
    const people = ctx.config.mail
      ? await tx
          .selectFrom('organization.person_view')
          .select('email')
          .where('department_id', '=', n.department_id)
          .where('disabled', '=', false)
          .where('email', 'is not', null)
          .where(sql<boolean>`roles && array['steward', 'leader', 'bureau', 'secrecy']`)
          .execute()
      : []
    const targets = [
      ...people.map(p => ({ way: 'mail', target: p.email! })),
      ...(ctx.config.webhook ? [{ way: 'webhook', target: ctx.config.webhook.url }] : []),
    ]
    for (const t of targets)
      await tx
        .insertInto('procedure.dispatch')
        .values({ notice_id: n.id, ...t, next_try: ctx.now })
        .onConflict(c => c.doNothing())
        .execute()
    await tx.updateTable('procedure.notice').set({ routed: true }).where('id', '=', n.id).execute()
  }
}

/** One dispatch in one transaction: two processes never send the same one. False when nothing waits. */
async function sendNext(ctx: Context, transport: Transporter | undefined): Promise<boolean> {
  return ctx.db.transaction().execute(async tx => {
    const d = await tx
      .selectFrom('procedure.dispatch as d')
      .innerJoin('procedure.notice as n', 'n.id', 'd.notice_id')
      .innerJoin('organization.department_view as o', 'o.id', 'n.department_id')
      .select([
        'd.notice_id',
        'd.way',
        'd.target',
        'd.attempts',
        'n.text',
        'n.href',
        'n.kind',
        'n.at',
        'o.name as department',
        'o.credit_code',
      ])
      .where('d.done', 'is', null)
      .where('d.attempts', '<', maxAttempts)
      .where('d.next_try', '<=', ctx.now)
      .orderBy('d.next_try')
      .limit(1)
      .forUpdate('d')
      .skipLocked()
      .executeTakeFirst()
    if (!d) return false
    const kind = kindLabels[d.kind as NoticeKind]
    const link = `${ctx.config.publicUrl ?? ''}${d.href}`
    const error = await (d.way === 'mail'
      ? sendMail(
          transport!,
          d.target,
          `【${kind}】${d.text}`,
          `${d.department}：\n\n${d.text}\n\n${link}\n\n本邮件由系统发出，请登录工作台办理，不要直接回复。`,
        )
      : post(ctx, {
          id: d.notice_id,
          kind: d.kind,
          department: d.department,
          creditCode: d.credit_code,
          text: d.text,
          href: link,
          at: d.at.toISOString(),
        })
    ).then(
      () => null,
      (e: Error) => e.message.slice(0, 300),
    )
    const wait = Math.min(2 ** d.attempts, 240) * 60_000
    await tx
      .updateTable('procedure.dispatch')
      .set({ attempts: d.attempts + 1, error, ...(error ? { next_try: new Date(ctx.now.getTime() + wait) } : { done: ctx.now }) })
      .where('notice_id', '=', d.notice_id)
      .where('way', '=', d.way)
      .where('target', '=', d.target)
      .execute()
    if (error) ctx.log.warn({ way: d.way, attempt: d.attempts + 1, error }, 'notice not sent')
    return true
  })
}

const sendMail = (transport: Transporter, to: string, subject: string, text: string): Promise<unknown> =>
  transport.sendMail({ to, subject: subject.replace(/\s+/g, ' ').slice(0, 200), text })

/** Signed like the webhooks people know: `x-huitong-signature: sha256=<hmac of the body>`. */
async function post(ctx: Context, notice: object): Promise<void> {
  const { url, secret } = ctx.config.webhook!
  const body = JSON.stringify(notice)
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-huitong-signature': `sha256=${signature}` },
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(10_000),
  })
  await reply.arrayBuffer()
  if (!reply.ok) throw new Error(`HTTP ${reply.status}`)
}
