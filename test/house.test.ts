import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { actionLabels } from '../contract/audit.ts'
import { endpoints } from '../contract/index.ts'
import { Settings } from '../server/platform/config.ts'

const root = resolve(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const files = (pattern: string) =>
  globSync(pattern, { cwd: root })
    .filter(f => !f.includes('node_modules') && !f.startsWith('web/dist'))
    .sort()
const source = (pattern: string) => files(pattern).filter(f => !f.endsWith('.test.ts') && !f.endsWith('.test.tsx'))

/** Modules stand in one line; each looks left only. */
const line = [
  'audit',
  'regulation',
  'organization',
  'procedure',
  'catalog',
  'quality',
  'aggregation',
  'delivery',
  'sharing',
  'opening',
  'market',
  'supervision',
  'assessment',
  'federation',
]

const importsOf = (file: string): string[] =>
  [...read(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(m => relative(root, resolve(root, dirname(file), m[1]!)))
const moduleOf = (file: string): string | null => file.match(/^server\/modules\/([^/]+)\//)?.[1] ?? null

test('contract imports nothing of ours but contract', () => {
  for (const file of source('contract/**/*.ts'))
    for (const target of importsOf(file)) assert.ok(target.startsWith('contract/'), `${file} imports ${target}`)
})

test('web imports only contract; server never imports web', () => {
  for (const file of source('web/**/*.{ts,tsx}'))
    for (const target of importsOf(file))
      assert.ok(target.startsWith('web/') || target.startsWith('contract/'), `${file} imports ${target}`)
  for (const file of source('server/**/*.ts'))
    for (const target of importsOf(file)) assert.ok(!target.startsWith('web/'), `${file} imports ${target}`)
})

test('a module imports only public.ts of modules before it in the line', () => {
  for (const file of source('server/modules/**/*.ts')) {
    const own = moduleOf(file)!
    assert.ok(line.includes(own), `${own} is not in the line of modules`)
    for (const target of importsOf(file)) {
      const other = moduleOf(target)
      if (!other || other === own) continue
      assert.ok(line.indexOf(other) < line.indexOf(own), `${file} looks right, to ${other}`)
      assert.equal(target, `server/modules/${other}/public.ts`, `${file} imports ${target}`)
    }
  }
})

test('the floor knows no module', () => {
  for (const file of source('server/platform/**/*.ts'))
    for (const target of importsOf(file)) assert.equal(moduleOf(target), null, `${file} imports ${target}`)
})

test('a module writes only its own schema', () => {
  const writes = /\b(?:insertInto|updateTable|deleteFrom)\(\s*'([a-z]+)\.|\b(?:insert into|update|delete from|copy)\s+([a-z]+)\.[a-z_]+/g
  for (const file of source('server/modules/**/*.ts')) {
    const own = moduleOf(file)!
    // Pool tables belong to aggregation.
    const allowed = new Set([own, ...(own === 'aggregation' ? ['pool'] : [])])
    for (const m of read(file).matchAll(writes)) assert.ok(allowed.has(m[1] ?? m[2]!), `${file} writes ${m[0]}`)
  }
})

test('a module reads the views of others, never their tables', () => {
  const reads = /\b(?:selectFrom|innerJoin|leftJoin)\(\s*'([a-z]+)\.([a-z_]+)|\b(?:from|join)\s+([a-z]+)\.([a-z_]+)/g
  const exempt = new Set(['information_schema', 'pg_catalog', 'pool', 'import'])
  for (const file of source('server/modules/**/*.ts')) {
    const own = moduleOf(file)!
    for (const m of read(file).matchAll(reads)) {
      const [schema, table] = [m[1] ?? m[3]!, m[2] ?? m[4]!]
      if (schema === own || exempt.has(schema) || !line.includes(schema)) continue
      assert.ok(table.endsWith('_view'), `${file} reads ${schema}.${table}`)
      assert.ok(line.indexOf(schema) < line.indexOf(own), `${file} reads to the right: ${schema}.${table}`)
    }
  }
})

test('only the settings file reads the environment', () => {
  // The launcher’s commands and tests hand the environment on; they decide nothing by it.
  for (const file of source('server/**/*.ts').filter(
    f => !f.startsWith('server/commands/') && !f.startsWith('server/demo/') && f !== 'server/platform/config.ts',
  ))
    assert.doesNotMatch(read(file).replace(/\$\{?process\.env|`[^`]*`/g, ''), /process\.env/, file)
})

test('a day is one of Beijing, and reckoned in one place', () => {
  // Cut out of an instant it is that of London: from midnight to eight in the morning the day before.
  for (const file of [...source('server/**/*.ts'), ...source('contract/**/*.ts'), ...source('web/**/*.{ts,tsx}')])
    if (file !== 'server/platform/clock.ts')
      assert.doesNotMatch(
        read(file),
        /toISOString\(\)\s*\.(?:slice|substring|split)\((?:0, ?10|'T')\)/,
        `${file}: dayOf or addDays of platform/clock.ts`,
      )
})

test('every setting is documented', () => {
  const page = read('docs/settings.md')
  for (const name of Object.keys(Settings.shape)) assert.ok(page.includes(name), `${name} is missing in docs/settings.md`)
})

test('SQL is parameterised: sql.raw and string-built queries are named here', () => {
  const allowed = new Set(['server/modules/delivery/projection.ts'])
  for (const file of source('server/modules/**/*.ts')) if (!allowed.has(file)) assert.doesNotMatch(read(file), /sql\.raw\(/, file)
})

test('every recorded action has a label', () => {
  for (const file of source('server/modules/**/*.ts'))
    for (const m of read(file).matchAll(/\baction: '([a-z]+\.[a-z-]+)'/g)) assert.ok(m[1]! in actionLabels, `${file}: ${m[1]}`)
})

test('errors have one shape: nobody else writes an error reply', () => {
  for (const file of source('server/modules/**/*.ts'))
    assert.doesNotMatch(read(file), /\.(?:status|code)\(\s*[45]\d\d\s*\)/, `${file} answers an error by itself; throw a Problem`)
})

test('no jurisdiction is named in code', () => {
  const places = /永泰|福州|双牌|晋江|河南|永州|yongtai|fuzhou|shuangpai|jinjiang|henan|3501\d\d|410000|431123|350582/i
  for (const file of [...source('server/**/*.ts'), ...source('contract/**/*.ts'), ...source('web/**/*.{ts,tsx}')]) {
    if (file.startsWith('server/demo/') || file === 'server/platform/tables.ts' || file.endsWith('vectors.ts')) continue
    const code = read(file).replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '')
    const hit = code.match(places)
    assert.equal(hit, null, `${file}: ${hit?.[0]}`)
  }
})

test('every endpoint has its own address and a summary', () => {
  const seen = new Set<string>()
  for (const { module, name, endpoint: e } of endpoints) {
    const key = `${e.method} ${e.path.replace(/:\w+/g, ':')}`
    assert.ok(!seen.has(key), `${module}.${name}: ${key} twice`)
    seen.add(key)
    assert.ok(e.summary.length > 5, `${module}.${name}`)
  }
})

test('no code names a place: what differs between places stands in regulations/', () => {
  const text = read('regulations/regions.yaml')
  const names = [...text.matchAll(/name: (\S+?)[省市县区](?:[\s,}]|$)/gm)].map(m => m[1]!)
  const slugs = files('regulations/*-[0-9]*.yaml').map(f => f.slice('regulations/'.length, -'.yaml'.length).replace(/-\d+$/, ''))
  assert.ok(names.length >= 7 && slugs.length >= 7)
  const named = new RegExp(`${names.join('|')}|\\b(?:${slugs.filter(s => s !== 'national').join('|')})\\b`)
  for (const file of source('{contract,server,web}/**/*.{ts,tsx}').filter(f => !f.startsWith('server/demo/')))
    assert.doesNotMatch(read(file), named, file)
})
