import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

const program = '/usr/sbin/sshd'
/** Why there is no SSH server here; false when there is one. For `test(name, { skip })`. */
export const noSshd: string | false = existsSync(program) ? false : 'OpenSSH server is not installed (apt-get install openssh-server)'

export type Sshd = {
  host: string
  port: number
  user: string
  privateKey: string /** A directory of its own. */
  dir: string
  restart(): Promise<void>
}

/** An OpenSSH server of its own with SFTP, for whoever runs the tests; gone afterwards. `restart`: comes back with another host key. */
export async function anSshd(t: Pick<TestContext, 'after'>): Promise<Sshd> {
  const home = mkdtempSync(join(tmpdir(), 'huitong-sshd-'))
  const dir = join(home, 'files')
  mkdirSync(dir)
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true })
  const key = (name: string) => {
    const path = join(home, name)
    rmSync(path, { force: true })
    rmSync(`${path}.pub`, { force: true })
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path])
    return path
  }
  const user = key('user')
  const port = await new Promise<number>(resolve => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
  writeFileSync(
    join(home, 'config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${join(home, 'host')}`,
      `AuthorizedKeysFile ${user}.pub`,
      `PidFile ${join(home, 'pid')}`,
      'PermitRootLogin yes',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication yes',
      'Subsystem sftp internal-sftp',
    ].join('\n'),
  )
  let server: ReturnType<typeof spawn> | undefined
  const stop = async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const gone = new Promise(resolve => server!.once('exit', resolve))
    server.kill('SIGKILL')
    await gone
  }
  const restart = async () => {
    await stop()
    key('host')
    server = spawn(program, ['-D', '-e', '-f', join(home, 'config')], { stdio: 'ignore' })
    for (let i = 0; i < 200; i++) {
      const up = await new Promise<boolean>(resolve => {
        const socket = connect(port, '127.0.0.1', () => resolve(true))
        socket.on('error', () => resolve(false))
        socket.on('connect', () => socket.destroy())
      })
      if (up) return
      await sleep(50)
    }
    throw new Error('sshd did not start')
  }
  t.after(async () => {
    await stop()
    rmSync(home, { recursive: true, force: true })
  })
  await restart()
  return { host: '127.0.0.1', port, user: userInfo().username, privateKey: readFileSync(user, 'utf8'), dir, restart }
}
