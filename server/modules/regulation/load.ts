import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { fields } from '../../../contract/procedure.ts'
import { type Law, lawOf } from './law.ts'
import { type Condition, type RegionRecord, RegionsSchema, type Regulation, RegulationSchema, type Requirement } from './schema.ts'

export class RegulationError extends Error {}

export type Loaded = Regulation & { version: string }

const directory = resolve(import.meta.dirname, '../../../regulations')

/** Lawyers read these messages; what the schema says itself goes before. */
const words = z.locales.zhCN().localeError
const chinese: typeof words = issue => (issue.code === 'invalid_type' && issue.input === undefined ? '缺少这一项' : words(issue))

/** Reads and checks one file; every problem is named with file and path, all at once. */
export function parseFile<T extends z.ZodType>(schema: T, name: string, text: string): z.output<T> {
  let raw: unknown
  try {
    raw = parse(text, { logLevel: 'error' })
  } catch (error) {
    throw new RegulationError(`${name}: 不是有效的 YAML：${(error as Error).message}`)
  }
  const parsed = schema.safeParse(raw, { error: chinese })
  if (parsed.success) return parsed.data
  throw new RegulationError(parsed.error.issues.map(i => `${name}: ${i.path.join('.') || '(整个文件)'}: ${i.message}`).join('\n'))
}

/** One text on its own, e.g. an imported one, held to the same rules as the files. Throws RegulationError with every problem. */
export function readRegulation(name: string, text: string, platform: Loaded | undefined, effects?: ReadonlySet<string>): Loaded {
  const regulation = parseFile(RegulationSchema, name, text)
  const problems = [
    ...unknownNames(name, regulation, platform ?? regulation, effects),
    ...unknownGates(name, regulation, platform ?? regulation),
  ]
  if (problems.length) throw new RegulationError(problems.join('\n'))
  return { ...regulation, version: createHash('sm3').update(text).digest('hex') }
}

/** All regulations and regions of a directory. Throws RegulationError naming file, path and problem. */
export function loadLaw(from: string = directory, effects?: ReadonlySet<string>): Law {
  const regulations = new Map<string, Loaded>()
  const regions = new Map<string, RegionRecord>()
  const problems: string[] = []
  for (const file of readdirSync(from)
    .filter(f => f.endsWith('.yaml'))
    .sort()) {
    const text = readFileSync(join(from, file), 'utf8')
    try {
      if (file === 'regions.yaml') for (const r of parseFile(RegionsSchema, file, text).regions) regions.set(r.code, r)
      else {
        const regulation = parseFile(RegulationSchema, file, text)
        if (`${regulation.id}.yaml` !== file) problems.push(`${file}: id: 应与文件名一致（现在是 ${regulation.id}）`)
        regulations.set(regulation.id, { ...regulation, version: createHash('sm3').update(text).digest('hex') })
      }
    } catch (error) {
      if (!(error instanceof RegulationError)) throw error
      problems.push(error.message)
    }
  }
  const platform = regulations.get('platform')
  if (!platform) problems.push('platform.yaml: 缺少平台约定文件')
  for (const r of regulations.values())
    problems.push(...unknownNames(`${r.id}.yaml`, r, platform, effects), ...unknownGates(`${r.id}.yaml`, r, platform))
  for (const region of regions.values()) {
    if (region.parent && !regions.has(region.parent)) problems.push(`regions.yaml: ${region.code}.parent: 没有 ${region.parent} 这个地区`)
    for (const a of region.adopts)
      if (!regulations.has(a.regulation)) problems.push(`regions.yaml: ${region.code}.adopts: 没有 ${a.regulation} 这个文件`)
    for (const layer of region.layers)
      if (!regulations.has(layer)) problems.push(`regions.yaml: ${region.code}.layers: 没有 ${layer} 这个文件`)
  }
  if (problems.length) throw new RegulationError(problems.join('\n'))
  return lawOf(regulations, regions)
}

/** Facts that conditions may use beside the fields of a form. */
const facts = ['applicantKind', 'overdue', 'sameRegion', 'level', 'extended']

/** Roles and fields must be declared, effects must exist: a file cannot carry code. `platform` lends its fields to every file. */
export function unknownNames(
  file: string,
  regulation: Regulation,
  platform: Pick<Regulation, 'fields'> | undefined,
  effects?: ReadonlySet<string>,
): string[] {
  const problems: string[] = []
  const known = new Set([...Object.keys(fields), ...Object.keys(platform?.fields ?? {}), ...Object.keys(regulation.fields)])
  for (const [p, procedure] of Object.entries(regulation.procedures)) {
    const at = `procedures.${p}`
    const role = (name: string, path: string) => {
      if (!regulation.roles[name] && !procedure.parties[name] && name !== 'applicant')
        problems.push(`${file}: ${at}.${path}: roles 里没有角色 ${name}`)
    }
    const effect = (name: string | undefined, path: string) => {
      if (name && effects && !effects.has(name)) problems.push(`${file}: ${at}.${path}: 平台没有名为 ${name} 的效果`)
    }
    const field = (name: string, path: string) => {
      if (!known.has(name)) problems.push(`${file}: ${at}.${path}: 没有名为 ${name} 的字段，请写在 fields 里`)
    }
    const condition = (when: Condition | undefined, path: string) => {
      for (const name of Object.keys(when ?? {})) if (!facts.includes(name)) field(name, `${path}.when`)
    }
    const asks = (
      rule: { requires?: Requirement[]; offers?: string[]; forbids?: { when: Condition }[]; when?: Condition },
      path: string,
    ) => {
      for (const r of rule.requires ?? []) {
        field(r.field, `${path}.requires`)
        condition(r.when, `${path}.requires.${r.field}`)
      }
      for (const name of rule.offers ?? []) field(name, `${path}.offers`)
      for (const f of rule.forbids ?? []) condition(f.when, `${path}.forbids`)
      condition(rule.when, path)
    }
    asks(procedure, 'start')
    effect(procedure.effect, 'effect')
    for (const name of procedure.who?.roles ?? []) role(name, 'who')
    for (const [name, from] of Object.entries(procedure.parties)) field(from, `parties.${name}`)
    for (const [s, step] of Object.entries(procedure.steps)) {
      for (const r of [...step.by.roles, ...(step.extend?.by.roles ?? []), ...(step.extend?.tell ?? [])]) role(r, `steps.${s}.by`)
      for (const [d, duty] of Object.entries(step.duties ?? {})) {
        for (const r of duty.by?.roles ?? []) role(r, `steps.${s}.duties.${d}.by`)
        condition(duty.when, `steps.${s}.duties.${d}`)
        if (duty.from) field(duty.from, `steps.${s}.duties.${d}.from`)
        if ('field' in duty.within) field(duty.within.field, `steps.${s}.duties.${d}.within`)
      }
      if (step.from) field(step.from, `steps.${s}.from`)
      if (step.within && 'field' in step.within) field(step.within.field, `steps.${s}.within`)
      for (const [a, action] of Object.entries(step.actions)) {
        if ('by' in action && action.by) for (const r of action.by.roles) role(r, `steps.${s}.actions.${a}.by`)
        if ('effect' in action) effect(action.effect, `steps.${s}.actions.${a}.effect`)
        if ('requires' in action) asks(action, `steps.${s}.actions.${a}`)
      }
    }
    for (const [e, end] of Object.entries(procedure.ends)) {
      effect(end.effect, `ends.${e}.effect`)
      for (const r of end.notify) role(r, `ends.${e}.notify`)
    }
  }
  return problems
}

/** A block that is not the text's own must be one of the platform's gates, which a region can switch. */
function unknownGates(file: string, regulation: Regulation, platform: Pick<Regulation, 'gates'> | undefined): string[] {
  const problems: string[] = []
  const walk = (value: unknown, path: string) => {
    if (typeof value !== 'object' || value === null) return
    for (const [key, inner] of Object.entries(value)) {
      const gate = key === 'gate' ? (typeof inner === 'string' ? inner : (inner as { key: string } | null)?.key) : undefined
      if (gate && !platform?.gates[gate]) problems.push(`${file}: ${path}.gate: platform.yaml 的 gates 里没有 ${gate}`)
      walk(inner, `${path}.${key}`)
    }
  }
  walk(regulation.procedures, 'procedures')
  return problems
}
