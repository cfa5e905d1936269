import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { Client, type FileEntryWithStats, type SFTPWrapper } from 'ssh2'
import { unreached } from './diagnosis.ts'
import { changedMeanwhile, type Found, matcher, settled, stampOf } from './files.ts'
import { type Diagnosis, type FileConnector, type Sftp, SourceDown } from './types.ts'

const place = (c: Sftp) => `${c.host}:${c.port}`
export const fingerprintOf = (key: Buffer) => `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`

function diagnose(error: unknown, c: Sftp, what = `目录「${c.path}」`): Diagnosis {
  const e = error as { code?: string | number; level?: string; message?: string }
  const at = place(c)
  const far = unreached(error, 'SFTP 服务器', c.host, at)
  if (far) return far
  const message = e.message ?? String(error)
  if (e.level === 'client-timeout' || /timed out/i.test(message))
    return { code: 'timeout', text: `连接 ${at} 超时。`, remedy: '请检查网络与防火墙，并确认这是 SFTP（SSH）端口。' }
  if (e.level === 'client-authentication')
    return {
      code: 'credentials',
      text: `SFTP 服务器 ${at} 不接受用户 ${c.user} 的登录。`,
      remedy: c.privateKey ? '请核对用户名和私钥，并确认公钥已登记到服务器。' : '请核对用户名和密码。',
    }
  if (/parse privateKey|passphrase|bad decrypt|Unsupported key/i.test(message))
    return { code: 'private-key', text: '私钥读不了。', remedy: '请粘贴完整的 OpenSSH 或 PEM 私钥；私钥有口令的，请填在密码里。' }
  if (e.code === 2) return { code: 'no-directory', text: `SFTP 服务器上没有${what}。`, remedy: '请核对目录。' }
  if (e.code === 3) return { code: 'no-right', text: `用户 ${c.user} 没有读取${what}的权限。`, remedy: '请服务器管理员授予读取权限。' }
  if (/subsystem|channel open/i.test(message))
    return { code: 'no-sftp', text: `${at} 可以登录，但没有开放 SFTP。`, remedy: '请服务器管理员开放 SFTP 子系统。' }
  if (/handshake|protocol|Expected|algorithm/i.test(message))
    return { code: 'protocol', text: `${at} 应答的不是可用的 SFTP 服务。`, remedy: '请核对端口；服务器过旧的，请管理员升级 SSH。' }
  if (e.level === 'client-socket' || /lost|closed|end|No response/i.test(message))
    return { code: 'lost', text: `SFTP 服务器 ${at} 断开了连接。`, remedy: '恢复后重试。' }
  return { code: 'other', text: `SFTP 服务器 ${at} 报错：${message}`, remedy: '请把这段话告诉服务器的管理员。' }
}

/** Logs in; the server has to show the key it is known by. Gives what it shows. */
async function open(c: Sftp): Promise<{ client: Client; sftp: SFTPWrapper; hostKey: string }> {
  const client = new Client()
  let hostKey = ''
  let wrong: SourceDown | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve)
      client.on('error', reject)
      client.once('close', () => reject(new Error('Connection closed')))
      client.on('keyboard-interactive', (_name, _words, _lang, prompts, finish) => finish(prompts.map(() => c.password)))
      client.connect({
        host: c.host,
        port: c.port,
        username: c.user,
        ...(c.privateKey
          ? { privateKey: c.privateKey, ...(c.password && { passphrase: c.password }) }
          : { password: c.password, tryKeyboard: true }),
        readyTimeout: 10_000,
        keepaliveInterval: 15_000,
        hostVerifier: (key: Buffer) => {
          hostKey = fingerprintOf(key)
          if (!c.hostKey || c.hostKey === hostKey) return true
          wrong = new SourceDown({
            code: 'host-key',
            text: `服务器 ${place(c)} 的主机密钥变了：原来是 ${c.hostKey}，现在是 ${hostKey}。可能是服务器重装了，也可能有人冒充。`,
            remedy: '请向服务器管理员核实；确实更换了的，请清空「主机指纹」后保存，再重新连接。',
          })
          return false
        },
      })
    })
    const sftp = await new Promise<SFTPWrapper>((resolve, reject) => client.sftp((error, s) => (error ? reject(error) : resolve(s))))
    return { client, sftp, hostKey }
  } catch (error) {
    client.destroy()
    throw wrong ?? error
  }
}

async function using<T>(c: Sftp, work: (sftp: SFTPWrapper, hostKey: string) => Promise<T>): Promise<T> {
  let client: Client | undefined
  try {
    const opened = await open(c)
    client = opened.client
    const lost = new Promise<never>((_, reject) => opened.client.once('close', () => reject(new Error('Connection closed'))))
    lost.catch(() => {})
    return await Promise.race([work(opened.sftp, opened.hostKey), lost])
  } catch (error) {
    throw error instanceof SourceDown ? error : new SourceDown(diagnose(error, c))
  } finally {
    client?.destroy()
  }
}

const found = (f: Pick<FileEntryWithStats, 'filename' | 'attrs'>): Found => ({
  name: f.filename,
  bytes: f.attrs.size,
  changed: f.attrs.mtime * 1000,
})

export const sftp: FileConnector<Sftp> = {
  label: 'SFTP',

  list: c =>
    using(c, sftp => {
      const fits = matcher(c.pattern)
      const look = () =>
        new Promise<Found[]>((resolve, reject) =>
          sftp.readdir(c.path, (error, all) =>
            error ? reject(error) : resolve(all.filter(f => f.attrs.isFile() && fits(f.filename)).map(found)),
          ),
        )
      return settled(look, Date.now())
    }),

  async *fetch(c, file, signal) {
    let client: Client | undefined
    try {
      if (/[/\\\0]/.test(file.name)) throw Object.assign(new Error('No such file'), { code: 2 })
      const opened = await open(c)
      client = opened.client
      const path = posix.join(c.path, file.name)
      const same = () =>
        new Promise<void>((resolve, reject) =>
          opened.sftp.stat(path, (error, attrs) =>
            error
              ? reject(error)
              : stampOf({ bytes: attrs.size, changed: attrs.mtime * 1000 }) === file.stamp
                ? resolve()
                : reject(new SourceDown(changedMeanwhile(file.name))),
          ),
        )
      await same()
      const stream = opened.sftp.createReadStream(path, { highWaterMark: 256 * 1024 })
      const stop = () => stream.destroy(new Error('Connection closed'))
      client.once('close', stop)
      signal?.addEventListener('abort', stop)
      try {
        yield* stream as AsyncIterable<Buffer>
      } finally {
        signal?.removeEventListener('abort', stop)
        client.off('close', stop)
      }
      await same()
    } catch (error) {
      throw error instanceof SourceDown ? error : new SourceDown(diagnose(error, c, `文件「${file.name}」`))
    } finally {
      client?.destroy()
    }
  },

  identify: async c => (c.hostKey ? null : using(c, async (_, hostKey) => ({ hostKey }))),
}
