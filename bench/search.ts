// Search over the catalog through its HTTP endpoint: results and facets with counts, beside plain SQL (ILIKE over titles and names of items
// with the same facets) on the same database in the same run: ./huitong bench search [--entries=100000]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { EntryContent } from '../contract/catalog.ts'
import { buildApp } from '../server/app.ts'
import { indexStale } from '../server/modules/catalog/search.ts'
import { createDepartment, createPerson } from '../server/modules/organization/public.ts'
import { loadConfig } from '../server/platform/config.ts'
import { systemContext } from '../server/platform/context.ts'
import { newId } from '../server/platform/id.ts'
import { migrate } from '../server/platform/migrate.ts'
import { startTemporaryPostgres } from '../server/platform/postgres.ts'
import { creditCode } from '../test/support/world.ts'
import { keep, option } from './results.ts'

export const measures = ['search.p95_ms']
const total = Number(option('entries') ?? 100_000)
const queries = 500

// A number generator of its own, so that every run asks the same.
let seed = 20260924
const random = () => {
  seed = (seed * 1_664_525 + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!

const places = '城乡 全市 全县 城镇 农村 社区 街道 乡镇 园区 港区 重点 流动 常住 新增 历年 年度'.split(' ')
const subjects =
  `低保对象 特困人员 残疾人 老年人 孤儿 留守儿童 婚姻登记 殡葬服务 养老机构 社会组织 企业法人 个体工商户 营业执照 行政许可 行政处罚 食品经营
  药品零售 特种设备 计量器具 产品质量 商标专利 广告监测 不动产登记 土地出让 建设用地 规划许可 施工许可 房屋预售 公租房 物业企业 燃气用户 供水管网
  污水处理 生活垃圾 空气质量 水质监测 排污许可 噪声投诉 停车场 公交线路 出租汽车 道路运输 公路桥梁 港口泊位 驾驶证 机动车 交通违法 户籍人口
  流动人口 居住证 出入境 学校名录 在校学生 教师资格 幼儿园 招生计划 医疗机构 执业医师 疫苗接种 传染病 出生证明 医保参保 医疗救助 社会保险
  失业登记 工伤认定 劳动仲裁 职业资格 高层次人才 公积金缴存 税收征收 发票领用 财政预算 政府采购 国有资产 招标投标 农业补贴 种植面积 畜禽养殖
  农机购置 林权登记 渔业船舶 水库雨量 河道水位 防汛物资 气象预警 地质灾害 应急预案 安全生产 危险化学品 消防检查 文物保护 图书馆 旅游景区
  体育场馆 广播电视 档案目录 信访事项 法律援助 公证事项 律师事务所 人民调解 审计项目 统计年鉴 价格监测 粮食储备 能源消耗 电力用户 信用评价`.split(
    /\s+/,
  )
const kindsOf = '信息 名录 台账 登记信息 明细 统计 数据 基本信息 变更记录 检查结果 发放明细 年报 清单 审批结果 分布'.split(' ')
const itemNames =
  `公民身份号码 统一社会信用代码 姓名 性别 出生日期 民族 户籍地址 居住地址 联系电话 企业名称 法定代表人 注册资本 成立日期 经营范围 行业代码 登记机关
  证书编号 发证机关 发证日期 有效期止 许可事项 许可内容 处罚事由 处罚金额 处罚日期 检查日期 检查结果 检查人员 整改情况 补助标准 发放金额 发放月份 保障人数
  保障类别 残疾类别 残疾等级 婚姻状况 文化程度 就业状况 参保状态 缴费基数 缴费月份 学校名称 班级 学籍号 教师编号 职称 医院名称 科室 病种 接种日期 疫苗名称
  床位数 机构地址 经度 纬度 面积 坐落 权利人 权证号 用途 土地性质 车牌号码 车辆类型 泊位数 收费标准 线路名称 站点名称 起点 终点 里程 监测站点 监测时间
  PM2.5浓度 二氧化硫 水温 溶解氧 水位 雨量 流量 预算金额 决算金额 采购方式 中标单位 中标金额 合同编号 项目名称 建设单位 施工单位 开工日期 竣工日期 作物名称
  种植面积 产量 补贴金额 养殖数量 产品批次 检验结论 投诉内容 办理状态 办结日期 备注 更新时间 所属街道 所属社区 网格编号 责任人 数据来源`.split(
    /\s+/,
  )
const themes =
  '信用服务 医疗卫生 社保就业 公共安全 城建住房 交通运输 教育文化 科技创新 资源能源 生态环境 工业农业 商贸流通 财税金融 安全生产 市场监管 社会救助 法律服务 生活服务 气象服务 地理空间 机构团体 其他'.split(
    ' ',
  )
const offices =
  '民政局 市场监督管理局 教育局 公安局 人力资源和社会保障局 卫生健康局 医疗保障局 住房和城乡建设局 自然资源局 生态环境局 交通运输局 农业农村局 水利局 应急管理局 财政局 税务局 统计局 文化和旅游局 司法局 气象局'.split(
    ' ',
  )
const regions = '350100 350125 350582 410000 431100 431123'.split(' ')
const branches = ['', '一分局', '二分局']

const content = () => {
  const subject = pick(subjects)
  const title = `${random() < 0.6 ? pick(places) : ''}${subject}${pick(kindsOf)}${random() < 0.3 ? `（${2015 + Math.floor(random() * 12)}年）` : ''}`
  const names = new Set(Array.from({ length: 6 + Math.floor(random() * 12) }, () => pick(itemNames)))
  return EntryContent.parse({
    title,
    kind: pick([1, 2, 3, 3, 3]),
    theme: pick(themes),
    abstract: `${subject}的${pick(kindsOf)}，由业务系统产生，${pick(places)}范围，含${[...names].slice(0, 3).join('、')}等，按周期更新。`,
    items: [...names].map((name, i) => ({ key: `c${i + 1}`, name, type: 'C', length: 50 })),
    shareClass: pick(['unconditional', 'conditional', 'conditional', 'denied']),
    openClass: pick(['open', 'conditional', 'closed', 'closed']),
    updateCycle: pick(['realtime', 'daily', 'weekly', 'monthly', 'monthly', 'quarterly', 'yearly']),
  })
}

const syllable: Record<string, string> = {
  低保对象: 'dibao',
  停车场: 'tingchechang',
  养老机构: 'yanglaojigou',
  行政处罚: 'xzcf',
  婚姻登记: 'hydj',
}
const wrong = (word: string) => {
  const at = 1 + Math.floor(random() * (word.length - 1))
  return `${word.slice(0, at)}${pick([...'队正场杨记构'])}${word.slice(at + 1)}`
}
/** What people type: words, names of items, several words, pinyin, mistakes, nothing at all; half of it with something chosen beside. */
function query(): {
  q?: string
  theme?: string
  share?: string
  open?: string
  cycle?: string
  kind?: string
  region?: string
  mounted?: string
} {
  const kind = random()
  const q =
    kind < 0.3
      ? pick(subjects)
      : kind < 0.45
        ? pick(itemNames)
        : kind < 0.6
          ? `${pick(subjects)} ${pick(itemNames)}`
          : kind < 0.7
            ? `${pick(places)}${pick(subjects)}${pick(kindsOf)}`
            : kind < 0.76
              ? pick(Object.values(syllable))
              : kind < 0.84
                ? wrong(pick(subjects.filter(s => s.length > 3)))
                : kind < 0.9
                  ? pick(kindsOf)
                  : kind < 0.95
                    ? pick(['身份证号', '低保', '企业', '驾照', '房产证', '信用代码'])
                    : undefined
  return {
    ...(q && { q }),
    ...(random() < 0.25 && { theme: pick(themes) }),
    ...(random() < 0.2 && { share: pick(['unconditional', 'conditional', 'denied']) }),
    ...(random() < 0.1 && { open: pick(['open', 'closed']) }),
    ...(random() < 0.1 && { cycle: 'monthly' }),
    ...(random() < 0.1 && { region: pick(regions) }),
    ...(random() < 0.1 && { mounted: pick(['true', 'false']) }),
  }
}

const server = await startTemporaryPostgres({ durable: true })
const dataDir = mkdtempSync(join(tmpdir(), 'huitong-bench-'))
const client = new pg.Client({ connectionString: server.url })
try {
  await migrate(server.url)
  const config = { ...loadConfig({ HUITONG_LOG_LEVEL: 'silent' }), dataDir }
  const app = await buildApp({ config, databaseUrl: server.url, roles: ['api'] })
  const ctx = systemContext(app.services)
  const departments: { id: string; region: string }[] = []
  for (const region of regions)
    for (const name of offices.flatMap(o => branches.map(b => o + b)))
      departments.push({
        ...(await createDepartment(app.services.db, ctx, {
          region,
          name: `${region}${name}`,
          creditCode: creditCode(region, departments.length),
          roles: [],
        })),
        region,
      })
  await createPerson(app.services.db, ctx, {
    username: 'bench',
    name: '测速',
    departmentId: departments[0]!.id,
    password: 'a long enough password',
    roles: ['steward'],
  })

  const began = performance.now()
  await client.connect()
  // A catalog that is simply there: its triggers run once at the end, and the index is built in one go, as after an upgrade.
  await client.query(`set session_replication_role = replica; drop index catalog.search_words, catalog.search_titles, catalog.search_names`)
  for (let from = 0; from < total; from += 2000) {
    const rows = Array.from({ length: Math.min(2000, total - from) }, (_, i) => {
      const n = from + i
      const d = pick(departments)
      return {
        id: newId(),
        code: `3070${String((n % 90) + 10)}/${String(n).padStart(6, '0')}`,
        region: d.region,
        department: d.id,
        content: content(),
        days: Math.floor(random() * 900),
        mounted: random() < 0.4,
      }
    })
    const given = [JSON.stringify(rows)]
    // One statement, so that what is sent is read once.
    await client.query(
      `with r as materialized (select * from json_to_recordset($1::json)
         r (id uuid, code text, region text, department uuid, content jsonb, days int, mounted boolean)),
       e as (insert into catalog.entry (id, code, region, department_id, published, created_by)
         select id, code, region, department, 1, department from r),
       v as (insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved, published)
         select id, 1, 'published', content, 'x', 'bench', now(), now() - days * interval '1 day' from r)
       insert into catalog.mount (entry_id, rows, updated) select id, 1000, now() from r where mounted`,
      given,
    )
  }
  console.log(`made after ${((performance.now() - began) / 1000).toFixed(0)} s`)
  await client.query('reset session_replication_role; select catalog.place_in_search(id) from catalog.entry')
  await client.query('analyze')
  console.log(`placed after ${((performance.now() - began) / 1000).toFixed(0)} s`)
  // Two at once: while one makes words the other writes its own.
  await Promise.all([indexStale(ctx), indexStale(ctx)])
  console.log(`words after ${((performance.now() - began) / 1000).toFixed(0)} s`)
  for (const [name, column] of Object.entries({ words: 'words', titles: 'title_words', names: 'name_words' }))
    await client.query(`create index search_${name} on catalog.search using gin (${column}) with (fastupdate = off)`)
  await client.query('vacuum analyze catalog.search')
  const size = (
    await client.query(
      `select pg_size_pretty(pg_total_relation_size('catalog.search')) as all, pg_size_pretty(pg_relation_size('catalog.search')) as heap, pg_size_pretty(pg_relation_size('catalog.search_words')) as words`,
    )
  ).rows[0]
  console.log(
    `${total} entries made and indexed in ${((performance.now() - began) / 1000).toFixed(0)} s; catalog.search ${size.all}, of it rows ${size.heap}, index of words ${size.words}`,
  )

  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const signed = await fetch(`${url}/api/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'bench', password: 'a long enough password' }),
  })
  const cookie = signed.headers.getSetCookie()[0]!.split(';')[0]!

  const asked = Array.from({ length: queries }, query)
  type Reply = { total: number; corrected: string | null; facets: { values: unknown[] }[] }
  const ask = async (q: object): Promise<Reply> => {
    const reply = await fetch(`${url}/api/catalog/entries?${new URLSearchParams({ limit: '20', ...q })}`, { headers: { cookie } })
    if (reply.status !== 200) throw new Error(`${JSON.stringify(q)}: ${reply.status} ${await reply.text()}`)
    return (await reply.json()) as Reply
  }
  /** The same questions in plain SQL: what one would write first. */
  const plain = async (q: ReturnType<typeof query>) => {
    const where = `(e.published is not null)
      and ($1::text is null or v.content ->> 'title' ilike $1 or exists (select from jsonb_array_elements(v.content -> 'items') i where i ->> 'name' ilike $1))`
    const chosen = `($2::text is null or v.content ->> 'theme' = $2) and ($3::text is null or v.content ->> 'shareClass' = $3) and ($4::text is null or v.content ->> 'openClass' = $4)
      and ($5::text is null or v.content ->> 'updateCycle' = $5) and ($6::text is null or e.region = $6) and ($7::boolean is null or (m.entry_id is not null) = $7)`
    const from = `from catalog.entry e join catalog.version v on v.entry_id = e.id and v.version = e.published left join catalog.mount m on m.entry_id = e.id where ${where}`
    const values = [q.q ? `%${q.q.replace(/[\\%_]/g, c => `\\${c}`)}%` : null, q.theme, q.share, q.open, q.cycle, q.region, q.mounted].map(
      v => v ?? null,
    )
    await client.query(
      `select e.id, v.content, count(*) over () ${from} and ${chosen} order by v.content ->> 'title' ilike $1 desc, e.id desc limit 20`,
      values,
    )
    await client.query(
      `with found as materialized (select e.region, e.department_id, v.content ->> 'theme' as theme, v.content ->> 'kind' as kind, v.content ->> 'shareClass' as share,
         v.content ->> 'openClass' as open, v.content ->> 'updateCycle' as cycle, m.entry_id is not null as mounted, ${chosen} as fits ${from})
       select region, department_id, theme, kind, share, open, cycle, mounted, count(*) from found where fits
       group by grouping sets ((region), (department_id), (theme), (kind), (share), (open), (cycle), (mounted))`,
      values,
    )
  }
  const measure = async (list: ReturnType<typeof query>[], run: (q: ReturnType<typeof query>) => Promise<unknown>) => {
    const times: { ms: number; q: object }[] = []
    for (const q of list) {
      const from = performance.now()
      await run(q)
      times.push({ ms: performance.now() - from, q })
    }
    times.sort((a, b) => a.ms - b.ms)
    const at = (p: number) => times[Math.min(times.length - 1, Math.ceil(times.length * p) - 1)]!.ms
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), slowest: times.at(-1)! }
  }
  let empty = 0
  let mended = 0
  await measure(asked.slice(0, 50), ask)
  const ours = await measure(asked, async q => {
    const reply = await ask(q)
    if (!reply.total) empty++
    if (reply.corrected) mended++
  })
  // Plain SQL takes so long that a twentieth of the questions has to do.
  const base = await measure(
    asked.filter((_, i) => i % 20 === 0),
    plain,
  )
  const line = (m: typeof ours) =>
    `p50 ${m.p50.toFixed(0)} ms, p95 ${m.p95.toFixed(0)} ms, p99 ${m.p99.toFixed(0)} ms, slowest ${m.slowest.ms.toFixed(0)} ms ${JSON.stringify(m.slowest.q)}`
  console.log(`search, ${queries} questions: ${line(ours)}; ${mended} mended, ${empty} found nothing`)
  console.log(`plain SQL, ${Math.ceil(queries / 20)} of them: ${line(base)}`)
  keep([
    {
      name: 'search.p95_ms',
      value: Math.round(ours.p95),
      unit: 'ms',
      baseline: Math.round(base.p95),
      ratio: Number((ours.p95 / base.p95).toFixed(3)),
      at: new Date().toISOString(),
      note: `${total} entries, ${queries} mixed questions through HTTP with all facets, p50 ${Math.round(ours.p50)} ms, p99 ${Math.round(ours.p99)} ms; baseline: ILIKE over titles and item names with the same facets`,
    },
  ])
  await app.close()
} finally {
  await client.end().catch(() => {})
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
}
