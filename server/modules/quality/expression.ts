/**
 * The conditions administrators write: one boolean expression over the items of one entry. It is read by this grammar and written anew as
 * SQL, so that nothing of what somebody typed reaches the server but numbers and quoted texts: no other table, no function of the server,
 * no second statement can be named. Pure.
 *
 *   出生日期 <= today() and (性别代码 in ('1', '2') or 备注 is not null)
 */
import { literal } from './sql.ts'

export type Kind = 'text' | 'number' | 'date' | 'time' | 'boolean'
export type Column = { key: string; name: string; sql: string; kind: Kind }
type Typed = { sql: string; kind: Kind | 'null'; text?: string }
export type Read = { ok: true; sql: string; used: Column[] } | { ok: false; reason: string }

class Wrong extends Error {}
const wrong = (reason: string): never => {
  throw new Wrong(reason)
}
const words: Record<Kind | 'null', string> = { text: '文字', number: '数值', date: '日期', time: '日期时间', boolean: '是否', null: '空值' }

type Function = { takes: (Kind | 'any')[]; least?: number; gives: Kind; sql: (args: string[]) => string }
const functions: Record<string, Function> = {
  length: { takes: ['text'], gives: 'number', sql: a => `char_length(${a[0]})::numeric` },
  left: { takes: ['text', 'number'], gives: 'text', sql: a => `left(${a[0]}, (${a[1]})::int)` },
  right: { takes: ['text', 'number'], gives: 'text', sql: a => `right(${a[0]}, (${a[1]})::int)` },
  substr: {
    takes: ['text', 'number', 'number'],
    gives: 'text',
    sql: a => `substr(${a[0]}, (${a[1]})::int, greatest((${a[2]})::int, 0))`,
  },
  upper: { takes: ['text'], gives: 'text', sql: a => `upper(${a[0]})` },
  lower: { takes: ['text'], gives: 'text', sql: a => `lower(${a[0]})` },
  trim: { takes: ['text'], gives: 'text', sql: a => `btrim(${a[0]})` },
  contains: { takes: ['text', 'text'], gives: 'boolean', sql: a => `(strpos(${a[0]}, ${a[1]}) > 0)` },
  starts_with: { takes: ['text', 'text'], gives: 'boolean', sql: a => `starts_with(${a[0]}, ${a[1]})` },
  abs: { takes: ['number'], gives: 'number', sql: a => `abs(${a[0]})` },
  round: { takes: ['number', 'number'], least: 1, gives: 'number', sql: a => `round(${a[0]}, (${a[1] ?? '0'})::int)` },
  floor: { takes: ['number'], gives: 'number', sql: a => `floor(${a[0]})` },
  ceil: { takes: ['number'], gives: 'number', sql: a => `ceil(${a[0]})` },
  year: { takes: ['date'], gives: 'number', sql: a => `extract(year from ${a[0]})` },
  month: { takes: ['date'], gives: 'number', sql: a => `extract(month from ${a[0]})` },
  day: { takes: ['date'], gives: 'number', sql: a => `extract(day from ${a[0]})` },
  today: { takes: [], gives: 'date', sql: () => '' },
}
export const functionNames: readonly string[] = [...Object.keys(functions), 'coalesce']

const reserved =
  /^(select|insert|update|delete|drop|create|alter|truncate|grant|copy|do|call|with|union|from|where|into|table|execute|set)$/i

type Token = { kind: 'word' | 'item' | 'number' | 'text' | 'sign' | 'end'; value: string }
function tokens(text: string): Token[] {
  const list: Token[] = []
  let rest = text
  const take = (pattern: RegExp): RegExpExecArray | null => {
    const m = pattern.exec(rest)
    if (m) rest = rest.slice(m[0].length)
    return m
  }
  while (true) {
    take(/^\s+/)
    if (!rest) break
    if (rest[0] === ';') wrong('不能有分号：只能写一个条件，不能接着写别的语句')
    if (/^(--|\/\*)/.test(rest)) wrong('不能有注释（-- 或 /*）')
    if (rest.startsWith('::')) wrong('不能用 :: 转换类型；信息项按目录里登记的类型比较')
    if (/^[$\\`@#?]/.test(rest)) wrong(`不能用符号 ${rest[0]}`)
    const number = take(/^\d{1,18}(\.\d{1,10})?(?![\p{L}_\d.])/u)
    if (number) {
      list.push({ kind: 'number', value: number[0] })
      continue
    }
    if (rest[0] === "'") {
      const quoted = take(/^'((?:[^']|'')*)'/) ?? wrong('文字没有写完：少了结尾的单引号')
      list.push({ kind: 'text', value: quoted[1]!.replaceAll("''", "'") })
      continue
    }
    const item = take(/^(?:"([^"]+)"|「([^」]+)」)/)
    if (item) {
      list.push({ kind: 'item', value: (item[1] ?? item[2])!.trim() })
      continue
    }
    const word = take(/^[\p{L}_][\p{L}\p{N}_]*/u)
    if (word) {
      if (reserved.test(word[0])) wrong(`不能写 ${word[0]}：只能写条件，不能查询或修改数据`)
      list.push({ kind: 'word', value: word[0] })
      if (rest[0] === '.') wrong('不能写点号：规则只看这条目录自己的信息项，不能指别的表')
      continue
    }
    const sign = take(/^(<=|>=|<>|!=|\|\||[=<>+\-*/(),])/)
    if (!sign) wrong(`看不懂符号 ${rest[0]}`)
    list.push({ kind: 'sign', value: sign![0] === '!=' ? '<>' : sign![0] })
  }
  if (list.length > 300) wrong('条件太长，请拆成几条规则')
  return [...list, { kind: 'end', value: '' }]
}

/** Reads an expression. `today` 'YYYY-MM-DD'. */
export function readExpression(text: string, columns: readonly Column[], today: string): Read {
  const used = new Map<string, Column>()
  try {
    const list = tokens(text)
    let i = 0
    let depth = 0
    const at = () => list[i]!
    const isWord = (w: string) => at().kind === 'word' && at().value.toLowerCase() === w
    const isSign = (s: string) => at().kind === 'sign' && at().value === s
    const skip = (test: boolean): boolean => {
      if (test) i++
      return test
    }
    const sign = (s: string) => skip(isSign(s)) || wrong(`这里应为 ${s}${at().value ? `，写的是 ${at().value}` : ''}`)

    const either = (): Typed => chain(both, 'or')
    const both = (): Typed => chain(not, 'and')
    const chain = (next: () => Typed, word: string): Typed => {
      let left = next()
      while (skip(isWord(word))) left = { sql: `(${bool(left)} ${word} ${bool(next())})`, kind: 'boolean' }
      return left
    }
    const not = (): Typed => (skip(isWord('not')) ? { sql: `(not ${bool(nested(not))})`, kind: 'boolean' } : comparison())
    const nested = <T>(read: () => T): T => {
      if (++depth > 40) wrong('括号套得太深，请拆成几条规则')
      const value = read()
      depth--
      return value
    }

    const comparison = (): Typed => {
      const left = sum()
      const op = at()
      if (op.kind === 'sign' && ['=', '<>', '<', '<=', '>', '>='].includes(op.value)) {
        i++
        const [a, b] = alike(left, sum())
        if (a.kind === 'null' || b.kind === 'null') wrong('与空值比较请写 is null 或 is not null')
        return { sql: `(${a.sql} ${op.value} ${b.sql})`, kind: 'boolean' }
      }
      if (skip(isWord('is'))) {
        const no = skip(isWord('not'))
        if (!skip(isWord('null'))) wrong('is 后面只能写 null 或 not null')
        return { sql: `(${left.sql} is ${no ? 'not ' : ''}null)`, kind: 'boolean' }
      }
      const no = skip(isWord('not'))
      const negated = no ? 'not ' : ''
      if (skip(isWord('in'))) {
        sign('(')
        const values = [alike(left, sum())[1]]
        while (skip(isSign(','))) values.push(alike(left, sum())[1])
        sign(')')
        return { sql: `(${left.sql} ${negated}in (${values.map(v => v.sql).join(', ')}))`, kind: 'boolean' }
      }
      if (skip(isWord('between'))) {
        const [, low] = alike(left, sum())
        if (!skip(isWord('and'))) wrong('between 要写成 between 下限 and 上限')
        const [, high] = alike(left, sum())
        return { sql: `(${left.sql} ${negated}between ${low.sql} and ${high.sql})`, kind: 'boolean' }
      }
      if (skip(isWord('like'))) {
        const pattern = at()
        if (left.kind !== 'text' || pattern.kind !== 'text') wrong('like 只用于文字，后面写带 % 的文字')
        i++
        return { sql: `(${left.sql} ${negated}like ${literal(pattern.value)})`, kind: 'boolean' }
      }
      if (no) wrong('not 后面应为 in、between 或 like')
      return left
    }

    const sum = (): Typed => {
      let left = product()
      while (isSign('+') || isSign('-') || isSign('||')) {
        const op = list[i++]!.value
        const right = product()
        if (op === '||') left = { sql: `(${want(left, 'text', '||')} || ${want(right, 'text', '||')})`, kind: 'text' }
        else if (left.kind === 'date' && right.kind === 'date' && op === '-')
          left = { sql: `(${left.sql} - ${right.sql})::numeric`, kind: 'number' }
        else if (left.kind === 'date') left = { sql: `(${left.sql} ${op} (${want(right, 'number', op)})::int)`, kind: 'date' }
        else left = { sql: `(${want(left, 'number', op)} ${op} ${want(right, 'number', op)})`, kind: 'number' }
      }
      return left
    }
    const product = (): Typed => {
      let left = single()
      while (isSign('*') || isSign('/')) {
        const op = list[i++]!.value
        const right = want(single(), 'number', op)
        left = { sql: `(${want(left, 'number', op)} ${op} ${op === '/' ? `nullif(${right}, 0)` : right})`, kind: 'number' }
      }
      return left
    }
    const single = (): Typed => {
      const token = at()
      i++
      if (token.kind === 'number') return { sql: `${token.value}::numeric`, kind: 'number' }
      if (token.kind === 'text') return { sql: literal(token.value), kind: 'text', text: token.value }
      if (token.kind === 'item') return column(token.value)
      if (token.kind === 'sign' && token.value === '-') return { sql: `(- ${want(nested(single), 'number', '-')})`, kind: 'number' }
      if (token.kind === 'sign' && token.value === '(') {
        const inner = nested(either)
        sign(')')
        return inner.text === undefined ? inner : { sql: inner.sql, kind: inner.kind }
      }
      if (token.kind === 'word') {
        const word = token.value.toLowerCase()
        if (isSign('(')) return call(word)
        if (word === 'null') return { sql: 'null', kind: 'null' }
        if (word === 'true' || word === 'false') return { sql: word, kind: 'boolean' }
        return column(token.value)
      }
      return wrong(token.kind === 'end' ? '条件没有写完' : `这里不能写 ${token.value}`)
    }
    const call = (name: string): Typed => {
      const f = functions[name]
      if (!f && name !== 'coalesce') wrong(`没有函数 ${name}；可以用的有 ${functionNames.join('、')}`)
      sign('(')
      const args: Typed[] = []
      if (!isSign(')')) {
        do args.push(nested(either))
        while (skip(isSign(',')))
      }
      sign(')')
      if (!f) {
        if (args.length < 2) wrong('coalesce 至少写两个值')
        const kind = args.find(a => a.kind !== 'null')?.kind ?? wrong('coalesce 不能全是空值')
        return {
          sql: `coalesce(${args.map(a => (a.kind === 'null' ? 'null' : want(a, kind as Kind, 'coalesce'))).join(', ')})`,
          kind: kind as Kind,
        }
      }
      if (name === 'today') return args.length ? wrong('today() 里面不写内容') : { sql: `${literal(today)}::date`, kind: 'date' }
      if (args.length < (f.least ?? f.takes.length) || args.length > f.takes.length) wrong(`函数 ${name} 要 ${f.takes.length} 个值`)
      return { sql: f.sql(args.map((a, n) => want(a, f.takes[n] as Kind, name))), kind: f.gives }
    }
    const column = (name: string): Typed => {
      const c =
        columns.find(x => x.name === name) ??
        wrong(
          `没有信息项「${name}」；这条目录有 ${columns
            .map(x => x.name)
            .slice(0, 30)
            .join('、')}`,
        )
      used.set(c.key, c)
      return { sql: c.kind === 'number' ? `(${c.sql})::numeric` : c.sql, kind: c.kind }
    }

    const value = either()
    if (at().kind !== 'end') wrong(`${at().value} 以后多了内容：只能写一个条件`)
    const sql = bool(value)
    if (!used.size) wrong('条件里没有信息项，对每一行结果都一样')
    return { ok: true, sql, used: [...used.values()] }
  } catch (error) {
    if (error instanceof Wrong) return { ok: false, reason: error.message }
    throw error
  }
}

function bool(v: Typed): string {
  return v.kind === 'boolean' ? v.sql : wrong(`这里要一个条件，写的是${words[v.kind]}`)
}
/** A text that stands for a day is one where a day is asked. */
function want(v: Typed, kind: Kind, where: string): string {
  if (v.kind === kind || v.kind === 'null') return v.sql
  if (kind === 'date' && v.kind === 'time') return `(${v.sql})::date`
  const day = dated(v, kind)
  return day ?? wrong(`${where} 要${words[kind]}，写的是${words[v.kind]}`)
}
function dated(v: Typed, kind: Kind | 'null'): string | null {
  if (v.text === undefined || (kind !== 'date' && kind !== 'time')) return null
  const m = /^(\d{4})-(\d{2})-(\d{2})$/.exec(v.text)
  const real = m && !Number.isNaN(Date.parse(v.text)) && new Date(v.text).getUTCDate() === Number(m[3])
  return real ? `${literal(v.text)}::${kind === 'time' ? 'timestamp' : 'date'}` : wrong(`「${v.text}」不是日期，日期写作 '2026-09-24'`)
}
function alike(a: Typed, b: Typed): [Typed, Typed] {
  if (a.kind === b.kind || a.kind === 'null' || b.kind === 'null') return [a, b]
  const right = dated(b, a.kind)
  if (right) return [a, { sql: right, kind: a.kind }]
  const left = dated(a, b.kind)
  if (left) return [{ sql: left, kind: b.kind }, b]
  if (['date', 'time'].includes(a.kind) && ['date', 'time'].includes(b.kind)) return [a, b]
  return wrong(`${words[a.kind]}不能与${words[b.kind]}比较`)
}

/**
 * Whether a pattern is of the part of regular expressions that can neither run for ever nor grow without bound: classes, groups,
 * alternatives and counted repeats, no look-around, no back-references, no repeat of a group that repeats. Gives the reason it is not.
 */
export function patternFault(pattern: string): string | null {
  if (!pattern) return '请写格式'
  if (pattern.length > 200) return '表达式不超过 200 字'
  // What stands in each open group: does it repeat without end, does it offer alternatives.
  const groups: { endless: boolean; choice: boolean; most: number }[] = [{ endless: false, choice: false, most: 1 }]
  let last: { endless: boolean; choice: boolean; most: number } | null = null
  let i = 0
  while (i < pattern.length) {
    const c = pattern[i]!
    const here = groups.at(-1)!
    const single = { endless: false, choice: false, most: 1 }
    if (c === '\\') {
      const next = pattern[i + 1]
      if (!next) return '反斜杠后面缺字符'
      if (/[1-9]/.test(next)) return '不能用反向引用（\\1）：会让检查慢到停不下来'
      if (/[A-Za-z]/.test(next) && !/[dDwWsS]/.test(next)) return `不能用 \\${next}；可以用 \\d \\w \\s`
      last = single
      i += 2
    } else if (c === '[') {
      const m = /^\[\^?\]?(?:\\.|[^\]\\[])*\]/.exec(pattern.slice(i))
      if (!m) return '方括号没有配对，或里面又有方括号'
      last = single
      i += m[0].length
    } else if (c === '(') {
      if (/^\(\?(?!:)/.test(pattern.slice(i))) return '不能用前后断言等 (?…) 写法；分组写作 (…) 或 (?:…)'
      i += pattern.startsWith('(?:', i) ? 3 : 1
      if (groups.length > 6) return '分组套得太深'
      groups.push({ endless: false, choice: false, most: 1 })
      last = null
    } else if (c === ')') {
      if (groups.length === 1) return '括号没有配对'
      last = groups.pop()!
      i++
    } else if (c === '|') {
      here.choice = true
      last = null
      i++
    } else if ('*+?{'.includes(c)) {
      if (!last) return `${c} 前面没有可以重复的内容`
      const m = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(pattern.slice(i))
      if (c === '{' && !m) return '重复次数写作 {2}、{2,} 或 {2,5}'
      const endless = c === '*' || c === '+' || (m !== null && c === '{' && m[2] !== undefined && !m[3])
      const most = c === '{' ? Math.max(Number(m![1]), Number(m![3] || 0)) : 1
      if (most > 500) return '重复次数不超过 500'
      if (c === '{' && m![3] && Number(m![3]) < Number(m![1])) return '重复次数的上限小于下限'
      if ((endless || most > 1) && last.endless) return '重复里面又有不限次数的重复，例如 (a+)+：遇到不符合的值会慢到停不下来'
      if (endless && last.choice) return '不限次数地重复多个选项，例如 (a|ab)*：遇到不符合的值会慢到停不下来。请写明次数'
      const total = last.most * most
      if (total > 1000) return '重复次数相乘超过 1000'
      here.endless ||= endless || last.endless
      here.most = Math.max(here.most, total)
      last = null
      i += c === '{' ? m![0].length : 1
      continue
    } else {
      if (c === ']' || c === '}') return `${c} 没有配对；要表示这个字符，前面加反斜杠`
      last = single
      i++
    }
    // What has just ended counts in the group around it.
    if (last && c === ')') {
      here.most = Math.max(here.most, 1)
      const outer = groups.at(-1)!
      outer.most = Math.max(outer.most, last.most)
      outer.endless ||= last.endless
      outer.choice ||= last.choice
    }
  }
  return groups.length > 1 ? '括号没有配对' : null
}
