import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { creditCheck, idCheck } from '../modules/quality/public.ts'

/**
 * Made-up persons and firms of the demonstration: births 1900 to 1905, addresses in villages that do not exist, subject codes that say FAKE.
 * `node server/demo/fictitious.ts` writes them to demo/; the same text every time.
 */
const directory = resolve(import.meta.dirname, '../../demo')

/** A small generator with a fixed start (mulberry32), so that the files never change by themselves. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
const two = (n: number) => String(n).padStart(2, '0')

function maker(seed: number) {
  const next = dice(seed)
  const below = (n: number) => Math.floor(next() * n)
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!
  let sequence = 0
  return {
    below,
    one,
    day: (from: number, to: number) => `${from + below(to - from + 1)}-${two(1 + below(12))}-${two(1 + below(28))}`,
    name: () =>
      one([...'陈林黄张李王吴刘蔡杨许郑谢郭洪邱曾廖赖徐周叶苏庄江吕']) +
      one([...'示例演虚拟样本假设试']) +
      one(['', ...'安宁康平福乐和顺明秀英兰芳']),
    /** The running number keeps identifiers apart. */
    id: (area: string) => {
      sequence++
      const body = `${area}${1900 + below(6)}${two(1 + below(12))}${two(1 + below(28))}${String(sequence % 1000).padStart(3, '0')}`
      return body + idCheck(body)
    },
    phone: () => `1990000${String(below(10000)).padStart(4, '0')}`,
    credit: (kind: string, area: string, n: number) => {
      const body = `${kind}${area}FAKE${String(n).padStart(5, '0')}`
      return body + creditCheck(body)
    },
  }
}

const counties = [
  ['350102', '鼓楼区'],
  ['350103', '台江区'],
  ['350104', '仓山区'],
  ['350111', '晋安区'],
  ['350121', '闽侯县'],
  ['350122', '连江县'],
  ['350123', '罗源县'],
  ['350124', '闽清县'],
  ['350125', '永泰县'],
  ['350181', '福清市'],
] as const

type Row = (string | number)[]
type File = { name: string; head: string[]; rows: Row[] }

function allowances(): File {
  const m = maker(1)
  const rows = Array.from({ length: 600 }, (): Row => {
    const [area, county] = m.one(counties)
    const urban = county.endsWith('区')
    return [
      m.id(area),
      m.name(),
      `福州市${county}虚构${urban ? '街道示例社区' : '镇示例村'}${1 + m.below(99)}号`,
      m.phone(),
      urban ? '城市低保' : '农村低保',
      `${(300 + m.below(900)).toFixed(2)}`,
      m.day(2015, 2025),
      county,
    ]
  })
  // Five of six hundred are wrong on purpose, so that a batch shows rejects and still goes through.
  const wrong = rows[56]!
  wrong[0] = otherCheck(String(wrong[0]))
  rows[143]![6] = '2026/2/30'
  rows[288]![2] = `福州市永泰县虚构镇示例村${'很长的地址'.repeat(24)}1号`
  rows[402]![4] = '其他'
  rows[511]![5] = '叁佰元'
  return {
    name: 'fuzhou-allowance.csv',
    head: ['公民身份号码', '姓名', '户籍地址', '手机号', '保障类别', '月补助金额', '起始日期', '所在县'],
    rows,
  }
}

/** Some of the same people as the health department knows them: every ninth name is written otherwise, some moved. */
function health(): File {
  const m = maker(8)
  const rows = allowances()
    .rows.filter((_, i) => i % 4 === 0 && i !== 56)
    .map(([id, name, address, phone], i): Row => {
      const moved = i % 11 === 5 ? String(address).replace('示例', '迁居示例') : String(address)
      return [id!, i % 9 === 3 ? `${name}（曾用名）` : name!, moved, i % 5 === 0 ? '' : phone!, m.one(['A', 'B', 'O', 'AB'])]
    })
    .filter(row => String(row[2]).length < 60)
  return { name: 'fuzhou-health.csv', head: ['公民身份号码', '姓名', '现住址', '联系电话', '血型'], rows }
}

function dependants(): File {
  const m = maker(2)
  const rows = Array.from(
    { length: 160 },
    (): Row => [
      m.id('350125'),
      m.name(),
      `永泰县虚构镇第${1 + m.below(40)}示例村`,
      m.one(['全自理', '半护理', '全护理']),
      m.one(['分散供养', '集中供养']),
      `${(900 + m.below(600)).toFixed(2)}`,
      m.day(2016, 2025),
    ],
  )
  return {
    name: 'yongtai-dependants.csv',
    head: ['公民身份号码', '姓名', '住址', '自理能力', '供养方式', '月供养标准', '认定日期'],
    rows,
  }
}

function contracts(): File {
  const m = maker(3)
  const rows = Array.from(
    { length: 320 },
    (): Row => [
      m.id('431123'),
      m.name(),
      m.phone(),
      `${m.one(['泷泊', '江村', '五里牌', '茶林'])}虚构镇卫生院`,
      `示例团队${1 + m.below(12)}`,
      m.one(['高血压', '糖尿病', '一般人群', '孕产妇', '老年人']),
      m.day(2023, 2025),
      '2027-12-31',
    ],
  )
  return {
    name: 'shuangpai-contracts.csv',
    head: ['公民身份号码', '姓名', '手机号', '签约机构', '家庭医生团队', '人群分类', '签约日期', '到期日期'],
    rows,
  }
}

function subsidies(): File {
  const m = maker(4)
  const rows = Array.from(
    { length: 400 },
    (): Row => [
      m.id(m.one(['410102', '410302', '411002', '411502'])),
      m.name(),
      m.one(['肢体', '视力', '听力', '言语', '智力', '精神', '多重']),
      m.one(['一级', '二级', '三级', '四级']),
      m.one(['困难残疾人生活补贴', '重度残疾人护理补贴']),
      `${(75 + m.below(80)).toFixed(2)}`,
      `2026-${two(1 + m.below(9))}-10`,
    ],
  )
  return {
    name: 'henan-subsidies.csv',
    head: ['公民身份号码', '姓名', '残疾类别', '残疾等级', '补贴种类', '发放金额', '发放日期'],
    rows,
  }
}

const firmHead = ['统一社会信用代码', '名称', '主体类型', '行业门类', '注册资本（万元）', '成立日期', '住所', '登记状态']
function firms(seed: number, count: number, from: number): Row[] {
  const m = maker(seed)
  const trades = ['鞋服', '食品', '伞具', '纺织', '机械', '建材', '物流', '软件', '文旅'] as const
  return Array.from({ length: count }, (_, i): Row => {
    const trade = m.one(trades)
    const word = m.one([...'泰和兴隆鸿安顺达嘉']) + m.one([...'丰源盛华润通祥宏业'])
    return [
      m.credit('91', '350582', from + i),
      `晋江虚构${word}${trade}有限公司`,
      m.one(['有限责任公司', '有限责任公司', '股份有限公司']),
      m.one(['制造业', '批发和零售业', '交通运输业', '信息技术服务业']),
      `${10 * (1 + m.below(500))}`,
      m.day(2005, 2025),
      `晋江市虚构街道示例路${1 + m.below(300)}号`,
      m.one(['存续', '存续', '存续', '存续', '注销']),
    ]
  })
}

/** A later delivery with every fifth code wrong: the whole batch waits for somebody to look at it. */
function brokenFirms(): File {
  const rows = firms(6, 40, 50001)
  for (let i = 0; i < rows.length; i += 5) rows[i]![0] = otherCheck(String(rows[i]![0]))
  return { name: 'jinjiang-firms-2.csv', head: firmHead, rows }
}

/** The same identifier with a check character that is certainly wrong. */
function otherCheck(id: string): string {
  return id.slice(0, 17) + (id[17] === '1' ? '2' : '1')
}

const text = ({ head, rows }: File) => `${[head, ...rows].map(row => row.join(',')).join('\r\n')}\r\n`
const files = [
  allowances(),
  health(),
  dependants(),
  contracts(),
  subsidies(),
  { name: 'jinjiang-firms.csv', head: firmHead, rows: firms(5, 500, 1) },
  brokenFirms(),
  { name: 'jinjiang-firms-3.csv', head: firmHead, rows: firms(7, 25, 60001) },
]
mkdirSync(directory, { recursive: true })
for (const file of files) writeFileSync(join(directory, file.name), text(file))
