import {
  type EntryContent,
  formatClasses,
  grades,
  type Item,
  itemTypes,
  kinds,
  type OpenClass,
  type ShareClass,
  semantics,
  updateCycles,
} from '../../../contract/catalog.ts'
import type { Basis } from '../../../contract/procedure.ts'

/** What the place calls things; the same words are written and read. */
export type Words = {
  department: string
  share: Partial<Record<string, string>>
  open: Partial<Record<string, string>>
  origins: Record<string, string>
}
/** Facts of an entry that are no content: written, never read. */
export type Written = { n: number; code: string; published: string | null }
type Fault = { code: string; message: string; remedy: string }

/**
 * A column of the national exchange template (发改高技术〔2017〕1272号), or one of this platform to its right. `entry` columns stand once for
 * an entry, in merged cells; `item` columns once for an item. `row` columns belong to both: an item may differ from its entry.
 */
type Common = { name: string; also?: string[]; width: number; extended?: true; group?: string }
export type Column = Common &
  (
    | { of: 'entry'; path: string; write(c: EntryContent, w: Written, words: Words): string; read?: Read<EntryContent> }
    | { of: 'item'; path: string; write(i: Item): string; read: Read<Item> }
    | { of: 'row'; path: 'shareClass' | 'shareConditions' | 'openClass' | 'openConditions' }
  )
type Read<T> = (into: T, text: string, words: Words) => Fault | undefined

/** Full-width digits and letters as half-width, without any blanks: how codes, numbers and choices are compared. */
export const bare = (text: string): string => text.normalize('NFKC').replace(/\s/g, '')
const or = (list: Iterable<string | undefined>) => [...new Set(list)].filter(Boolean).join('、')
const choice = (field: string, text: string, options: Iterable<string | undefined>): Fault => ({
  code: 'template-choice',
  message: `“${field}”里没有“${text}”这个选项。`,
  remedy: `可填：${or(options)}。`,
})

const line =
  (key: 'innerUnit' | 'abstract' | 'formatType' | 'theme' | 'sourceSystem' | 'collectionBasis' | 'origin') =>
  (c: EntryContent, text: string): undefined => {
    c[key] = text
  }
const optional =
  (key: 'formatNote' | 'affairs' | 'upperCode') =>
  (c: EntryContent, text: string): undefined => {
    if (text) c[key] = text
    else delete c[key]
  }
const yes = /^(1|是|有|y|yes|true|√|✓)$/i
const no = /^(0|否|无|不|n|no|false|×|)$/i

/** One of a list by its code or its words; an empty cell takes it away. */
function pick<K extends string>(field: string, options: Partial<Record<K, string>>, also: [RegExp, K][] = []) {
  return (text: string): K | undefined | Fault => {
    const plain = bare(text)
    if (!plain) return undefined
    const found = (Object.entries(options) as [K, string][]).find(
      ([key, label]) => plain === key || plain === bare(label) || plain === `${key}${bare(label)}`,
    )?.[0]
    return found ?? also.find(([pattern]) => pattern.test(plain))?.[1] ?? choice(field, text, Object.values(options) as string[])
  }
}
const isFault = (value: unknown): value is Fault => typeof value === 'object' && value !== null && 'remedy' in value

const kindOf = pick('信息资源分类', { 1: '基础信息资源', 2: '主题信息资源', 3: '部门信息资源' }, [
  [/^基础/, '1'],
  [/^主题/, '2'],
  [/^部门/, '3'],
])
const formatOf = pick('信息资源格式分类', formatClasses as Record<string, string>, [
  [/^(表格|excel)/i, '2'],
  [/^(图形|图像|图片)/, '4'],
  [/^(音视频|视频|流媒体)/, '5'],
  [/^(接口|服务)/, '7'],
])
const cycleOf = pick('更新周期', updateCycles, [
  [/^(不定时|按需|其他|不定期)/, 'irregular'],
  [/^实时/, 'realtime'],
  [/^(日|天|每天)$/, 'daily'],
  [/^(周|每星期)$/, 'weekly'],
  [/^月$/, 'monthly'],
  [/^(季|季度|每季)$/, 'quarterly'],
  [/^半年$/, 'halfyearly'],
  [/^(年|年度|每年度)$/, 'yearly'],
])
const gradeOf = pick(
  '数据分级',
  grades as Record<string, string>,
  [1, 2, 3, 4].map(n => [new RegExp(`^(一般数据)?${n}级?$`), String(n)]),
)
const modeTypeOf = pick('共享方式类型', { 数据库: '数据库', 文件下载: '文件下载', 服务接口: '服务接口' }, [
  [/^(库表|数据库)/, '数据库'],
  [/^文件/, '文件下载'],
  [/^(接口|服务)/, '服务接口'],
])
/** 数据类型 by the codes of the template, by their words, and by what databases call them. */
const typeOf = pick('数据类型', itemTypes, [
  [/^(字符|文本|字符串|n?(var)?char2?|string|c\b)/i, 'C'],
  [/^(长文本|备注|clob|n?text|longtext)/i, 'M'],
  [/^(日期时间|时间|datetime|timestamp)/i, 'T'],
  [/^(日期|date)/i, 'D'],
  [/^(整|(big|small|tiny)?int)/i, 'I'],
  [/^(货币|金额|money)/i, 'Y'],
  [/^(双精度|double)/i, 'B'],
  [/^(浮点|float|real)/i, 'F'],
  [/^(数值|数字|number|numeric|decimal)/i, 'N'],
  [/^(逻辑|布尔|bool|bit)/i, 'L'],
  [/^(通用|二进制|blob|bytea|image)/i, 'G'],
])

/** 《名称》第几条; which kind of text it is, its name tells as far as a name can. */
export function readBasis(text: string): Basis | undefined {
  const found = /《([^》]+)》\s*(.*)/s.exec(text)
  if (!found) return undefined
  const instrument = found[1]!.trim()
  const kind = /法典?(（.*）)?$/.test(instrument)
    ? 'law'
    : /国务院.*决定/.test(instrument)
      ? 'state-council-decision'
      : /[省市县区州盟].*(条例|规定)$/.test(instrument)
        ? 'local-regulation'
        : /条例$/.test(instrument)
          ? 'administrative-regulation'
          : /^(国务院|国家|中共中央)/.test(instrument)
            ? 'national-policy'
            : 'other'
  return { kind, instrument, article: found[2]!.replace(/[。；;]\s*$/, '').trim() }
}
const basisWords = (b: Basis | undefined) => (b?.instrument ? `《${b.instrument}》${b.article}` : '')
function basisInto(key: 'shareBasis' | 'openBasis'): Read<EntryContent> {
  return (c, text) => {
    if (!text) delete c[key]
    else {
      const basis = readBasis(text)
      if (!basis)
        return { code: 'template-basis', message: `“${text.slice(0, 40)}”看不出依据的名称和条款。`, remedy: '写成《名称》第几条。' }
      c[key] = basis
    }
    return undefined
  }
}

const length = /^\(?(\d{1,6})(?:[.,、](\d{1,2}))?\)?(?:字节|位|个?字符|bytes?)?$/i
const list = (text: string) =>
  text
    .split(/[、,，;；\n]/)
    .map(t => t.trim())
    .filter(Boolean)

const level = (n: number): Read<EntryContent> => {
  return (c, text) => {
    while (c.classification.length < n) c.classification.push('')
    c.classification[n - 1] = text
    while (c.classification.at(-1) === '') c.classification.pop()
    return undefined
  }
}
const wordOf = (values: Partial<Record<string, string>>, key: string | undefined) => (key ? (values[key] ?? key) : '')

export const columns: Column[] = [
  { name: '序号', width: 6, of: 'entry', path: '', write: (_, w) => String(w.n) },
  {
    name: '部门类信息资源分类(类)',
    also: ['类', '信息资源分类', '信息资源分类(类)', '部门类信息资源分类', '类分类'],
    group: '信息资源分类',
    width: 14,
    of: 'entry',
    path: 'kind',
    write: c => (c.kind ? `${kinds[c.kind]}信息资源` : ''),
    read: (c, text) => {
      const kind = kindOf(text)
      if (isFault(kind)) return kind
      if (kind) c.kind = Number(kind) as 1
      else delete c.kind
      return undefined
    },
  },
  ...['项分类', '目分类', '细目分类1', '细目分类1.1'].map(
    (name, i): Column => ({
      name,
      also: [['项'], ['目'], ['细目', '细目分类', '细目1'], ['细目1.1', '细目2', '细目分类2']][i]!,
      group: '信息资源分类',
      width: 14,
      of: 'entry',
      path: 'classification',
      write: c => c.classification[i] ?? '',
      read: level(i + 1),
    }),
  ),
  {
    name: '关联业务事项',
    also: ['业务事项'],
    width: 16,
    of: 'entry',
    path: 'affairs',
    write: c => c.affairs ?? '',
    read: optional('affairs'),
  },
  {
    name: '信息资源名称',
    also: ['资源名称', '政务数据目录名称', '数据资源名称', '目录名称', '数据目录名称'],
    width: 26,
    of: 'entry',
    path: 'title',
    write: c => c.title,
    read: (c, text) => {
      c.title = text
      return undefined
    },
  },
  { name: '信息资源代码', also: ['资源代码', '目录代码', '数据资源代码'], width: 26, of: 'entry', path: 'code', write: (_, w) => w.code },
  {
    name: '下设机构',
    also: ['内设机构', '提供方内部部门', '信息资源提供方内部部门'],
    width: 14,
    of: 'entry',
    path: 'innerUnit',
    write: c => c.innerUnit,
    read: line('innerUnit'),
  },
  {
    name: '信息资源摘要',
    also: ['摘要', '资源摘要', '数据资源摘要'],
    width: 36,
    of: 'entry',
    path: 'abstract',
    write: c => c.abstract,
    read: line('abstract'),
  },
  {
    name: '信息资源格式分类',
    also: ['格式分类', '信息资源格式'],
    group: '信息资源格式',
    width: 12,
    of: 'entry',
    path: 'formatClass',
    write: c => (c.formatClass ? formatClasses[c.formatClass as 1] : ''),
    read: (c, text) => {
      const found = formatOf(text)
      if (isFault(found)) return found
      if (found) c.formatClass = Number(found)
      else delete c.formatClass
      return undefined
    },
  },
  {
    name: '信息资源格式类型',
    also: ['格式类型'],
    group: '信息资源格式',
    width: 12,
    of: 'entry',
    path: 'formatType',
    write: c => c.formatType,
    read: line('formatType'),
  },
  {
    name: '其他类型资源格式描述',
    also: ['其他类型格式描述', '其他格式描述'],
    group: '信息资源格式',
    width: 16,
    of: 'entry',
    path: 'formatNote',
    write: c => c.formatNote ?? '',
    read: optional('formatNote'),
  },
  {
    name: '信息项名称',
    also: ['数据项名称', '信息项', '数据项', '字段名称', '字段中文名'],
    group: '信息项信息',
    width: 20,
    of: 'item',
    path: 'name',
    write: i => i.name,
    read: (i, text) => {
      i.name = text
      return undefined
    },
  },
  {
    name: '数据类型',
    also: ['信息项数据类型', '类型', '字段类型'],
    group: '信息项信息',
    width: 12,
    of: 'item',
    path: 'type',
    write: i => (i.type ? `${itemTypes[i.type]}型${i.type}` : ''),
    read: (i, text) => {
      const plain = bare(text).replace(/型?[（(]?([CNYDTLMGBIF])[)）]?$/, '$1')
      const found = typeOf(/^[CNYDTLMGBIF]$/.test(plain.slice(-1)) && /[^\x20-\x7e]/.test(plain) ? plain.slice(-1) : text)
      if (isFault(found)) return found
      if (found) i.type = found
      else delete i.type
      // varchar(50), decimal(12,2): the length stands in the type.
      const inside = /\(([\d.,、]+)\)$/.exec(bare(text))
      return inside && !i.length ? readLength(i, inside[1]!) : undefined
    },
  },
  {
    name: '数据长度',
    also: ['信息项长度', '长度', '字段长度'],
    group: '信息项信息',
    width: 10,
    of: 'item',
    path: 'length',
    write: i => (i.length ? `${i.length}${i.scale ? `,${i.scale}` : ''}` : ''),
    read: (i, text) => readLength(i, text),
  },
  { name: '共享类型', also: ['共享属性'], group: '共享属性', width: 12, of: 'row', path: 'shareClass' },
  {
    name: '共享条件/不予共享依据',
    also: ['共享条件', '共享条件/暂不共享依据', '不予共享依据', '共享条件或不予共享依据'],
    group: '共享属性',
    width: 28,
    of: 'row',
    path: 'shareConditions',
  },
  {
    name: '共享方式分类',
    also: ['共享方式'],
    group: '共享属性',
    width: 14,
    of: 'entry',
    path: 'shareMode',
    write: c => c.shareMode,
    read: (c, text) => {
      c.shareMode = text
      return undefined
    },
  },
  {
    name: '共享方式类型',
    group: '共享属性',
    width: 12,
    of: 'entry',
    path: 'shareModeType',
    write: c => c.shareModeType ?? '',
    read: (c, text) => {
      const found = modeTypeOf(text)
      if (isFault(found)) return found
      if (found) c.shareModeType = found
      else delete c.shareModeType
      return undefined
    },
  },
  {
    name: '是否向社会开放',
    also: ['是否开放', '是否向社会公众开放', '开放类型'],
    group: '开放属性',
    width: 12,
    of: 'row',
    path: 'openClass',
  },
  { name: '开放条件', group: '开放属性', width: 24, of: 'row', path: 'openConditions' },
  {
    name: '更新周期',
    also: ['数据更新周期', '更新频率'],
    width: 10,
    of: 'entry',
    path: 'updateCycle',
    write: c => (c.updateCycle ? updateCycles[c.updateCycle] : ''),
    read: (c, text) => {
      const found = cycleOf(text)
      if (isFault(found)) return found
      if (found) c.updateCycle = found
      else delete c.updateCycle
      return undefined
    },
  },
  { name: '发布日期', width: 12, of: 'entry', path: '', write: (_, w) => w.published ?? '' },
  { name: '开放主题分类', also: ['主题分类', '开放主题'], width: 14, of: 'entry', path: 'theme', write: c => c.theme, read: line('theme') },
  // ── What this platform asks beside the national elements ──
  ...extended(),
]

function readLength(i: Item, text: string): Fault | undefined {
  const plain = bare(text)
  delete i.length
  delete i.scale
  if (!plain || /^(-|\/|无|不限|—+)$/.test(plain)) return undefined
  const found = length.exec(plain)
  if (!found || Number(found[1]) < 1)
    return {
      code: 'template-length',
      message: `“数据长度”应为数字，现在是“${text}”。`,
      remedy: '只填长度，如 18；有小数的写 12,2；没有的留空。',
    }
  i.length = Number(found[1])
  if (found[2]) i.scale = Number(found[2])
  return undefined
}

function extended(): Column[] {
  const text = (
    name: string,
    key:
      | 'sourceSystem'
      | 'collectionBasis'
      | 'origin'
      | 'collectionScope'
      | 'collectionPurpose'
      | 'statutoryDuty'
      | 'leadDepartment'
      | 'impactAssessment',
    width = 20,
  ): Column => ({
    name,
    width,
    extended: true,
    of: 'entry',
    path: key,
    write: c => c[key],
    read: (c, value) => {
      c[key] = value
      return undefined
    },
  })
  const flag = (name: string, key: 'identifier' | 'required'): Column => ({
    name,
    width: 10,
    extended: true,
    of: 'item',
    path: key,
    write: i => (i[key] ? '是' : ''),
    read: (i, value) => {
      if (!yes.test(bare(value)) && !no.test(bare(value))) return choice(name, value, ['是', '否'])
      i[key] = yes.test(bare(value))
      return undefined
    },
  })
  const semanticOf = pick('信息项含义', semantics)
  return [
    {
      name: '信息资源提供方',
      also: ['提供方', '提供部门', '信息资源提供方名称'],
      width: 20,
      extended: true,
      of: 'entry',
      path: 'department',
      write: (_, __, w) => w.department,
    },
    {
      name: '信息项说明',
      also: ['信息项描述', '字段说明'],
      width: 24,
      extended: true,
      of: 'item',
      path: 'description',
      write: i => i.description,
      read: (i, value) => {
        i.description = value
        return undefined
      },
    },
    flag('是否标识项', 'identifier'),
    flag('是否必填', 'required'),
    {
      name: '信息项含义',
      width: 14,
      extended: true,
      of: 'item',
      path: 'semantic',
      write: i => (i.semantic ? semantics[i.semantic] : ''),
      read: (i, value) => {
        const found = semanticOf(value)
        if (isFault(found)) return found
        if (found) i.semantic = found
        else delete i.semantic
        return undefined
      },
    },
    {
      name: '共享依据',
      width: 24,
      extended: true,
      of: 'entry',
      path: 'shareBasis',
      write: c => basisWords(c.shareBasis),
      read: basisInto('shareBasis'),
    },
    {
      name: '开放依据',
      width: 24,
      extended: true,
      of: 'entry',
      path: 'openBasis',
      write: c => basisWords(c.openBasis),
      read: basisInto('openBasis'),
    },
    {
      name: '数据分级',
      also: ['数据级别', '分级'],
      width: 14,
      extended: true,
      of: 'entry',
      path: 'grade',
      write: c => (c.grade ? grades[c.grade as 1] : ''),
      read: (c, value) => {
        const found = gradeOf(value)
        if (isFault(found)) return found
        if (found) c.grade = Number(found)
        else delete c.grade
        return undefined
      },
    },
    {
      name: '上级目录代码',
      width: 24,
      extended: true,
      of: 'entry',
      path: 'upperCode',
      write: c => c.upperCode ?? '',
      read: (c, value) => optional('upperCode')(c, bare(value)),
    },
    {
      name: '关联资源代码',
      also: ['关联信息资源代码'],
      width: 24,
      extended: true,
      of: 'entry',
      path: 'relatedCodes',
      write: c => c.relatedCodes.join('、'),
      read: (c, value) => {
        c.relatedCodes = list(value).map(bare)
        return undefined
      },
    },
    {
      name: '标签',
      width: 16,
      extended: true,
      of: 'entry',
      path: 'tags',
      write: c => (c.tags ?? []).join('、'),
      read: (c, value) => {
        if (value) c.tags = list(value)
        else delete c.tags
        return undefined
      },
    },
    {
      name: '数据来源',
      width: 14,
      extended: true,
      of: 'entry',
      path: 'acquisition',
      write: (c, _, w) => (c.acquisition ? (w.origins[c.acquisition] ?? c.acquisition) : ''),
      read: (c, value, w) => {
        const found = pick('数据来源', w.origins)(value)
        if (isFault(found)) return found
        if (found) c.acquisition = found
        else delete c.acquisition
        return undefined
      },
    },
    {
      name: '数据形式',
      width: 10,
      extended: true,
      of: 'entry',
      path: 'dataForm',
      write: c => c.dataForm ?? '',
      read: (c, value) => {
        if (value) c.dataForm = value
        else delete c.dataForm
        return undefined
      },
    },
    text('来源系统', 'sourceSystem'),
    text('获取方式', 'origin'),
    text('采集依据', 'collectionBasis'),
    text('采集边界和范围', 'collectionScope'),
    text('收集目的', 'collectionPurpose'),
    text('法定职责', 'statutoryDuty'),
    text('牵头部门', 'leadDepartment'),
    {
      name: '会同部门',
      width: 20,
      extended: true,
      of: 'entry',
      path: 'coDepartments',
      write: c => c.coDepartments.join('、'),
      read: (c, value) => {
        c.coDepartments = list(value)
        return undefined
      },
    },
    {
      name: '联系人',
      width: 10,
      extended: true,
      of: 'entry',
      path: 'contact',
      write: c => c.contact.name,
      read: (c, value) => {
        c.contact = { ...c.contact, name: value }
        return undefined
      },
    },
    {
      name: '联系电话',
      width: 16,
      extended: true,
      of: 'entry',
      path: 'contact',
      write: c => c.contact.phone,
      read: (c, value) => {
        c.contact = { ...c.contact, phone: value }
        return undefined
      },
    },
    {
      name: '不含涉密内容',
      also: ['非涉密声明'],
      width: 10,
      extended: true,
      of: 'entry',
      path: 'secrecy',
      write: c => (c.secrecy.declared ? '是' : ''),
      read: (c, value) => {
        if (!yes.test(bare(value)) && !no.test(bare(value))) return choice('不含涉密内容', value, ['是', '否'])
        c.secrecy = { declared: yes.test(bare(value)) }
        return undefined
      },
    },
    text('影响评估', 'impactAssessment'),
  ]
}

// ── Share and open class: of the entry, and of an item that differs ──────────────────────────────────────────────────────
type RowPath = Extract<Column, { of: 'row' }>['path']
export type RowCells = Partial<Record<RowPath, string>>

export function writeRow(path: RowPath, c: EntryContent, i: Item | undefined, words: Words): string {
  const share = i?.shareClass ?? c.shareClass
  const open = i?.openClass ?? c.openClass
  switch (path) {
    case 'shareClass':
      return c.shareWord && !i?.shareClass ? c.shareWord : wordOf(words.share, share)
    case 'shareConditions':
      return share === 'denied' ? basisWords(i?.basis ?? c.shareBasis) : (i?.conditions ?? c.shareConditions)
    case 'openClass':
      return open ? (open === 'closed' ? '否' : '是') : ''
    case 'openConditions':
      return open === 'closed' ? '' : c.openConditions
  }
}

/** 1, 2, 3 and the national words everywhere; what only this place says, here. What nobody says stays a word and is refused at submission. */
function shareOf(text: string, words: Words): ShareClass | { word: string } | undefined {
  const plain = bare(text)
  if (!plain) return undefined
  const coded = ({ 1: 'unconditional', 2: 'conditional', 3: 'denied', 无条件: 'unconditional', 有条件: 'conditional' } as const)[plain]
  const named = Object.entries(words.share).find(([, label]) => bare(label!) === plain)?.[0] as ShareClass | undefined
  return coded ?? named ?? { word: text }
}
function openOf(text: string, conditions: string, words: Words): OpenClass | { word: string } | undefined {
  const plain = bare(text)
  if (!plain) return undefined
  const named = Object.entries(words.open).find(([, label]) => bare(label!) === plain)?.[0] as OpenClass | undefined
  if (named) return named
  if (/^(0|否|不开放|不予开放)$/.test(plain)) return 'closed'
  // The guide knows only yes and no; conditions make it conditional where the place has such a class.
  if (/^(1|是|开放)$/.test(plain)) return conditions && words.open.conditional ? 'conditional' : 'open'
  return { word: text }
}

const mostOf = <T>(values: T[]): T | undefined => {
  const counts = new Map<T, number>()
  for (const v of values) counts.set(v, (counts.get(v) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0]
}

/**
 * Reads the share and open columns of all rows of an entry into it: what most rows say is the entry's class, a row that says otherwise is an
 * item of its own class. An entry whose rows say what they said before stays as it is.
 */
export function readRows(
  c: EntryContent,
  rows: { item: Item | undefined; cells: RowCells }[],
  before: EntryContent | undefined,
  words: Words,
): void {
  const had = new Map(before?.items.map(i => [i.key, i]))
  const unchanged = (...paths: RowPath[]) =>
    before &&
    rows.every(({ item, cells }) =>
      paths.every(p => cells[p] === undefined || (had.has(item?.key ?? '') && cells[p] === writeRow(p, before, had.get(item!.key), words))),
    )
  const given = rows.filter(r => r.cells.shareClass !== undefined || r.cells.shareConditions !== undefined)
  if (given.length && !unchanged('shareClass', 'shareConditions')) {
    const read = rows.map(r => ({
      ...r,
      is: r.cells.shareClass === undefined ? (r.item?.shareClass ?? c.shareClass) : shareOf(r.cells.shareClass, words),
    }))
    const said = read.flatMap(r => (r.is === undefined ? [] : [r.is]))
    const word = said.find(s => typeof s === 'object')
    if (word) {
      delete c.shareClass
      c.shareWord = word.word.slice(0, 20)
    } else {
      delete c.shareWord
      const classes = said as ShareClass[]
      const entry = before?.shareClass && classes.includes(before.shareClass) ? before.shareClass : mostOf(classes)
      if (entry) c.shareClass = entry
      else delete c.shareClass
      const main = read.find(r => r.is === entry)?.cells.shareConditions
      if (main !== undefined) {
        if (entry === 'denied') {
          const basis = readBasis(main)
          if (basis) c.shareBasis = same(before?.shareBasis, basis)
          else if (main) c.shareConditions = main
        } else c.shareConditions = main
      }
      for (const { item, is, cells } of read) {
        if (!item) continue
        if (is === undefined || is === entry) delete item.shareClass
        else item.shareClass = is as ShareClass
        if (cells.shareConditions === undefined) continue
        delete item.conditions
        if (!cells.shareConditions || cells.shareConditions === main) continue
        const basis = is === 'denied' ? readBasis(cells.shareConditions) : undefined
        if (basis) item.basis = same(had.get(item.key)?.basis, basis)
        else item.conditions = cells.shareConditions
      }
    }
  }
  if (
    rows.some(r => r.cells.openClass !== undefined || r.cells.openConditions !== undefined) &&
    !unchanged('openClass', 'openConditions')
  ) {
    const conditions = mostOf(rows.flatMap(r => (r.cells.openConditions ? [r.cells.openConditions] : []))) ?? ''
    const read = rows.map(r => ({
      ...r,
      is:
        r.cells.openClass === undefined
          ? (r.item?.openClass ?? c.openClass)
          : openOf(r.cells.openClass, r.cells.openConditions ?? conditions, words),
    }))
    const said = read.flatMap(r => (r.is === undefined ? [] : [r.is]))
    const word = said.find(s => typeof s === 'object')
    if (word) {
      delete c.openClass
      c.openWord = word.word.slice(0, 20)
    } else {
      delete c.openWord
      const classes = said as OpenClass[]
      const entry = before?.openClass && classes.includes(before.openClass) ? before.openClass : mostOf(classes)
      if (entry) c.openClass = entry
      else delete c.openClass
      for (const { item, is } of read) {
        if (!item) continue
        if (is === undefined || is === entry) delete item.openClass
        else item.openClass = is as OpenClass
      }
    }
    if (rows.some(r => r.cells.openConditions !== undefined)) c.openConditions = conditions
  }
}
/** The kind of a text that people chose by hand outlives a guess by its name. */
const same = (old: Basis | undefined, read: Basis): Basis =>
  old?.instrument === read.instrument && old.article === read.article ? old : read
