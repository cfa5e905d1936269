import type { FastifyInstance } from 'fastify'
import type { Cite } from '../../../contract/common.ts'
import { basisKinds } from '../../../contract/procedure.ts'
import * as contract from '../../../contract/regulation.ts'
import { addDays, dayOf, weekdayOf } from '../../platform/clock.ts'
import type { Database } from '../../platform/db.ts'
import { route } from '../../platform/http.ts'
import { notFound } from '../../platform/problem.ts'
import { addWorkingDays, calendarDay, strip } from './calendar.ts'
import { mayGovern, switchGate } from './commands.ts'
import { gateMode } from './gates.ts'
import { registerLaw } from './law-routes.ts'
import { govern, governProcedure, law, proceduresOf, regionOf } from './public.ts'
import { detail, summary } from './reading.ts'
import { type Topic, topicSchemas } from './schema.ts'

export const topicLabels: Record<Topic, string> = {
  'share-types': '共享分类',
  'share-basis': '共享依据',
  'share-conditions': '共享条件',
  'share-confirmation': '不共享的确认',
  'share-direct': '直接取用',
  'share-denied': '不共享的数据',
  'share-principle': '共享原则和收费',
  breaches: '应当追究的行为',
  'open-breaches': '开放中应当追究的行为',
  'share-form': '申请表',
  'share-request': '取用时写明的内容',
  'share-use': '按用途使用',
  'share-offplatform': '平台外交换',
  'share-agreement': '使用协议',
  'share-filing': '协商提供的备案',
  'share-privacy': '隐私数据的提供方式',
  'share-reciprocity': '对等使用',
  'share-matters': '事项材料',
  'data-change': '更改和删除数据',
  'share-suspend': '暂停授权',
  'share-disposal': '授权结束后的数据处置',
  'no-grant': '先授权后取用',
  'not-granted': '按授权范围取用',
  'open-types': '开放分类',
  'open-basis': '限制开放的依据',
  'open-list': '开放清单',
  'open-exclusions': '不开放的情形',
  'open-reevaluate': '不开放数据的再评估',
  'open-unlock': '处理后应当开放',
  'open-grade': '分级与开放类型',
  'open-criteria': '授权开放的标准',
  'open-conditions': '开放条件',
  'open-format': '可机器读取',
  'open-scope': '开放清单的范围',
  'open-providers': '数据提供单位',
  'open-audience': '开放的对象',
  'open-publish': '由谁公布',
  'open-list-review': '清单审查',
  'open-lists': '两张开放清单',
  'open-restricted': '公布不开放的目录和依据',
  'open-platform': '只在开放平台提供',
  'open-access': '先授权后取用开放数据',
  'open-agreement': '数据使用协议',
  'open-use': '使用要求',
  'open-preprocess': '开放前预处理',
  'open-update': '更新频度',
  'open-plan': '开放年度计划',
  'open-scenario': '按场景使用',
  'open-focus': '年度开放重点',
  'open-follow-up': '跟踪使用',
  'open-quality': '开放数据的质量',
  'open-report': '使用情况报告',
  'open-benefit': '只用于公益的使用者',
  'open-limit': '限制或关闭访问',
  'open-desensitize': '先脱敏后开放',
  'open-risk': '开放前评估',
  'open-withdraw': '下架',
  departments: '政务部门的范围',
  'by-reference': '参照执行的单位',
  officers: '数据工作机构和人员备案',
  'opening-officers': '开放工作机构和人员备案',
  'department-documents': '部门管理制度',
  operator: '平台运营机构',
  'entry-duty': '目录对应的职责',
  'joint-collection': '联合采集',
  'system-test': '等保测评',
  'officer-change': '人员变动报告',
  'department-duties': '部门职责',
  'assessment-objects': '考核对象',
  'assessment-areas': '考核内容',
  'assessment-grades': '考核等次',
  'share-marking': '逐一注明共享类型',
  'catalog-origin': '数据来源',
  'catalog-forms': '数据形式',
  'catalog-kinds': '目录种类',
  'catalog-lead': '牵头部门',
  'catalog-guide': '编制指南',
  'catalog-recheck': '定期核对目录',
  'catalog-release': '公布目录',
  'collection-basis': '采集的依据和范围',
  'one-source': '一数一源',
  'available-data': '可以共享的不重复采集',
  'source-department': '明确数源部门',
  acquisitions: '取得数据及时编目',
  'catalog-fields': '目录要素',
  'catalog-update': '目录更新',
  secrecy: '涉密数据',
  'secrecy-review': '保密审查',
  'quality-dimensions': '质量维度',
  'subject-identifier': '主体标识',
  'data-standard': '数据标准',
  'batch-verification': '批次校核确认',
  'real-time': '汇聚时限',
  coverage: '汇聚率',
  'source-system': '数据源所属系统',
  'base-databases': '基础数据库',
  'usage-record': '使用记录',
  'use-logs': '使用日志推送',
  'registered-only': '先登记后汇聚',
  'log-retention': '留痕保存',
}

export function registerRegulation(app: FastifyInstance): void {
  const { clock } = app.services
  const today = () => dayOf(clock())
  route(app, contract.regulations, async () => [...law().regulations.values()].map(r => summary(r, today())))
  route(app, contract.regulation, async ({ params }) =>
    detail(law().regulations.get(params.id) ?? notFound('regulation', '规定'), today(), topicLabels),
  )
  route(app, contract.vocabulary, async ({ params }) => {
    if (!regionOf(params.code)) notFound('region', '地区')
    const rule = (topic: Topic) => govern(params.code, topic, today())
    const basis = govern(params.code, 'share-basis', today())
    const open = govern(params.code, 'open-types', today())
    return {
      share: govern(params.code, 'share-types', today()).value.values,
      open: open.value.values,
      roles: basis.roleLabels,
      rulings: Object.fromEntries((Object.keys(topicSchemas) as Topic[]).map(topic => [topic, rule(topic)])),
      basis: { required: basis.value.required, kinds: basis.value.kinds.map(key => ({ key, label: basisKinds[key] })), cite: basis.cite },
      openClasses: Object.keys(open.value.values),
    }
  })
  route(app, contract.gates, async ({ params, ctx }) => ({
    region: (regionOf(params.code) ?? notFound('region', '地区')).name,
    mayChange: mayGovern(ctx.actor, params.code),
    rows: await gateRows(ctx.db, params.code, ctx.day),
  }))
  route(app, contract.switchGate, async ({ params, body, ctx }) => {
    await switchGate(ctx, params.code, params.key, body)
    return (await gateRows(ctx.db, params.code, ctx.day)).find(g => g.key === params.key)!
  })
  registerLaw(app, topicLabels)
  route(app, contract.workingDays, async ({ query }) => {
    const due = addWorkingDays(query.from, query.days)
    return { ...due, strip: strip(query.from, due.due) }
  })
  route(app, contract.today, async () => {
    const day = today()
    const c = calendarDay(day)
    let ahead: string | null = null
    for (let i = 0, d = day; i < 9; i++, d = addDays(d, 1)) {
      const note = calendarDay(d).note
      if (note && !note.startsWith('周')) {
        ahead = `${Number(d.slice(5, 7))}月${Number(d.slice(8))}日 ${note}`
        break
      }
    }
    return {
      day,
      weekday: `星期${'日一二三四五六'[weekdayOf(day)]}`,
      working: c.working,
      nextWorkingDay: addWorkingDays(day, 1).due,
      note: ahead,
    }
  })
}

/** Articles of the region's own or inherited law that order what a gate asks for. */
function dutyCites(region: string, key: string, about: string[], day: string): Cite[] {
  const rules = about.map(name => (name in topicSchemas ? govern(region, name as Topic, day) : governProcedure(region, name, day)))
  const asking = proceduresOf()
    .filter(p => JSON.stringify(p).includes(`"gate":"${key}"`))
    .map(p => governProcedure(region, p.name, day))
    .filter(rule => rule && JSON.stringify(rule.value).includes(`"gate":"${key}"`))
  const cites = [...rules, ...asking].flatMap(rule => (rule?.origin === 'law' ? [rule.cite] : []))
  return [...new Map(cites.map(c => [`${c.regulation} ${c.article}`, c])).values()]
}

async function gateRows(db: Database, region: string, day: string) {
  const changed = await db.selectFrom('regulation.gate').selectAll().where('region', '=', region).execute()
  return Object.entries(law().regulations.get('platform')!.gates).map(([key, gate]) => {
    const row = changed.find(c => c.key === key)
    return {
      key,
      label: gate.label,
      text: gate.text,
      cites: dutyCites(region, key, gate.about, day),
      standard: gate.default,
      mode: gateMode(region, key),
      reason: row?.reason ?? null,
      changed: row?.changed.toISOString() ?? null,
      by: row?.changed_by ?? null,
    }
  })
}
