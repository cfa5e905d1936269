import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LocalSource } from '../../contract/agents.ts'
import { type Connection, OpenConnection, secretFields } from '../../contract/connections.ts'
import { loadKey, openSecrets } from '../platform/secrets.ts'

export type Paired = { platform: string; id: string; name: string; department: string }
type Kept = { name: string; connection: object; secret: string }

/** What an agent keeps in its own directory, readable by its owner only. Passwords are sealed with a key that stays here. */
export function openHome(dir: string) {
  mkdirSync(join(dir, 'spool'), { recursive: true, mode: 0o700 })
  const at = (name: string) => join(dir, name)
  const secrets = openSecrets(loadKey(undefined, dir))
  const read = <T>(name: string): T | undefined => (existsSync(at(name)) ? (JSON.parse(readFileSync(at(name), 'utf8')) as T) : undefined)
  const kept = () => read<Kept[]>('sources.json') ?? []
  return {
    dir,
    at,
    paired: () => read<Paired>('agent.json'),
    savePaired: (p: Paired) => writeWhole(at('agent.json'), JSON.stringify(p)),
    ca: () => (existsSync(at('ca.pem')) ? readFileSync(at('ca.pem'), 'utf8') : undefined),
    saveCa: (pem: string) => writeWhole(at('ca.pem'), pem),

    /** Made here; the private half never leaves. */
    key(): KeyObject {
      if (!existsSync(at('agent.key')))
        writeWhole(at('agent.key'), generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string)
      return createPrivateKey(readFileSync(at('agent.key'), 'utf8'))
    },

    /** What the platform may know. */
    offered: (): { name: string; connection: OpenConnection }[] =>
      kept().map(({ name, connection }) => ({ name, connection: OpenConnection.parse(connection) })),
    source(name: string): LocalSource | undefined {
      const one = kept().find(s => s.name === name)
      return one && LocalSource.parse({ name, connection: { ...one.connection, ...JSON.parse(secrets.unseal(one.secret)) } })
    },
    saveSource({ name, connection }: { name: string; connection: Connection }): void {
      const hidden = Object.fromEntries(Object.entries(connection).filter(([field]) => (secretFields as readonly string[]).includes(field)))
      const open = OpenConnection.parse(connection)
      const others = kept().filter(s => s.name !== name)
      writeWhole(
        at('sources.json'),
        JSON.stringify([...others, { name, connection: open, secret: secrets.seal(JSON.stringify(hidden)) }], null, 1),
      )
    },
    removeSource(name: string): boolean {
      const left = kept().filter(s => s.name !== name)
      const found = left.length < kept().length
      writeWhole(at('sources.json'), JSON.stringify(left, null, 1))
      return found
    },
  }
}
export type Home = ReturnType<typeof openHome>

export const publicKeyText = (key: KeyObject): string => createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64')

/** The old file or the new one, never half of it, whenever the process or the machine stops. */
export function writeWhole(path: string, text: string): void {
  const next = `${path}.new`
  writeFileSync(next, text, { mode: 0o600 })
  const file = openSync(next, 'r')
  fsyncSync(file)
  closeSync(file)
  renameSync(next, path)
}

/** One agent per directory. What a killed one left behind does not count. */
export function takeTurn(home: Home): () => void {
  const lock = home.at('agent.pid')
  const other = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0
  if (other && other !== process.pid && alive(other)) throw new Error(`这个目录的前置机已经在运行（进程 ${other}）。`)
  writeFileSync(lock, String(process.pid), { mode: 0o600 })
  return () => rmSync(lock, { force: true })
}
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}
