import type { Form } from '../../contract/procedure.ts'

/** A sharing application of the demonstration. `ago` counts working days back from today. */
export type Application = {
  entry: string
  by: string
  system: string
  ago: number
  form: Form
  acts: { ago: number; by: string; action: string; form: Form }[]
}

const until = `${new Date().getFullYear() + 1}-12-31`
const wish = (items: string[], purpose: string, scenario: string, scope: string, duty: string): Form => ({
  items,
  purpose,
  scenario,
  scope,
  duty,
  until,
})

const health = '居民健康档案基本信息'
const allowance = '城乡低保对象信息'
const dependants = '特困供养人员信息'
const subsidies = '残疾人两项补贴发放信息'
const contracts = '家庭医生签约信息'
const inspections = '食品安全抽检不合格处置信息'

/** 福州, agreed by all: opinion of the provider, decision, both signatures, the first of them this many working days ago. */
function granted(
  by: string,
  provider: string,
  agreement: number,
  ago: number,
  items: Record<string, 'plain' | 'masked'>,
): Application['acts'] {
  const signed = { accept: true, agreement: `榕数共享协议〔示例〕${agreement} 号` }
  const treatments = Object.entries(items).map(([key, treatment]) => ({ key, treatment }))
  return [
    { ago, by: provider, action: 'advise', form: { opinion: 'agree', note: '属于履职需要，建议身份号码和姓名脱敏后提供。' } },
    { ago: ago - 1, by: 'fz.dashuju', action: 'approve', form: { treatments, until, quota: 500, note: '同意，身份号码和姓名脱敏。' } },
    { ago: ago - 2, by: `${by}.ld`, action: 'sign', form: signed },
    { ago: ago - 3, by: 'fz.dashuju.ld', action: 'sign', form: signed },
  ]
}

export const applications: Application[] = [
  // 福州: the authority decides within 20 working days.
  {
    entry: allowance,
    by: 'yt.yibao',
    system: '永泰县医疗救助一站式结算系统',
    ago: 19,
    form: wish(
      ['c1', 'c2', 'c5', 'c7', 'c8'],
      '办理医疗救助时核对申请人是否为在册低保对象，免于群众提交证明。',
      '受理窗口录入身份号码后核对，每日约 40 次。',
      '县医疗保障局待遇保障股及乡镇经办人员',
      '《社会救助暂行办法》第五章，医疗救助的审核与给付',
    ),
    acts: [
      { ago: 17, by: 'fz.minzheng', action: 'advise', form: { opinion: 'agree', note: '用途明确，建议身份号码和姓名脱敏后提供。' } },
      {
        ago: 15,
        by: 'fz.dashuju',
        action: 'approve',
        form: {
          treatments: [
            { key: 'c1', treatment: 'masked' },
            { key: 'c2', treatment: 'masked' },
            { key: 'c5', treatment: 'plain' },
            { key: 'c7', treatment: 'plain' },
            { key: 'c8', treatment: 'plain' },
          ],
          until,
          quota: 2000,
          note: '同意，身份号码和姓名脱敏。',
        },
      },
      { ago: 14, by: 'yt.yibao.ld', action: 'sign', form: { accept: true, agreement: '榕数共享协议〔示例〕1 号' } },
      { ago: 13, by: 'fz.dashuju.ld', action: 'sign', form: { accept: true, agreement: '榕数共享协议〔示例〕1 号' } },
    ],
  },
  {
    entry: allowance,
    by: 'yt.minzheng',
    system: '永泰县社会救助核对系统',
    ago: 25,
    form: wish(
      ['c1', 'c2', 'c5', 'c6', 'c7'],
      '核对跨县迁入家庭是否已在其他县领取低保，避免重复发放。',
      '每月集中核对一次，约 200 人。',
      '县民政局社会事务股',
      '《社会救助暂行办法》第二章，低保对象的动态管理',
    ),
    acts: [{ ago: 22, by: 'fz.minzheng', action: 'advise', form: { opinion: 'agree', note: '属于履职需要。' } }],
  },
  {
    entry: allowance,
    by: 'sp.minzheng',
    system: '双牌县社会救助系统',
    ago: 19,
    form: wish(
      ['c1', 'c2', 'c5'],
      '核对户籍在双牌、居住在福州的困难家庭是否已获救助。',
      '季度核对，约 60 人。',
      '县民政局社会救助股',
      '《社会救助暂行办法》第二章，低保申请的核对',
    ),
    acts: [],
  },
  {
    entry: allowance,
    by: 'hn.minzheng',
    system: '河南省社会救助信息系统',
    ago: 6,
    form: wish(
      ['c1', 'c5'],
      '核对流动到福州的河南籍困难人员救助情况。',
      '按月批量核对，约 500 人。',
      '省民政厅社会救助处',
      '《社会救助暂行办法》第二章，低保对象的动态管理',
    ),
    acts: [],
  },
  {
    entry: allowance,
    by: 'fz.weijian',
    system: '福州市健康扶助系统',
    ago: 15,
    form: wish(
      ['c1', 'c2', 'c3', 'c4', 'c5'],
      '为低保家庭提供免费健康体检预约。',
      '体检季每日约 100 次。',
      '市卫生健康委基层卫生处',
      '《中华人民共和国基本医疗卫生与健康促进法》，基本公共卫生服务',
    ),
    acts: [
      {
        ago: 12,
        by: 'fz.dashuju',
        action: 'return',
        form: { corrections: [{ field: '使用范围', message: '请写明哪些岗位可以看到手机号和户籍地址，以及保存多久。' }] },
      },
    ],
  },
  {
    entry: allowance,
    by: 'jj.shichang',
    system: '晋江市市场监管综合系统',
    ago: 30,
    form: wish(
      ['c1', 'c2', 'c4'],
      '用于向低保家庭推送创业扶持政策短信。',
      '每季度推送一次。',
      '市市场监督管理局登记注册科',
      '本单位年度工作要点，扶持个体工商户发展',
    ),
    acts: [
      { ago: 27, by: 'fz.minzheng', action: 'advise', form: { opinion: 'disagree', note: '政策推送不需要获得名单。' } },
      {
        ago: 22,
        by: 'fz.dashuju',
        action: 'refuse',
        form: {
          reason: '推送政策信息可以由民政部门代发，不需要取得个人名单，申请超出履职必要范围。',
          basis: { kind: 'law', instrument: '中华人民共和国个人信息保护法', article: '第三十四条' },
          remedyHint: '请与市民政局联系，由其代为发送。',
        },
      },
    ],
  },
  // Granted as files.
  {
    entry: health,
    by: 'fz.minzheng',
    system: '福州市社会救助信息系统',
    ago: 16,
    form: {
      ...wish(
        ['c1', 'c2', 'c5'],
        '核对低保家庭中需要定期随访的人员是否已建健康档案。',
        '每季度核对一次，一次取全部在册人员。',
        '市民政局社会救助处',
        '《社会救助暂行办法》第二章，低保对象的动态管理',
      ),
      method: 'file',
    },
    acts: granted('fz.minzheng', 'fz.weijian', 2, 13, { c1: 'masked', c2: 'masked', c5: 'plain' }),
  },
  // Used for some days, then stopped: what became of the data is still to be stated.
  {
    entry: health,
    by: 'yt.yibao',
    system: '永泰县医疗救助一站式结算系统',
    ago: 18,
    form: wish(
      ['c1', 'c2', 'c5'],
      '核对申请门诊慢特病待遇的人员是否已建健康档案。',
      '集中核对期内逐件核对，每日约 20 次。',
      '县医疗保障局待遇保障股',
      '基本医疗保险门诊慢特病待遇的认定职责',
    ),
    acts: granted('yt.yibao', 'fz.weijian', 3, 15, { c1: 'masked', c2: 'masked', c5: 'plain' }),
  },
  // 永泰 has no rule of its own for this and inherits the one of 福州.
  {
    entry: dependants,
    by: 'yt.yibao',
    system: '永泰县医疗救助一站式结算系统',
    ago: 4,
    form: wish(
      ['c1', 'c2', 'c4', 'c5'],
      '特困供养人员住院时全额资助参保和救助的身份核对。',
      '住院结算时核对，每日约 10 次。',
      '县医疗保障局待遇保障股',
      '《社会救助暂行办法》第五章，医疗救助',
    ),
    acts: [],
  },
  // 河南: the provider answers within 5 working days.
  {
    entry: subsidies,
    by: 'hn.weijian',
    system: '河南省残疾儿童康复管理系统',
    ago: 7,
    form: wish(
      ['c1', 'c3', 'c4'],
      '核对康复救助对象的残疾类别和等级。',
      '受理时逐件核对，每日约 300 次。',
      '省卫生健康委妇幼健康处',
      '残疾儿童康复救助工作职责',
    ),
    acts: [],
  },
  {
    entry: subsidies,
    by: 'sp.minzheng',
    system: '双牌县社会救助系统',
    ago: 4,
    form: wish(
      ['c1', 'c5', 'c6'],
      '核对从河南迁入人员的补贴是否已停发，避免两地重复领取。',
      '迁入登记时核对，每月约 5 人。',
      '县民政局社会福利股',
      '残疾人两项补贴的资格审核职责',
    ),
    acts: [],
  },
  // 双牌: centre and provider give opinions within 10 working days, then the city decides.
  {
    entry: contracts,
    by: 'sp.minzheng',
    system: '双牌县社会救助系统',
    ago: 9,
    form: wish(
      ['c1', 'c4', 'c5', 'c6'],
      '为高龄独居老人安排上门探访时了解签约团队。',
      '每周更新探访名单，约 80 人。',
      '县民政局养老服务股',
      '《中华人民共和国老年人权益保障法》，居家养老服务',
    ),
    acts: [{ ago: 6, by: 'sp.weijian', action: 'advise', form: { opinion: 'agree', note: '建议只提供签约机构和团队。' } }],
  },
  {
    entry: contracts,
    by: 'yt.yibao',
    system: '永泰县医疗救助一站式结算系统',
    ago: 8,
    form: wish(
      ['c1', 'c6', 'c8'],
      '核对异地居住参保人的家庭医生签约，用于签约服务费结算。',
      '季度结算时核对，约 30 人。',
      '县医疗保障局基金监管股',
      '家庭医生签约服务费的医保支付职责',
    ),
    acts: [
      { ago: 5, by: 'sp.weijian', action: 'advise', form: { opinion: 'partly', note: '人群分类涉及健康状况，建议不提供。' } },
      { ago: 4, by: 'sp.zhengwu', action: 'advise', form: { opinion: 'partly', note: '同意提供部门意见。' } },
    ],
  },
  // 晋江 has no rule for this: the product's own convention, no legal number.
  {
    entry: inspections,
    by: 'fz.weijian',
    system: '福州市食源性疾病监测系统',
    ago: 3,
    form: wish(
      ['c1', 'c3', 'c4', 'c6'],
      '食源性疾病监测中比对不合格食品线索。',
      '每周比对一次。',
      '市卫生健康委食品安全处',
      '《中华人民共和国食品安全法》，食源性疾病监测',
    ),
    acts: [],
  },
]

/** Which of the grants are used, by whom in whose name. */
export const uses = [
  { entry: allowance, by: 'yt.yibao.dev', ago: 12, cases: ['YB-0001', 'YB-0002', 'YB-0003'] },
  { entry: health, by: 'yt.yibao.dev', ago: 9, cases: ['MB-0001', 'MB-0002', 'MB-0003', 'MB-0004'] },
]
export const ended = {
  entry: health,
  by: 'fz.weijian',
  grantee: '永泰县医疗保障局',
  ago: 6,
  reason: '本年度的集中核对已经完成，不再需要。',
}
export const file = { entry: health, by: 'fz.minzheng', caseRef: '低保复核 第三季度' }

/** Unconditional data, taken up without an application. */
export const direct = {
  entry: '福州市村（居）委会名录',
  by: 'fz.weijian',
  system: '福州市健康扶助系统',
  purpose: '核对体检预约人员的居住地址。',
  duty: '基本公共卫生服务的组织职责',
}
