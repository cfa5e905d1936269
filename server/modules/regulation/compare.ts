import type { z } from 'zod'
import type { Side as SideSchema, Words } from '../../../contract/regulation.ts'
import { procedureWords, roleWords, stepWords, timesWords, topicWords } from './describe.ts'
import { adoptedBy, statusWords } from './law.ts'
import type { Loaded } from './load.ts'
import { type Ruled, resolveProcedure, resolveTopic, shorterOf } from './resolve.ts'
import { type RegionRecord, type Topic, topicSchemas } from './schema.ts'
import { law } from './state.ts'
import { timeText } from './words.ts'

type Side = z.infer<typeof SideSchema>
type Row = { key: string; label: string; same: boolean; a: Side; b: Side }

const nothing: Side = { words: [], cite: null, also: null, label: null, inherited: null, origin: 'none' }
const textOf = (rule: Ruled<object>): Loaded => law().versions.get(rule.version) ?? law().regulations.get(rule.regulation)!
const sideOf = (rule: Ruled<object> | undefined, words: (r: Loaded) => Words[]): Side =>
  rule
    ? {
        words: words(textOf(rule)),
        cite: rule.cite,
        also: rule.also ?? null,
        label: rule.label,
        inherited: rule.inherited,
        origin: rule.origin,
      }
    : nothing

/** Two places are the same in a parameter when its words are, or, where a rule is only a sentence, when both come from one text. */
const sameSides = (a: Side, b: Side): boolean =>
  JSON.stringify(a.words) === JSON.stringify(b.words) &&
  (a.words.length > 0 || (a.origin === b.origin && a.cite?.regulation === b.cite?.regulation && a.cite?.article === b.cite?.article))
const row = (key: string, label: string, a: Side, b: Side): Row => ({ key, label, same: sameSides(a, b), a, b })

const groupOf = (topic: string): string =>
  /^share|grant|^usage/.test(topic)
    ? 'share'
    : /^open/.test(topic)
      ? 'open'
      : /^catalog|collection|source|^available|acquisitions|registered|conflict|quality/.test(topic)
        ? 'catalog'
        : 'general'
const groupLabels: Record<string, string> = {
  validity: '效力',
  deadlines: '期限',
  catalog: '目录与采集',
  share: '共享',
  open: '开放',
  general: '机构、安全与其他',
  procedures: '程序',
}

/** The difference table of two places, generated from what governs each of them on a day. */
export function comparePlaces(a: RegionRecord, b: RegionRecord, day: string, labels: Record<string, string>) {
  const groups: Record<string, Row[]> = {
    validity: validity(a, b, day),
    deadlines: [],
    catalog: [],
    share: [],
    open: [],
    general: [],
    procedures: [],
  }
  const topicOf = (place: RegionRecord, topic: Topic) => {
    const rule = resolveTopic(law(), place.code, topic, day) as Ruled<object> | undefined
    return rule && sideOf(rule, r => topicWords(r, topic, rule.value))
  }
  for (const topic of Object.keys(topicSchemas) as Topic[]) {
    const [x, y] = [topicOf(a, topic), topicOf(b, topic)]
    if (x || y) groups[groupOf(topic)]!.push(row(topic, labels[topic] ?? topic, x ?? nothing, y ?? nothing))
  }
  const names = new Set([...law().versions.values()].flatMap(r => Object.keys(r.procedures)))
  for (const name of names) {
    const [x, y] = [resolveProcedure(law(), a.code, name, day), resolveProcedure(law(), b.code, name, day)]
    if (!x && !y) continue
    const label = (x ?? y)!.value.label
    const words = (rule: typeof x) => sideOf(rule, r => procedureWords(r, rule!.value, law().regulations.get('platform')))
    groups.procedures!.push(row(name, label, words(x), words(y)))
    const clocks = (rule: typeof x, place: RegionRecord) =>
      sideOf(rule, r =>
        Object.entries(rule!.value.steps)
          .filter(([, step]) => !step.stops)
          .map(([key, step]) => {
            const s = stepWords(r, rule!.value, key, step, law().regulations.get('platform'))
            const local = step.clock && step.within && !('field' in step.within) ? step.within : undefined
            const limit = local && shorterOf(law(), place.code, day, step.clock!, local)
            const time = limit?.cite
              ? `${timeText(limit.within)}（${limit.cite.title} ${limit.cite.article}；本地 ${timesWords(s)}）`
              : timesWords(s)
            return { label: s.label, value: `${s.by} ${time}` }
          }),
      )
    groups.deadlines!.push(row(name, label, clocks(x, a), clocks(y, b)))
  }
  const shown = Object.entries(groups)
    .filter(([, rows]) => rows.length > 0)
    .map(([key, rows]) => ({ key, label: groupLabels[key]!, rows }))
  return {
    day,
    a: { code: a.code, name: a.name },
    b: { code: b.code, name: b.name },
    groups: shown,
    differences: shown.flatMap(g => g.rows).filter(r => !r.same).length,
  }
}

function validity(a: RegionRecord, b: RegionRecord, day: string): Row[] {
  const own = (place: RegionRecord): Side => {
    const adopted = adoptedBy(law(), place.code, day)
    const first = adopted[0]
    return {
      ...nothing,
      words: adopted.length
        ? adopted.map(x => ({
            label: x.regulation.title,
            value: [x.regulation.document, statusWords(x), span(x.regulation)].filter(Boolean).join('，'),
          }))
        : [{ label: '自己的规定', value: '没有，按上级规定和平台约定' }],
      origin: first ? 'law' : 'none',
    }
  }
  const authority = (place: RegionRecord): Side => {
    const r = adoptedBy(law(), place.code, day)[0]?.regulation
    return { ...nothing, words: r ? [{ label: '', value: roleWords(r, 'authority') }] : [], origin: r ? 'law' : 'none' }
  }
  return [row('own', '自己的规定', own(a), own(b)), row('authority', '数据主管部门', authority(a), authority(b))]
}
const span = ({ effective: { from, until } }: Loaded): string => (from ? `${from} 起${until ? `至 ${until}` : ''}` : '')
