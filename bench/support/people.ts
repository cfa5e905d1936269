import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Zip, ZipDeflate } from 'fflate'
import { creditCheck, idCheck } from '../../server/modules/quality/public.ts'

/** What the files of the measurements hold: made-up people, ten columns of every kind. */
export const items = [
  { name: '公民身份号码', type: 'C', length: 18, semantic: 'id-number', identifier: true, required: true },
  { name: '姓名', type: 'C', length: 50, required: true },
  { name: '统一社会信用代码', type: 'C', length: 18, semantic: 'credit-code' },
  { name: '保障类别', type: 'C', length: 2, codes: ['00', '01', '02', '03', '04', '05', '06'] },
  { name: '月补助金额', type: 'Y', length: 12 },
  { name: '起始日期', type: 'D', length: 8 },
  { name: '人数', type: 'I', length: 3 },
  { name: '登记时间', type: 'T' },
  { name: '是否在享', type: 'L' },
  { name: '备注', type: 'C', length: 200 },
].map((item, i) => ({ key: `c${i + 1}`, description: '', identifier: false, required: false, ...item }))
/** The same columns as a plain typed table. */
export const types = 'c1 text collate "C", c2 text, c3 text, c4 text, c5 numeric, c6 date, c7 bigint, c8 timestamp, c9 boolean, c10 text'

const credit = Array.from({ length: 1000 }, (_, i) => {
  const body = `91350125FAKE${String(i).padStart(5, '0')}`
  return body + creditCheck(body)
})
const two = (n: number) => String(n).padStart(2, '0')
/** Every identifier has its right check character. */
export function person(i: number): string[] {
  const born = new Date(Date.UTC(1930, 0, 1) + (i % 27_000) * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '')
  const n = Math.floor(i / 27_000)
  const body = `35${two(Math.floor(n / 1000))}25${born}${String(n % 1000).padStart(3, '0')}`
  return [
    body + idCheck(body),
    `${'赵钱孙李周吴郑王冯陈'[i % 10]}${'伟芳娜敏静丽强磊军洋'[(i * 7) % 10]}`,
    credit[i % 1000]!,
    `0${i % 7}`,
    `${100 + (i % 900)}.50`,
    `2024${two((i % 12) + 1)}${two((i % 28) + 1)}`,
    String((i % 9) + 1),
    `2026-01-${two((i % 28) + 1)} 10:${two(i % 60)}:00`,
    String(i % 2),
    `樟城镇第${i % 1000}号住户说明文字`,
  ]
}

export async function writeCsv(path: string, rows: number): Promise<void> {
  const out = createWriteStream(path, { flush: true })
  let text = `${items.map(i => i.name).join(',')}\n`
  for (let i = 0; i < rows; i++) {
    text += `${person(i).join(',')}\n`
    if (text.length < 1_000_000) continue
    if (!out.write(text)) await once(out, 'drain')
    text = ''
  }
  out.end(text)
  await once(out, 'close')
}

/** As Excel and WPS store it: every text once, in the shared strings. */
export async function writeXlsx(path: string, rows: number): Promise<void> {
  const shared = new Map<string, number>()
  const index = (text: string) => {
    if (!shared.has(text)) shared.set(text, shared.size)
    return shared.get(text)
  }
  const letter = (c: number) => String.fromCharCode(65 + c)
  const row = (values: string[], r: number) =>
    `<row r="${r}">${values.map((v, c) => (c === 4 || c === 6 ? (r > 1 ? `<c r="${letter(c)}${r}"><v>${v}</v></c>` : '') : '') || `<c r="${letter(c)}${r}" t="s"><v>${index(v)}</v></c>`).join('')}</row>`
  const main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
  function* sheet() {
    yield `<worksheet ${main}><sheetData>${row(
      items.map(i => i.name),
      1,
    )}`
    for (let i = 0; i < rows; i++) yield row(person(i), i + 2)
    yield '</sheetData></worksheet>'
  }
  function* strings() {
    yield `<sst ${main}>`
    for (const text of shared.keys()) yield `<si><t>${text}</t></si>`
    yield '</sst>'
  }
  const relation = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
  const relations = (list: string[]) =>
    `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${list.join('')}</Relationships>`
  const parts: [string, Iterable<string>][] = [
    ['_rels/.rels', [relations([`<Relationship Id="a" Type="${relation}/officeDocument" Target="xl/workbook.xml"/>`])]],
    ['xl/workbook.xml', [`<workbook ${main} xmlns:r="${relation}"><sheets><sheet name="名单" sheetId="1" r:id="r1"/></sheets></workbook>`]],
    [
      'xl/_rels/workbook.xml.rels',
      [
        relations([
          `<Relationship Id="r1" Type="${relation}/worksheet" Target="worksheets/sheet1.xml"/>`,
          `<Relationship Id="r2" Type="${relation}/sharedStrings" Target="sharedStrings.xml"/>`,
        ]),
      ],
    ],
    ['xl/worksheets/sheet1.xml', sheet()],
    ['xl/sharedStrings.xml', strings()],
  ]
  async function* bytes(): AsyncGenerator<Uint8Array> {
    const ready: Uint8Array[] = []
    const zip = new Zip((error, chunk) => {
      if (error) throw error
      ready.push(chunk)
    })
    for (const [name, pieces] of parts) {
      const file = new ZipDeflate(name, { level: 6 })
      zip.add(file)
      let text = ''
      for (const piece of pieces) {
        text += piece
        if (text.length < 200_000) continue
        file.push(Buffer.from(text))
        text = ''
        yield* ready.splice(0)
      }
      file.push(Buffer.from(text), true)
      yield* ready.splice(0)
    }
    zip.end()
    yield* ready.splice(0)
  }
  await pipeline(Readable.from(bytes()), createWriteStream(path))
}
