import { constants } from 'node:fs'
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'
import { changedMeanwhile, type Found, matcher, settled, stampOf } from './files.ts'
import { type Diagnosis, type FileConnector, type Folder, SourceDown } from './types.ts'

const inside = (root: string, path: string) => {
  const way = relative(root, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}
const down = (code: string, text: string, remedy: string) => new SourceDown({ code, text, remedy })

/** The directory as it really is. Neither `..` nor a link leads out of the root. */
async function directoryOf(c: Folder): Promise<{ root: string; path: string }> {
  if (!c.bounds?.folders) throw down('no-root', '平台没有开放可以监视的文件夹。', '请系统管理员设置 HUITONG_FOLDER_ROOT。')
  const root = await realpath(c.bounds.folders).catch(error => {
    throw new SourceDown(diagnose(error, '可以监视的根目录'))
  })
  const outside = down('outside', `目录「${c.path}」不在可以监视的根目录之下。`, '请填写根目录之下的目录。')
  const wanted = c.path.startsWith(root) ? c.path : join(root, c.path)
  if (c.path.includes('\0') || !inside(root, wanted)) throw outside
  const path = await realpath(wanted).catch(error => {
    throw new SourceDown(diagnose(error, `目录「${c.path}」`))
  })
  if (!inside(root, path)) throw outside
  return { root, path }
}

function diagnose(error: unknown, what: string): Diagnosis {
  const { code, message } = error as { code?: string; message?: string }
  if (code === 'ENOENT') return { code: 'no-directory', text: `没有${what}。`, remedy: '请核对目录。' }
  if (code === 'ENOTDIR') return { code: 'no-directory', text: `${what}不是目录。`, remedy: '请核对目录。' }
  if (code === 'EACCES' || code === 'EPERM')
    return { code: 'no-right', text: `平台没有读取${what}的权限。`, remedy: '请给运行平台的账户读取权限。' }
  return { code: 'other', text: `${what}读不了：${message ?? error}`, remedy: '请把这段话告诉系统管理员。' }
}

export const folder: FileConnector<Folder> = {
  label: '文件夹',

  async list(c) {
    const { root, path } = await directoryOf(c)
    const fits = matcher(c.pattern)
    const look = async (): Promise<Found[]> => {
      const found: Found[] = []
      for (const name of await readdir(path)) {
        if (!fits(name)) continue
        const real = await realpath(join(path, name)).catch(() => null)
        if (!real || !inside(root, real)) continue
        const s = await stat(real).catch(() => null)
        if (s?.isFile()) found.push({ name, bytes: s.size, changed: s.mtimeMs })
      }
      return found
    }
    try {
      return await settled(look, Date.now())
    } catch (error) {
      throw error instanceof SourceDown ? error : new SourceDown(diagnose(error, `目录「${c.path}」`))
    }
  },

  async *fetch(c, file) {
    const { root, path } = await directoryOf(c)
    const missing = (error: unknown) => new SourceDown(diagnose(error, `文件「${file.name}」`))
    if (/[/\\\0]/.test(file.name)) throw missing({ code: 'ENOENT' })
    try {
      const real = await realpath(join(path, file.name))
      if (!inside(root, real) || (await lstat(real)).isSymbolicLink()) throw missing({ code: 'ENOENT' })
      // A link put there between the look and the reading is not followed.
      const handle = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW)
      try {
        const same = async () => {
          const s = await handle.stat()
          if (!s.isFile() || stampOf({ bytes: s.size, changed: s.mtimeMs }) !== file.stamp)
            throw new SourceDown(changedMeanwhile(file.name))
        }
        await same()
        yield* handle.createReadStream({ autoClose: false, highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>
        await same()
      } finally {
        await handle.close()
      }
    } catch (error) {
      throw error instanceof SourceDown ? error : missing(error)
    }
  },
}
