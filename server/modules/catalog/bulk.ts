import { sql } from 'kysely'
import { EntryContent } from '../../../contract/catalog.ts'
import type { Changes } from '../../../contract/catalog-runs.ts'
import type { Fault } from '../../../contract/common.ts'
import type { StaffContext } from '../../platform/context.ts'
import { isReturned, rulesFor, settled, workingVersion } from './commands.ts'
import { pathOf } from './public.ts'
import { checkEntry } from './rules.ts'
import type { Note, Plan, Step } from './runs.ts'
import { upperFaults } from './upper.ts'

/** An entry with the changes made. Pure. */
export function changed(content: EntryContent, changes: Changes): EntryContent {
  const { contact, addTags, removeTags, upperCode, ...plain } = changes
  const c: EntryContent = { ...structuredClone(content), ...plain }
  if (contact) c.contact = { name: contact.name ?? c.contact.name, phone: contact.phone ?? c.contact.phone }
  if (changes.shareClass) delete c.shareWord
  if (changes.openClass) delete c.openWord
  if (upperCode) c.upperCode = upperCode
  else if (upperCode === '') delete c.upperCode
  if (addTags || removeTags) {
    const tags = [...new Set([...(c.tags ?? []).filter(t => !removeTags?.includes(t)), ...(addTags ?? [])])]
    if (tags.length) c.tags = tags
    else delete c.tags
  }
  return c
}

const labels: Record<keyof Changes, string> = {
  contact: '联系人',
  innerUnit: '内设机构',
  theme: '主题',
  updateCycle: '更新周期',
  grade: '数据分级',
  sourceSystem: '来源系统',
  shareClass: '共享类型',
  shareConditions: '共享条件',
  shareBasis: '共享依据',
  openClass: '开放类型',
  openConditions: '开放条件',
  openBasis: '开放依据',
  upperCode: '上级目录',
  addTags: '加标签',
  removeTags: '去标签',
}
/** What a bulk edit changes, as its name. */
export const changeWords = (changes: Changes): string =>
  `批量修改：${(Object.keys(changes) as (keyof Changes)[]).map(k => labels[k]).join('、')}`

/** What each of the chosen entries would become. What the change itself breaks keeps an entry out; what was missing before is left to its submission. */
export async function* bulkPlans(ctx: StaffContext, input: { codes?: string[]; changes?: Changes }): AsyncGenerator<Step> {
  const { region, departmentId } = ctx.actor
  const rules = await rulesFor(ctx.db, region, ctx.day)
  const codes = [...new Set(input.codes)]
  for (let at = 0; at < codes.length; at += 100) {
    const part = codes.slice(at, at + 100)
    const { rows } = await sql<any>`select e.id, e.code, e.department_id, e.withdrawn, e.region, d.name as department, w.state, w.case_no,
        coalesce(w.content, p.content) as content, coalesce(w.etag, p.etag) as etag
      from catalog.entry e join organization.department_view d on d.id = e.department_id
      left join catalog.version w on w.entry_id = e.id and w.state in ('draft', 'in_review')
      left join catalog.version p on p.entry_id = e.id and p.version = e.published
      where replace(e.code, '/', '-') = any(${part.map(pathOf)})
        and (e.published is not null or e.department_id = ${departmentId})`.execute(ctx.db)
    for (const [i, code] of part.entries()) {
      const n = at + i + 1
      const e = rows.find(r => pathOf(r.code) === pathOf(code))
      const own = e?.department_id === departmentId
      const plan = (outcome: Plan['outcome'], faults: Omit<Fault, 'pointer'>[], more: Partial<Plan> = {}): Step => ({
        plan: {
          n,
          sheet: '',
          line: n,
          lines: 1,
          code: e?.code ?? code,
          title: e?.content?.title ?? '',
          outcome,
          notes: faults.map(f => noteOf(n, f, outcome === 'fault' ? 'fault' : 'todo')),
          ...more,
        },
      })
      if (!e)
        yield plan('fault', [{ code: 'catalog.entry_not_found', message: '没有找到这条目录，可能已被移走。', remedy: '刷新列表再选。' }])
      else if (!own)
        yield plan('fault', [
          { code: 'not-owner', message: `这条目录属于${e.department}，只有登记它的部门可以修改。`, remedy: '只选本部门的目录。' },
        ])
      else if (e.withdrawn) yield plan('fault', [{ code: 'step-skipped', message: '这条目录已经撤销，不能修改。' }])
      else if (e.state === 'in_review' && !(await isReturned(ctx.db, (await workingVersion(ctx.db, e.id))!)))
        yield plan('fault', [{ code: 'step-skipped', message: `正在审核（${e.case_no}），不能修改。`, remedy: '审核办结后再改。' }])
      else {
        const before = EntryContent.parse(e.content)
        const parsed = EntryContent.safeParse(changed(before, input.changes!))
        if (!parsed.success) {
          yield plan('fault', [{ code: 'template-too-long', message: '改后的内容超过了允许的数量（标签最多 20 个）。' }])
          continue
        }
        const after = settled(parsed.data, region, ctx.day, rules)
        if (JSON.stringify(after) === JSON.stringify(before)) {
          yield plan('same', [])
          continue
        }
        const had = new Set(checkEntry(before, rules).faults.map(f => `${f.pointer} ${f.code}`))
        const found = [...checkEntry(after, rules).faults, ...(await upperFaults(ctx.db, region, ctx.day, after))]
        const broken = found.filter(
          f => !had.has(`${f.pointer} ${f.code}`) && !(f.code === 'upper-invalid' && after.upperCode === before.upperCode),
        )
        if (broken.length) yield plan('fault', broken)
        else yield plan('change', found, { content: after, etag: e.etag })
      }
    }
  }
}

const noteOf = (n: number, f: Omit<Fault, 'pointer'>, level: Note['level']): Note => ({
  sheet: '',
  line: n,
  cell: '',
  field: '',
  level,
  code: f.code,
  message: f.message,
  remedy: f.remedy,
  cite: f.cite,
})
