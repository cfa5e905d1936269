/**
 * The evidence of a data package (docs/ledger-format.md), and how anybody judges it: the command `verify` and the page of the portal share
 * this, each with its own digests and signatures. No schema library: the portal would carry it to every phone.
 */
export const evidenceFormat = 'huitong-evidence-1'
export const evidenceEnding = '.evidence.json'

/** Keys and signatures by algorithm, hex. */
type ByAlgorithm = Record<string, string>
export type FileFacts = { name: string; bytes: number; sha256: string; sm3: string }
type Head = { height: number; first: number; count: number; at: string; root: string; previous: string; hash: string }
type Key = { no: number; at: string; public: ByAlgorithm; hash: string; signatures: ByAlgorithm }
export type Proof = {
  format: string
  seq: number
  record: string
  leaf: string
  path: string[]
  heads: Head[]
  keys: Key[]
  checkpoint: { no: number; height: number; hash: string; at: string; key: number; signatures: ByAlgorithm }
}
/** What the signature of an evidence is over. */
export type Delivered = {
  package: string
  grant: string
  entry: { code: string; title: string; provider: string }
  recipient: { department: string; system: string | null }
  purpose: string
  approver: string
  person: string
  case: string
  made: string
  rows: number
  files: FileFacts[]
  ledger: { seq: number; leaf: string; checkpoint: { no: number; height: number; hash: string; at: string } }
}
export type Evidence = { format: string; delivered: Delivered; proof: Proof; key: number; signatures: ByAlgorithm }

/** `holds` is null for what could not be judged here; `next` says what to do. */
export type Finding = { holds: boolean | null; text: string; next?: string }
/** A file somebody has in hand. Without digests it could not be read, e.g. a damaged part of an archive. */
export type Given = { name: string; bytes: number; sm3: string | null; sha256: string | null }
export type Tools = {
  sm3(bytes: Uint8Array): Uint8Array
  /** Null: this browser does not know the algorithm. */
  verify(algorithm: string, message: Uint8Array, signature: string, key: string): Promise<boolean | null>
}

/** One text for one content: keys in order, no spaces (RFC 8785 for texts, whole numbers, null, lists and objects). */
export const canonical = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value.map(canonical).join()}]`
    : value !== null && typeof value === 'object'
      ? `{${Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`)
          .join()}}`
      : JSON.stringify(value)
/** The signatures are over the SM3 of this. */
export const signedText = (delivered: Delivered): string => `${evidenceFormat}|${canonical(delivered)}`

/* What an evidence looks like. Every member is named: what nobody checks must not be there to be believed. */
type Shape = RegExp | 'text' | 'text?' | 'count' | { each: Shape } | { any: Shape } | { [name: string]: Shape }
const digest = /^[0-9a-f]{64}$/
const hex = /^([0-9a-f]{2}){1,200}$/
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const byAlgorithm: Shape = { any: hex }
const file: Shape = { name: 'text', bytes: 'count', sha256: digest, sm3: digest }
const checkpoint = { no: 'count', height: 'count', hash: digest, at: instant } as const
const shape: Shape = {
  format: /^huitong-evidence-1$/,
  delivered: {
    package: 'text',
    grant: 'text',
    entry: { code: 'text', title: 'text', provider: 'text' },
    recipient: { department: 'text', system: 'text?' },
    purpose: 'text',
    approver: 'text',
    person: 'text',
    case: 'text',
    made: instant,
    rows: 'count',
    files: { each: file },
    ledger: { seq: 'count', leaf: digest, checkpoint },
  },
  proof: {
    format: /^huitong-proof-1$/,
    seq: 'count',
    record: 'text',
    leaf: digest,
    path: { each: digest },
    heads: { each: { height: 'count', first: 'count', count: 'count', at: instant, root: digest, previous: digest, hash: digest } },
    keys: { each: { no: 'count', at: instant, public: byAlgorithm, hash: digest, signatures: byAlgorithm } },
    checkpoint: { ...checkpoint, key: 'count', signatures: byAlgorithm },
  },
  key: 'count',
  signatures: byAlgorithm,
}
function misfit(s: Shape, value: unknown, at: string): string | null {
  const here = at || '文件'
  if (s instanceof RegExp) return typeof value === 'string' && s.test(value) ? null : `${here} 的格式不对`
  if (s === 'text') return typeof value === 'string' ? null : `${here} 应为文字`
  if (s === 'text?') return value === null || typeof value === 'string' ? null : `${here} 应为文字`
  if (s === 'count') return Number.isSafeInteger(value) && (value as number) >= 0 ? null : `${here} 应为整数`
  const list = 'each' in s
  if (value === null || typeof value !== 'object' || Array.isArray(value) !== list) return `${here} 应为${list ? '列表' : '一组内容'}`
  const members = Object.entries(value)
  const path = (name: string) => (at ? `${at}.${name}` : name)
  for (const name of list || 'any' in s ? [] : Object.keys(s)) if (!members.some(([own]) => own === name)) return `缺少 ${path(name)}`
  for (const [name, inner] of members) {
    const of = 'each' in s ? s.each : 'any' in s ? s.any : Object.entries(s).find(([own]) => own === name)?.[1]
    const wrong = of ? misfit(of as Shape, inner, path(name)) : `多出 ${path(name)}`
    if (wrong) return wrong
  }
  return null
}

const otherKinds = new Map([
  ['huitong-proof-1', '这是一条留痕的证明，不是数据包的证据'],
  ['huitong-ledger-1', '这是导出的账本，不是数据包的证据'],
])
const elsewhere = '请用 ./huitong audit verify --file 核验。'
/** The evidence in a text, or why there is none in it and what to do. */
export function readEvidence(text: string): { evidence: Evidence } | { why: string; next: string } {
  const fetchAgain = '请改用数据包里原来的证据文件，或重新下载数据包。'
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''))
  } catch {
    // An exported ledger is one JSON object a line.
    for (const [kind, why] of otherKinds) if (text.slice(0, 200).includes(`"${kind}"`)) return { why, next: elsewhere }
    return { why: /^\s*\{/.test(text) ? '文件不完整，或被改动得不再是 JSON' : '这不是证据文件：内容不是 JSON', next: fetchAgain }
  }
  const format = (value as { format?: unknown } | null)?.format
  const other = otherKinds.get(format as string)
  if (other) return { why: other, next: elsewhere }
  if (typeof format !== 'string' || !format.startsWith('huitong-evidence-'))
    return { why: '这是 JSON，但不是数据包的证据', next: `证据文件的名称以 ${evidenceEnding} 结尾，在数据包里。` }
  if (format !== evidenceFormat) return { why: `不认识证据的格式「${format.slice(0, 40)}」`, next: '请用签发平台当前版本的核验命令。' }
  const wrong = misfit(shape, value, '')
  if (wrong) return { why: `证据的内容不完整或被改动：${wrong}`, next: fetchAgain }
  const evidence = value as Evidence
  if (!evidence.proof.heads.length || !evidence.proof.keys.length || !evidence.delivered.files.length)
    return { why: '证据的内容不完整：文件、区块或密钥是空的', next: fetchAgain }
  return { evidence }
}

/** Without line breaks and other characters nobody sees. */
export const visible = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�')

const utf8 = new TextEncoder()
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
const hexOf = (bytes: Uint8Array): string => Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('')
const beijing = (at: string): string => `${new Date(Date.parse(at) + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ')} 北京时间`

/**
 * What holds and what does not, line by line. `whole`: the files are the package itself, so none may be missing; `trusted`:
 * digests of keys or public keys, and `whose` they are.
 */
export async function judgeEvidence(
  { delivered, proof, key, signatures }: Evidence,
  given: Given[],
  tools: Tools,
  { trusted = [], whose = '您所信任的', whole = false }: { trusted?: string[]; whose?: string; whole?: boolean } = {},
): Promise<{ ok: boolean; known: boolean; findings: Finding[] }> {
  const findings: Finding[] = []
  // Names come from whoever made the file: none may begin a line of its own, or turn around what is written.
  const say = (holds: boolean | null, text: string, next?: string) =>
    void findings.push({ holds, text: visible(text), ...(next && { next: visible(next) }) })
  const sm3 = (text: string) => hexOf(tools.sm3(utf8.encode(text)))
  const again = '请从平台重新下载数据包，不要使用这一份。'

  const met = new Set<FileFacts>()
  for (const f of given) {
    // By its content first: of two files that were called the same, one has another name in the package.
    const same = (x: FileFacts) => x.sm3 === f.sm3 && x.bytes === f.bytes
    const named = delivered.files.find(x => x.name === f.name)
    const meant = named && same(named) ? named : (delivered.files.find(same) ?? named)
    if (!meant) {
      say(false, `「${f.name}」不是这个数据包里的文件，或既改了名又改了内容。`, '请给出数据包里原来的文件。')
      continue
    }
    met.add(meant)
    if (f.sm3 === null) say(false, `「${f.name}」读不出来：在数据包里的内容已损坏或被改动。`, again)
    else if (f.sm3 !== meant.sm3 || f.bytes !== meant.bytes || (f.sha256 !== null && f.sha256 !== meant.sha256))
      say(
        false,
        `「${f.name}」被改动：${f.bytes === meant.bytes ? `仍是 ${f.bytes} 字节` : `应有 ${meant.bytes} 字节，现有 ${f.bytes} 字节`}，SM3 应为 ${meant.sm3}，现为 ${f.sm3}。`,
        again,
      )
    else
      say(
        true,
        `「${f.name}」没有改动（${f.bytes} 字节，${f.sha256 === null ? 'SM3' : 'SM3、SHA-256'} 相符${meant === named ? '' : `；原名「${meant.name}」`}）。`,
      )
  }
  for (const f of delivered.files.filter(f => !met.has(f))) {
    if (whole) say(false, `数据包里缺少「${f.name}」。`, again)
    else say(null, `没有给出「${f.name}」，没有核对它的内容。`, '要核对的，请把它和证据文件一起给出。')
  }

  const judgeSignatures = async (message: Uint8Array, marks: ByAlgorithm, keys: ByAlgorithm) => {
    const [good, wrong, skipped]: string[][] = [[], [], []]
    // Every algorithm of the key must have signed: one that was left out could simply have been taken away.
    for (const name of new Set([...Object.keys(keys), ...Object.keys(marks)])) {
      const verdict = marks[name] && keys[name] ? await tools.verify(name, message, marks[name], keys[name]) : false
      ;(verdict === null ? skipped : verdict ? good : wrong)!.push(name)
    }
    return { ok: wrong!.length === 0 && good!.length > 0, good: good!, wrong: wrong!, skipped: skipped! }
  }
  const signer = proof.keys[key - 1]
  const signature = signer && (await judgeSignatures(tools.sm3(utf8.encode(signedText(delivered))), signatures, signer.public))
  if (!signature) say(false, `签名用的第 ${key} 号密钥不在证据里。`, again)
  else if (signature.ok) {
    say(true, `签名有效：第 ${key} 号密钥（${signature.good.join('、')}，摘要 ${signer.hash}）。`)
    if (signature.skipped.length)
      say(null, `这个浏览器不能核验 ${signature.skipped.join('、')}，只核验了 ${signature.good.join('、')}。`, '要全部核验，请用命令核验。')
  } else
    say(
      false,
      `签名无效（${signature.wrong.join('、')}）：交付的说明（取得部门、事项、文件摘要等）或签名被改动，或不是第 ${key} 号密钥所签。`,
      again,
    )

  const { seq } = delivered.ledger
  const told = recordFault(delivered, proof)
  if (sm3raw(tools, 0, utf8.encode(proof.record)) !== proof.leaf) say(false, `第 ${seq} 条留痕的内容与它的摘要不符：留痕被改动。`, again)
  else if (told) say(false, `第 ${seq} 条留痕说的不是这次交付：${told}。`, again)
  else
    say(
      true,
      `第 ${seq} 条留痕记的就是这次交付：${delivered.recipient.department}，${delivered.case}，${delivered.rows} 行，数据文件的摘要相符。`,
    )

  const [first, last] = [proof.heads[0]!, proof.heads.at(-1)!]
  const index = seq - first.first
  if (index < 0 || index >= first.count) say(false, `区块 ${first.height} 里没有第 ${seq} 条。`, again)
  else if (rootFrom(tools, proof.leaf, index, first.count, proof.path) !== first.root)
    say(false, `第 ${seq} 条的包含证明不通向区块 ${first.height} 的根：证明或区块的根被改动。`, again)
  else say(true, `第 ${seq} 条包含在区块 ${first.height} 里（共 ${first.count} 条，${beijing(first.at)}）。`)

  const broken = proof.heads.find(
    (h, i) =>
      sm3(`huitong-block-1|${h.height}|${h.first}|${h.count}|${h.at}|${h.root}|${h.previous}`) !== h.hash ||
      (i > 0 && (h.previous !== proof.heads[i - 1]!.hash || h.height !== proof.heads[i - 1]!.height + 1)),
  )
  if (broken) say(false, `区块 ${broken.height} 的头与它的摘要不符，或没有接上前一个区块：区块头被改动。`, again)
  else if (proof.heads.length > 1) say(true, `区块 ${first.height} 至 ${last.height} 前后相接。`)

  const c = proof.checkpoint
  const by = proof.keys[c.key - 1]
  const checked = by && (await judgeSignatures(bytesOf(c.hash), c.signatures, by.public))
  const named = delivered.ledger.checkpoint
  if (c.no !== named.no || c.height !== named.height || c.hash !== named.hash || c.at !== named.at)
    say(false, `检查点 #${c.no} 不是签名时说的那一个（#${named.no}，区块 ${named.height}）：检查点被改动。`, again)
  else if (c.hash !== last.hash || c.height !== last.height)
    say(false, `检查点 #${c.no} 签的不是区块 ${last.height}：检查点或区块头被改动。`, again)
  else if (!checked?.ok)
    say(false, `检查点 #${c.no} 的签名无效${checked ? `（${checked.wrong.join('、')}）` : `：没有第 ${c.key} 号密钥`}。`, again)
  else say(true, `检查点 #${c.no} 由第 ${c.key} 号密钥于 ${beijing(c.at)} 签到区块 ${c.height}，签名有效（${checked.good.join('、')}）。`)

  let badKey: Key | undefined
  for (const [i, k] of proof.keys.entries()) {
    const before = proof.keys[i - 1]
    const publics = Object.entries(k.public)
      .map(pair => pair.join(':'))
      .sort()
      .join()
    const right = k.no === i + 1 && sm3(`huitong-key-1|${k.no}|${k.at}|${publics}|${before?.hash ?? '0'.repeat(64)}`) === k.hash
    if (right && (await judgeSignatures(bytesOf(k.hash), k.signatures, (before ?? k).public)).ok) continue
    badKey = k
    break
  }
  if (badKey) say(false, `第 ${badKey.no} 号密钥与它的摘要不符，或没有由前一号密钥签名：密钥被改动。`, again)

  // A key vouches for those after it, never for those before: what signed here must not be older than the trusted one.
  const latest = Math.min(key, c.key)
  const known = proof.keys.find(k => k.no <= latest && trusted.some(t => t === k.hash || Object.values(k.public).includes(t)))
  if (!trusted.length)
    say(
      null,
      `公钥取自证据本身，没有核对是谁的。第 1 号密钥的摘要：${proof.keys[0]!.hash}`,
      '请向签发的平台核对这个摘要；命令里加 --key <摘要> 由程序核对。',
    )
  else if (!known || badKey) say(false, `签名的密钥不是${whose}密钥，也不是由它引出的。`, '请向签发的平台核对密钥；不一致的，不要采信。')
  else say(true, `密钥始于${whose}第 ${known.no} 号密钥。`)

  return { ok: findings.every(f => f.holds !== false), known: !!known && !badKey, findings }
}

/** In what the record of the making differs from what the signature is over. */
function recordFault(d: Delivered, proof: Proof): string | null {
  if (proof.seq !== d.ledger.seq || proof.leaf !== d.ledger.leaf) return '留痕号或摘要不同'
  let r: any
  try {
    r = JSON.parse(proof.record)
  } catch {
    return '留痕不是 JSON'
  }
  const kept = r?.data?.file as FileFacts | undefined
  if (r?.action !== 'data.package' || !kept) return '不是生成数据包的留痕'
  const same: [string, unknown, unknown][] = [
    ['授权', r.data.grant, d.grant],
    ['目录', r.subject, d.entry.code],
    ['取得部门', r.department, d.recipient.department],
    ['经办人', r.person, d.person],
    ['事项编号', r.caseNo, d.case],
    ['用途', r.purpose, d.purpose],
    ['批准人', r.approver, d.approver],
    ['行数', r.data.rows, d.rows],
  ]
  const other = same.find(([, a, b]) => a !== b)
  if (other) return `${other[0]}不同`
  const file = d.files.find(f => f.name === kept.name)
  if (!file || file.sm3 !== kept.sm3 || file.sha256 !== kept.sha256 || file.bytes !== kept.bytes) return '数据文件的摘要不同'
  return null
}

const sm3raw = (tools: Tools, prefix: number, ...parts: Uint8Array[]): string => {
  const all = new Uint8Array(1 + parts.reduce((n, p) => n + p.length, 0))
  all[0] = prefix
  let at = 1
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return hexOf(tools.sm3(all))
}

/** RFC 9162 §2.1.3.2; null when the path is too long or too short for the place. */
function rootFrom(tools: Tools, leaf: string, index: number, count: number, path: string[]): string | null {
  let [at, last, root] = [index, count - 1, leaf]
  const node = (left: string, right: string) => sm3raw(tools, 1, bytesOf(left), bytesOf(right))
  const half = (n: number) => Math.floor(n / 2)
  for (const other of path) {
    if (last === 0) return null
    if (at % 2 || at === last) {
      root = node(other, root)
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)]
    } else root = node(root, other)
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 ? root : null
}
