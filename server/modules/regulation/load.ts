import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import type { z } from 'zod'
import { type Law, lawOf } from './law.ts'
import { type RegionRecord, RegionsSchema, type Regulation, RegulationSchema } from './schema.ts'

export class RegulationError extends Error {}

export type Loaded = Regulation & { version: string }

const directory = resolve(import.meta.dirname, '../../../regulations')

/** Reads and checks one file; every problem is named with file and path, all at once. */
export function parseFile<T extends z.ZodType>(schema: T, name: string, text: string): z.output<T> {
  let raw: unknown
  try {
    raw = parse(text)
  } catch (error) {
    throw new RegulationError(`${name}: 不是有效的 YAML：${(error as Error).message}`)
  }
  const parsed = schema.safeParse(raw)
  if (parsed.success) return parsed.data
  throw new RegulationError(parsed.error.issues.map(i => `${name}: ${i.path.join('.') || '(整个文件)'}: ${i.message}`).join('\n'))
}

/** One text on its own, e.g. an imported one, held to the same rules as the files. Throws RegulationError with every problem. */
export function readRegulation(name: string, text: string, _platform: Loaded | undefined, effects?: ReadonlySet<string>): Loaded {
  const regulation = parseFile(RegulationSchema, name, text)
  const problems = unknownNames(name, regulation, effects)
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
        problems.push(...unknownNames(file, regulation, effects))
        regulations.set(regulation.id, { ...regulation, version: createHash('sm3').update(text).digest('hex') })
      }
    } catch (error) {
      if (!(error instanceof RegulationError)) throw error
      problems.push(error.message)
    }
  }
  if (!regulations.has('platform')) problems.push('platform.yaml: 缺少平台约定文件')
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

/** Roles must be declared, effects must exist: a file cannot carry code. */
function unknownNames(file: string, regulation: Regulation, effects?: ReadonlySet<string>): string[] {
  const problems: string[] = []
  const role = (name: string, path: string) => {
    if (!regulation.roles[name]) problems.push(`${file}: ${path}: roles 里没有角色 ${name}`)
  }
  const effect = (name: string | undefined, path: string) => {
    if (name && effects && !effects.has(name)) problems.push(`${file}: ${path}: 平台没有名为 ${name} 的效果`)
  }
  for (const [p, procedure] of Object.entries(regulation.procedures)) {
    for (const [s, step] of Object.entries(procedure.steps)) {
      for (const r of step.by.roles) role(r, `procedures.${p}.steps.${s}.by`)
      for (const [a, action] of Object.entries(step.actions)) {
        if ('by' in action && action.by) for (const r of action.by.roles) role(r, `procedures.${p}.steps.${s}.actions.${a}.by`)
        if ('effect' in action) effect(action.effect, `procedures.${p}.steps.${s}.actions.${a}.effect`)
      }
    }
    for (const [e, end] of Object.entries(procedure.ends)) effect(end.effect, `procedures.${p}.ends.${e}.effect`)
  }
  return problems
}
