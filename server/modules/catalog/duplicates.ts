import { sql } from 'kysely'
import type { EntryContent, Item } from '../../../contract/catalog.ts'
import type { Cite } from '../../../contract/common.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { Problem } from '../../platform/problem.ts'
import { govern, regionOf } from '../regulation/public.ts'

/** Another department's entry about the same subject with the same items. */
export type Duplicate = {
  id: string
  code: string
  title: string
  departmentId: string
  department: string
  published: boolean
  mounted: boolean
  shareClass: string | undefined
  items: string[]
}

const synonyms: [RegExp, string][] = [
  [/^(公民)?(身份证|居民身份证)(件)?(号|号码|编号)$|^公民身份号码$|^身份号码$/, '公民身份号码'],
  [/^(统一)?社会信用代码$|^信用代码$/, '统一社会信用代码'],
  [/^(手机|联系电话|电话|手机号码|联系方式)$/, '手机号'],
  [/^(人员)?姓名$|^名字$/, '姓名'],
]
/** The name of an item without spaces, brackets and punctuation, in the word most use. Pure. */
export function plainName(name: string): string {
  const bare = name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[（(［[].*?[)）\]］]/g, '')
    .replace(/[\s、，,.。:：/_-]/g, '')
  return synonyms.find(([pattern]) => pattern.test(bare))?.[1] ?? bare
}

const subjects = (items: Item[]) =>
  new Set(
    items
      .filter(i => i.identifier)
      .map(i => (i.semantic === 'id-number' ? '公民身份号码' : i.semantic === 'credit-code' ? '统一社会信用代码' : plainName(i.name))),
  )
/** Who and where somebody is says nothing about what is collected. */
const telling = (items: Item[]) =>
  items.filter(i => !i.identifier && !['person-name', 'mobile', 'phone', 'address', 'email'].includes(i.semantic ?? ''))

/** The items two entries have in common, when they speak of the same subject and one holds at least half of the other; else none. Pure. */
export function sameItems(a: Pick<EntryContent, 'title' | 'items'>, b: Pick<EntryContent, 'title' | 'items'>): string[] {
  const key = subjects(a.items)
  if (![...subjects(b.items)].some(k => key.has(k))) return []
  const mine = telling(a.items)
  const names = new Set(mine.map(i => plainName(i.name)))
  const theirs = telling(b.items)
  const common = theirs.filter(i => names.has(plainName(i.name))).map(i => i.name)
  const smaller = Math.min(mine.length, theirs.length)
  if (smaller === 0) return plainName(a.title) === plainName(b.title) ? b.items.map(i => i.name) : []
  return common.length * 2 >= smaller ? common : []
}

/** 基础 and 主题 hold by design what other departments collected: made of their entries, not collected again. */
const compiled = (content: Pick<EntryContent, 'kind'>) => content.kind === 1 || content.kind === 2

/** Entries of other departments, in the place and above it, that are published or under review and hold the same data. */
export async function duplicatesOf(
  db: Database | Tx,
  e: { id: string; region: string; departmentId: string; content: EntryContent },
): Promise<Duplicate[]> {
  const regions: string[] = []
  for (let at = regionOf(e.region); at; at = at.parent ? regionOf(at.parent) : undefined) regions.push(at.code)
  if (compiled(e.content) || !e.content.items.some(i => i.identifier)) return []
  const { rows } = await sql<any>`
    select e.id, e.code, e.department_id, d.name as department, v.content, v.state, m.entry_id is not null as mounted
    from catalog.entry e
    join organization.department_view d on d.id = e.department_id
    join lateral (select content, state from catalog.version v where v.entry_id = e.id and v.state in ('published', 'in_review')
                  order by v.version desc limit 1) v on true
    left join catalog.mount m on m.entry_id = e.id
    where e.region = any(${regions}) and e.department_id <> ${e.departmentId} and not e.withdrawn
      and jsonb_path_exists(v.content, '$.items[*].identifier ? (@ == true)')`.execute(db)
  return rows.flatMap(r => {
    const content = r.content as EntryContent
    if (compiled(content)) return []
    const items = sameItems(e.content, content)
    if (!items.length) return []
    return {
      id: r.id,
      code: r.code,
      title: content.title,
      departmentId: r.department_id,
      department: r.department,
      published: r.state === 'published',
      mounted: r.mounted,
      shareClass: content.shareClass,
      items,
    }
  })
}

const cited = (b: EntryContent['legalException']) =>
  !!(b?.instrument && b.article && ['law', 'administrative-regulation', 'local-regulation'].includes(b.kind))

/** Who was named to collect, for an entry that several departments had. */
export const collectorOf = (db: Database | Tx, entryId: string) =>
  db.selectFrom('catalog.collector').select(['department_id', 'case_no']).where('entry_id', '=', entryId).executeTakeFirst()

/** One source for one item: refuses what another department already provides, naming it and offering to share instead. */
export async function refuseDuplicates(
  db: Database | Tx,
  e: { id: string; region: string; departmentId: string; content: EntryContent },
  day: string,
): Promise<void> {
  const one = govern(e.region, 'one-source', day)
  const available = govern(e.region, 'available-data', day)
  if (!one.value.bars && !available.value.bars) return
  if ((await collectorOf(db, e.id))?.department_id === e.departmentId) return
  const found = (await duplicatesOf(db, e)).filter(d => d.published)
  // Where both clauses bar it, the one without exception speaks.
  const barred = found.flatMap(d => {
    const reachable = d.mounted && d.shareClass !== 'denied'
    const rule = reachable && available.value.bars ? available : one.value.bars ? one : null
    if (!rule || (rule.value.exception === 'law' && cited(e.content.legalException))) return []
    return { d, cite: rule.cite, exception: rule.value.exception }
  })
  const first = barred[0]
  if (first)
    throw duplicate(
      barred.map(b => b.d),
      first.cite,
      first.exception === 'law',
    )
}

function duplicate(found: Duplicate[], cite: Cite, excepting: boolean): Problem {
  const d = found[0]!
  return new Problem('catalog.duplicate', {
    status: 409,
    reason: 'duplicate-collection',
    detail: `${d.department}已经提供“${d.title}”（${d.code}），其中有${d.items
      .slice(0, 5)
      .map(n => `“${n}”`)
      .join('、')}，不再另行采集。`,
    cite,
    remedy: `请改为向${d.department}申请共享：打开目录 ${d.code} 提出申请。${excepting ? '法律、法规另有规定的，写明名称和条款后再提交。' : ''}`,
    errors: found.map(f => ({
      pointer: '/items',
      code: 'duplicate-collection',
      message: `与${f.department}的“${f.title}”（${f.code}）重复：${f.items.join('、')}。`,
      cite,
      remedy: `申请共享：/workbench/catalog/${f.code.replace('/', '-')}/apply`,
    })),
  })
}

/** In review: what several departments have is published only for the one that was named to collect it. */
export async function refuseUnsettled(
  db: Database | Tx,
  e: { id: string; region: string; departmentId: string; content: EntryContent },
  day: string,
): Promise<void> {
  const rule = govern(e.region, 'source-department', day)
  const named = await collectorOf(db, e.id)
  if (named?.department_id === e.departmentId) return
  if (named)
    throw new Problem('catalog.not_collector', {
      status: 409,
      reason: 'duplicate-collection',
      detail: `这项数据已明确由另一个部门采集（${named.case_no}），本目录不能发布。`,
      cite: rule.cite,
      remedy: '请撤回这条目录，改为向数源部门申请共享。',
    })
  if (!rule.value.required || cited(e.content.legalException)) return
  const found = await duplicatesOf(db, e)
  if (!found.length) return
  throw new Problem('catalog.unsettled', {
    status: 409,
    reason: 'duplicate-unresolved',
    detail: `与${found.map(d => `${d.department}的“${d.title}”（${d.code}）`).join('、')}重复，还没有明确由哪个部门采集。`,
    cite: rule.cite,
    remedy: '先用“明确数源部门”办件写明采集部门，再审核发布。',
    errors: found.map(d => ({
      pointer: '/items',
      code: 'duplicate-unresolved',
      message: `与${d.department}的“${d.title}”（${d.code}）重复：${d.items.join('、')}。`,
      cite: rule.cite,
    })),
  })
}
