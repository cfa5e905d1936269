import { evidenceEnding, type FileFacts } from '../../../../contract/evidence.ts'
import type { Context } from '../../../platform/context.ts'
import { refuse } from '../../../platform/problem.ts'
import type { createZip } from '../../../platform/zip.ts'
import { contentOf, originalsOf } from '../../aggregation/public.ts'

/** The evidence lists every file of a package. */
const MOST_FILES = 5000

/** How files are called in a ZIP: no folders, no name twice, none that the package itself uses. */
export function namesFor(wanted: readonly string[], taken: readonly string[]): string[] {
  const used = new Set(taken.map(name => name.toLowerCase()))
  return wanted.map(name => {
    const plain = name.replace(/[\\/:*?"<>|\p{Cc}]/gu, '_').replace(/^\.+/, '_')
    const dot = plain.lastIndexOf('.')
    const [stem, ending] = dot > 0 ? [plain.slice(0, dot), plain.slice(dot)] : [plain, '']
    let made = plain
    for (let n = 2; used.has(made.toLowerCase()) || made.toLowerCase().endsWith(evidenceEnding); n++) made = `${stem} (${n})${ending}`
    used.add(made.toLowerCase())
    return made
  })
}

/** Puts the files with these digests into the package. What is not there, too much, or no longer what it was makes no package. */
export async function addOriginals(
  ctx: Context,
  zip: Awaited<ReturnType<typeof createZip>>,
  o: { entryId: string; digests: readonly string[]; list: string },
): Promise<FileFacts[]> {
  const digests = [...new Set(o.digests)]
  const found = await originalsOf(ctx.db, o.entryId, digests)
  const missing = digests.filter(d => !found.has(d))
  if (missing.length)
    refuse('package.no_original', {
      detail: `${missing.length} 个文件没有原件：${missing.slice(0, 3).join('、')}${missing.length > 3 ? ' 等' : ''}。`,
      remedy: '请只选有原件的文件；原件应由提供部门在「文件」里上传。',
    })
  const files = digests.map(d => found.get(d)!)
  const bytes = files.reduce((sum, f) => sum + f.bytes, 0)
  if (files.length > MOST_FILES || bytes > ctx.config.maxUploadBytes)
    refuse('package.too_large', {
      detail: `共 ${files.length.toLocaleString('en')} 个文件、${Math.ceil(bytes / 1024 ** 2).toLocaleString('en')} MB，一个数据包最多 ${MOST_FILES.toLocaleString('en')} 个、${Math.floor(ctx.config.maxUploadBytes / 1024 ** 2).toLocaleString('en')} MB。`,
      remedy: '请按文件摘要选一部分，分几次生成。',
    })
  const names = namesFor(
    files.map(f => f.name),
    [o.list, 'manifest.json'],
  )
  const facts: FileFacts[] = []
  for (const [i, f] of files.entries()) {
    try {
      facts.push({ name: names[i]!, ...(await zip.add(names[i]!, contentOf(ctx.config.dataDir, f.digest))) })
    } catch (error) {
      const { code } = error as { code?: string }
      if (code !== 'changed' && code !== 'ENOENT') throw error
      refuse('package.original_broken', {
        detail: `「${f.name}」的原件${code === 'changed' ? '与登记的文件摘要不符' : '不在平台上'}。`,
        remedy: '请联系提供部门重新上传这个文件。',
      })
    }
  }
  return facts
}
