import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import yauzl from 'yauzl'
import {
  evidenceEnding,
  type FileFacts,
  type Finding,
  type Given,
  judgeEvidence,
  readEvidence,
  type Tools,
  visible,
} from '../../../contract/evidence.ts'
import { checkSignatures } from '../../platform/signer.ts'

/** What keeps a file from being judged at all, and what to do. */
export class Unreadable extends Error {
  readonly next: string
  constructor(message: string, next: string) {
    super(visible(message))
    this.next = visible(next)
  }
}

// An evidence is a few kB; more when many blocks lie between the record and its checkpoint.
const mostEvidence = 2 ** 23
const tooLarge = (name: string) =>
  new Unreadable(`「${name}」太大，不是证据文件。`, `请把名称以 ${evidenceEnding} 结尾的证据文件或数据包写在最前，数据文件写在后面。`)
const broken = (name: string) => new Unreadable(`「${name}」不是完整的 ZIP：没有下载完，或目录部分被改动。`, '请重新下载数据包后再核验。')

export const nodeTools: Tools = {
  sm3: bytes => createHash('sm3').update(bytes).digest(),
  verify: async (algorithm, message, signature, key) => {
    if (algorithm !== 'SM2' && algorithm !== 'Ed25519') return false
    try {
      return checkSignatures(Buffer.from(message), { [algorithm]: signature }, { [algorithm]: key })[algorithm]!
    } catch {
      // A key or a signature that is none.
      return false
    }
  },
}

/** Judges an evidence, or the package it is in, and the files given beside it: no database, no network. */
export async function verifyPackage(
  path: string,
  others: string[],
  trusted: string[],
): Promise<{ ok: boolean; known: boolean; package: string; findings: Finding[] }> {
  const name = basename(path)
  const { size } = about(path)
  const zipped = firstBytes(path) === 'PK\x03\x04'
  if (!zipped && size > mostEvidence) throw tooLarge(name)
  const { text, files } = zipped ? await fromArchive(path) : { text: readFileSync(path, 'utf8'), files: [] }
  const read = readEvidence(text)
  if ('why' in read) throw new Unreadable(`「${name}」${zipped ? '里的证据' : ''}不能核验。${read.why}。`, read.next)
  for (const other of others) {
    about(other)
    files.push({ name: basename(other), ...(await digestsOf(createReadStream(other))) })
  }
  const judged = await judgeEvidence(read.evidence, files, nodeTools, { trusted, whole: zipped })
  return { ...judged, package: visible(read.evidence.delivered.package) }
}

function about(path: string): { size: number } {
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found) throw new Unreadable(`没有「${path}」这个文件。`, '请核对文件名和所在的目录。')
  if (!found.isFile()) throw new Unreadable(`「${path}」不是文件。`, '目录里的文件请一个一个写出来。')
  return found
}

function firstBytes(path: string): string {
  const file = openSync(path, 'r')
  try {
    const start = Buffer.alloc(4)
    return start.toString('latin1', 0, readSync(file, start))
  } finally {
    closeSync(file)
  }
}

/** Length and both digests of what comes in pieces. */
export async function digestsOf(pieces: AsyncIterable<unknown> | Iterable<unknown>): Promise<Omit<FileFacts, 'name'>> {
  const [sha256, sm3] = [createHash('sha256'), createHash('sm3')]
  let bytes = 0
  for await (const piece of pieces) {
    sha256.update(piece as Buffer)
    sm3.update(piece as Buffer)
    bytes += (piece as Buffer).length
  }
  return { bytes, sha256: sha256.digest('hex'), sm3: sm3.digest('hex') }
}

/** The text of the evidence in a package, and the digests of all other files in it. */
async function fromArchive(path: string): Promise<{ text: string; files: Given[] }> {
  const name = basename(path)
  const zip = await new Promise<yauzl.ZipFile>((done, fail) =>
    yauzl.open(path, { lazyEntries: true, autoClose: false }, (error, opened) => (error ? fail(broken(name)) : done(opened))),
  )
  try {
    const entries = await new Promise<yauzl.Entry[]>((done, fail) => {
      const list: yauzl.Entry[] = []
      zip.on('entry', (entry: yauzl.Entry) => {
        list.push(entry)
        zip.readEntry()
      })
      zip.on('end', () => done(list))
      zip.on('error', () => fail(broken(name)))
      zip.readEntry()
    })
    const [evidence, ...more] = entries.filter(e => e.fileName.endsWith(evidenceEnding))
    if (!evidence)
      throw new Unreadable(
        `「${name}」里没有证据文件（名称以 ${evidenceEnding} 结尾）。`,
        '若它是数据文件，请把证据文件写在它前面；若是较早生成、还不带证据的数据包，请在授权页重新生成。',
      )
    if (more.length) throw new Unreadable(`「${name}」里有 ${more.length + 1} 份证据，不知道以哪份为准。`, '请从平台重新下载数据包。')
    if (evidence.uncompressedSize > mostEvidence) throw tooLarge(evidence.fileName)
    const pieces: Buffer[] = []
    try {
      for await (const piece of await contentOf(zip, evidence)) pieces.push(piece as Buffer)
    } catch {
      throw new Unreadable(`「${name}」里的证据文件读不出来：已损坏或被改动。`, '请从平台重新下载数据包。')
    }
    const files: Given[] = []
    for (const entry of entries.filter(e => e !== evidence)) {
      try {
        files.push({ name: entry.fileName, ...(await digestsOf(await contentOf(zip, entry))) })
      } catch {
        files.push({ name: entry.fileName, bytes: entry.uncompressedSize, sha256: null, sm3: null })
      }
    }
    return { text: Buffer.concat(pieces).toString('utf8'), files }
  } finally {
    zip.close()
  }
}

const contentOf = (zip: yauzl.ZipFile, entry: yauzl.Entry) =>
  new Promise<AsyncIterable<unknown>>((done, fail) => zip.openReadStream(entry, (error, stream) => (error ? fail(error) : done(stream))))
