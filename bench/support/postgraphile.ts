import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const version = '5.1.5'

/**
 * PostGraphile (MIT) over the schema `public`, in this process. It is fetched at its first use and not with the platform: 300 MB that only
 * this measurement needs.
 */
export async function postgraphile(
  connectionString: string,
  max: number,
): Promise<{ url: string; version: string; close(): Promise<void> }> {
  const folder = join(tmpdir(), `huitong-postgraphile-${version}`)
  if (!existsSync(join(folder, 'ready'))) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', `postgraphile@${version}`], {
      cwd: folder,
      stdio: 'inherit',
    })
    writeFileSync(join(folder, 'ready'), '')
  }
  process.env.GRAPHILE_ENV = 'production'
  const load = createRequire(join(folder, 'package.json'))
  const { PostGraphileAmberPreset } = load('postgraphile/presets/amber')
  const { makePgService } = load('postgraphile/adaptors/pg')
  const service = makePgService({ connectionString, schemas: ['public'], poolConfig: { max } })
  const pgl = load('postgraphile').postgraphile({
    extends: [PostGraphileAmberPreset],
    pgServices: [service],
    grafserv: { graphiql: false, watch: false },
  })
  const server = createServer()
  await pgl.createServ(load('postgraphile/grafserv/node').grafserv).addTo(server)
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    version,
    async close() {
      await new Promise(done => server.close(done))
      await pgl.release()
      await service.release?.()
    },
  }
}
