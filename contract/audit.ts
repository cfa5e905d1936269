import { z } from 'zod'
import { Cite, Day, Done, Instant, PageQuery, page } from './common.ts'
import { endpoint } from './endpoint.ts'

/** Every action a record may carry, in words. Reads of data are marked, for 使用记录. */
export const actionLabels = {
  'session.sign-in': '登录',
  'session.refused': '登录失败',
  'session.sign-out': '退出',
  'session.password': '修改密码',
  'session.contact': '修改联系方式',
  'setup.done': '初始设置',
  'gate.switched': '切换平台约定的阻断方式',
  'gate.reminded': '提醒并记录（平台约定）',
  'regulation.import': '导入规定',
  'regulation.refuse': '不采用导入的规定',
  'regulation.adopt': '登记采用或延用规定',
  'regulation.end': '终止采用或延用规定',
  'regulation.region': '登记地区',
  'regulation.override': '登记优先适用的法律',
  'regulation.override-end': '终止优先适用的法律',
  'calendar.import': '导入放假安排',
  'calendar.adopt': '采用放假安排',
  'organization.department': '登记部门',
  'organization.person': '登记人员',
  'organization.roles': '调整角色',
  'organization.disabled': '停用或启用账号',
  'organization.password': '重设密码',
  'organization.system': '登记信息系统',
  'organization.officers': '备案数据工作人员',
  'organization.assessed': '列入考核',
  'organization.document': '登记管理制度',
  'catalog.create': '新建目录',
  'catalog.submit': '提交目录审核',
  'catalog.publish': '发布目录',
  'catalog.discard': '放弃草稿',
  'catalog.guide': '发布编制指南',
  'catalog.collector': '明确数源部门',
  'catalog.different': '认定目录不重复',
  'catalog.synonym': '维护同义词',
  'catalog.release': '公布目录',
  'catalog.acquisition': '登记取得的数据',
  'catalog.change': '登记法律或职能变化',
  'catalog.import': '批量导入目录',
  'catalog.bulk': '批量修改目录',
  'catalog.export': '导出目录',
  'catalog.codes': '修改编码表',
  'case.start': '发起办件',
  'case.act': '办理',
  'case.attach': '上传附件',
  'duty.urge': '催办',
  'duty.supervise': '督办',
  'source.create': '登记数据源',
  'source.prepare': '备好数据源',
  'source.change': '修改数据源',
  'source.activate': '启用数据源',
  'source.test': '测试数据源连接',
  'source.gone': '列出来源已删除的记录',
  'source.removed': '移除来源已删除的记录',
  'upload.receive': '接收上传文件',
  'document.refuse': '拒收文件',
  'document.read': '下载文件原件',
  'batch.start': '开始批次',
  'batch.done': '批次入库',
  'batch.held': '批次待放行',
  'batch.release': '放行批次',
  'batch.return': '退回批次',
  'batch.failed': '批次失败',
  'batch.cancel': '取消批次',
  'batch.verify': '登记批次校核',
  'quality.rule': '设置质量规则',
  'quality.preview': '查看不符合规则的数据',
  'agent.code': '生成前置机配对码',
  'agent.pair': '配对前置机',
  'agent.revoke': '停用前置机',
  'push.key': '生成推送密钥',
  'push.ips': '修改推送密钥的 IP 白名单',
  'push.revoke': '停用推送密钥',
  'push.refused': '拒绝推送',
  'base.create': '建立基础或主题数据库',
  'base.declare': '声明数据库的来源',
  'base.offer': '对各部门开放基础数据库的接口',
  'base.rebuild': '要求重建数据库',
  'base.refresh': '归集来源数据',
  'base.record': '查看记录来源',
  'record.history': '查看记录历史',
  'base.conflicts': '查看不一致清单',
  'batch.rejects': '下载拒收清单',
  'batch.preview': '预览上传内容',
  'grant.create': '生成授权',
  'grant.preview': '预览处理效果',
  'grant.suspend': '暂停授权',
  'grant.resume': '恢复授权',
  'grant.revoke': '终止授权',
  'grant.settle': '补齐授权条件',
  'grant.disposal-asked': '请说明数据处置',
  'grant.dispose': '说明数据处置',
  'grant.officer': '变更经办人',
  'grant.narrow': '收窄授权',
  'sharing.renew': '申请续期',
  'sharing.exchange': '申报平台外交换',
  'sharing.matter': '登记事项材料',
  'grant.credentials': '生成凭证',
  'grant.ips': '修改 IP 白名单',
  'grant.table': '设置库表推送',
  'grant.token': '换取访问令牌',
  'data.read': '取用共享数据',
  'data.verify': '核验共享数据',
  'data.refused': '拒绝取用',
  'data.try': '试调用',
  'data.package': '生成数据包',
  'data.download': '下载数据包',
  'package.order': '要求生成数据包',
  'package.trace': '查水印',
  'data.scan': '疑似试探键值',
  'data.unusual': '用量或时段异常',
  'use.subscribe': '订阅使用日志',
  'use.push': '推送使用日志',
  'use.receipt': '使用日志的回执',
  'use.stop': '停止推送使用日志',
  'use.end': '结束推送使用日志',
  'opening.propose': '申请开放',
  'opening.publish': '开放数据集',
  'opening.withdraw': '下架数据集',
  'opening.list': '公布开放清单',
  'opening.plan': '公布开放计划',
  'opening.unlock': '登记可以开放的处理',
  'opening.evaluate': '再评估不开放的数据',
  'opening.assess': '评估下架的数据',
  'opening.law-change': '登记规定的变化',
  'opening.conditions': '核对开放条件',
  'opening.block': '按涉密停止访问',
  'opening.access': '授权使用开放数据',
  'opening.key': '生成开放数据密钥',
  'opening.limit': '限制或关闭访问',
  'opening.exceeded': '超出授权场景的调用',
  'opening.follow-up': '跟踪使用情况',
  'opening.report': '报告使用情况',
  'opening.product': '登记利用成果',
  'open.preview': '预览开放数据',
  'open.download': '下载开放数据',
  'open.read': '调用开放接口',
  'open.demonstrate': '装载演示数据',
  'audit.query': '查询账本',
  'audit.verify': '核验账本',
  'audit.checkpoint': '签署检查点',
  'audit.key': '更换账本密钥',
  'audit.witness': '登记见证人',
  'audit.witnessed': '收到见证',
  'audit.propose': '提出清理留痕',
  'audit.approve': '批准清理留痕',
  'audit.withdraw': '撤回清理留痕',
  'audit.prune': '清理留痕',
  'audit.export': '导出账本',
  'sharing.access': '直接取用无条件共享数据',
  'catalog.refuse': '目录提交未通过',
  'sharing.remove': '删除记录',
  'sharing.withdraw': '撤销目录',
} as const
/** The kinds of operation that places ask to be traceable, and the records that show them. A kind may share a record with another: a batch is taken in and cleaned in one go. */
export const operations = {
  信息汇聚: ['batch.start', 'batch.done', 'upload.receive'],
  清洗: ['batch.done', 'batch.held', 'batch.rejects'],
  共享: ['grant.create', 'sharing.access', 'grant.token'],
  查询: ['data.read', 'data.try', 'record.history', 'audit.query'],
  比对: ['data.verify', 'base.conflicts'],
  下载: ['open.download', 'data.package', 'data.download', 'document.read', 'batch.rejects', 'catalog.export'],
  分析研判: ['quality.preview', 'base.refresh', 'base.record'],
  访问: ['session.sign-in', 'open.preview', 'open.read', 'data.refused'],
  更新维护: ['catalog.publish', 'catalog.bulk', 'source.change', 'quality.rule', 'sharing.remove'],
} as const satisfies Record<string, readonly (keyof typeof actionLabels)[]>
export const dataActions = [
  'data.read',
  'data.verify',
  'data.refused',
  'data.try',
  'data.package',
  'data.download',
  'data.scan',
  'data.unusual',
  'open.preview',
  'open.download',
  'open.read',
] as const

/** One ledger record. The seven fields of a usage record (使用记录) are purpose, person, approver, content, at, method, medium. */
export const LedgerRow = z.object({
  seq: z.number().int(),
  at: Instant,
  action: z.string(),
  label: z.string(),
  person: z.string().nullable(),
  department: z.string().nullable(),
  region: z.string().nullable(),
  purpose: z.string().nullable(),
  approver: z.string().nullable(),
  content: z.string().nullable(),
  method: z.string().nullable(),
  medium: z.string().nullable(),
  subject: z.string().nullable(),
  caseNo: z.string().nullable(),
  cite: Cite.nullable(),
})
export type LedgerRow = z.infer<typeof LedgerRow>
const readers = ['inspector', 'audit_admin', 'bureau', 'steward', 'leader'] as const
export const ledger = endpoint({
  method: 'GET',
  path: '/audit/records',
  summary: 'Query the ledger; the query is itself recorded',
  access: readers,
  query: PageQuery.extend({
    department: z.string().max(100).optional(),
    person: z.string().max(64).optional(),
    action: z.string().max(60).optional(),
    subject: z.string().max(100).optional(),
    caseNo: z.string().max(40).optional(),
    key: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe('Commitment to the key of one record, from POST /audit/key'),
    from: Day.optional(),
    to: Day.optional(),
    reads: z.stringbool().optional().describe('Only data leaving'),
    operation: z
      .enum(Object.keys(operations) as [keyof typeof operations])
      .optional()
      .describe('One of the nine kinds of operation'),
  }),
  response: page(LedgerRow).extend({
    actions: z.array(z.object({ action: z.string(), label: z.string() })),
    scope: z.string().describe('Whose records this person sees, in words'),
    more: z.boolean().describe('There are more than `total`, which is not counted further'),
    partly: z.boolean().describe('Nothing has this subject; the newest records were searched for a part of it'),
  }),
})
export const ledgerKeyCommitment = endpoint({
  method: 'POST',
  path: '/audit/key',
  summary: 'What stands in the ledger for the key of a record; the key itself is neither kept nor put into an address',
  access: readers,
  body: z.object({
    key: z.string().trim().min(1).max(300).describe('e.g. an identity number; several parts as they are shown elsewhere, a + b'),
  }),
  response: z.object({ key: z.string() }),
})
export const ledgerRecord = endpoint({
  method: 'GET',
  path: '/audit/records/:seq',
  summary: 'One record: text, leaf digest, proof path, block, neighbours',
  access: readers,
  params: z.object({ seq: z.coerce.number().int().min(1) }),
  response: LedgerRow.extend({
    text: z.string(),
    leaf: z.string(),
    block: z.object({
      height: z.number().int(),
      root: z.string(),
      first: z.number().int(),
      count: z.number().int(),
      at: Instant,
      previous: z.string(),
    }),
    proof: z.array(z.string()),
    intact: z.boolean(),
    previous: z.number().int().nullable().describe('The record before it, where this person may see that'),
    next: z.number().int().nullable(),
  }),
})
export const ledgerProof = endpoint({
  method: 'GET',
  path: '/audit/records/:seq/proof',
  summary:
    'The proof of one record as a file: from the record to a signed checkpoint, verifiable offline. Of pruned ones without the content',
  access: readers,
  params: z.object({ seq: z.coerce.number().int().min(1) }),
  kind: 'stream',
})
export const Verification = z.object({
  ok: z.boolean(),
  records: z.number().int(),
  blocks: z.number().int(),
  upTo: z.number().int(),
  milliseconds: z.number(),
  bad: z.object({ seq: z.number().int().nullable(), height: z.number().int(), message: z.string() }).nullable(),
  checkpoint: z.object({ no: z.number().int(), at: Instant, algorithms: z.array(z.string()) }).nullable(),
  witness: z.object({ name: z.string(), height: z.number().int(), at: Instant }).nullish().describe('The newest block seen by a witness'),
  pruned: z.number().int().optional().describe('Records whose content was pruned under an approved order'),
})
export const verifyLedger = endpoint({
  method: 'POST',
  path: '/audit/verify',
  summary: 'Verify the whole ledger now',
  access: ['inspector', 'audit_admin', 'bureau'],
  response: Verification,
})
export const ledgerState = endpoint({
  method: 'GET',
  path: '/audit/state',
  summary: 'Last verification, last checkpoint, head',
  access: readers,
  response: z.object({ head: z.number().int(), blocks: z.number().int(), last: Verification.nullable(), lastAt: Instant.nullable() }),
})

/** Keys or signatures by algorithm, hex. */
const ByAlgorithm = z.record(z.string().regex(/^[A-Za-z0-9-]{1,20}$/), z.string().regex(/^[0-9a-f]{1,400}$/, '写成十六进制小写'))
const Hash = z.string().regex(/^[0-9a-f]{64}$/, '写成 64 位十六进制小写')
export const LedgerKey = z.object({
  no: z.number().int(),
  at: Instant,
  public: ByAlgorithm,
  hash: Hash,
  signatures: ByAlgorithm.describe('By the key before; the first by itself'),
})
export const LedgerCheckpoint = z.object({
  no: z.number().int(),
  height: z.number().int(),
  hash: Hash,
  at: Instant,
  key: z.number().int().describe('Number of the key that signed'),
  signatures: ByAlgorithm,
})
export const LedgerHead = z.object({
  height: z.number().int(),
  first: z.number().int(),
  count: z.number().int(),
  at: Instant,
  root: Hash,
  previous: Hash,
  hash: Hash,
})
export const ledgerHead = endpoint({
  method: 'GET',
  path: '/audit/head',
  summary: 'Keys and newest checkpoint, for witnesses: no content of any record',
  access: 'public',
  response: z.object({ keys: z.array(LedgerKey), checkpoint: LedgerCheckpoint.nullable() }),
})
export const ledgerHeads = endpoint({
  method: 'GET',
  path: '/audit/heads',
  summary: 'Heads of the blocks after a height, so that a witness can see that the ledger only grew',
  access: 'public',
  query: z.object({ after: z.coerce.number().int().min(0), limit: z.coerce.number().int().min(1).max(2000).default(2000) }),
  response: z.object({ rows: z.array(LedgerHead) }),
})
const WitnessName = z
  .string()
  .trim()
  .min(2)
  .max(60)
  .regex(/^[^|\n]*$/, '名称里不能有竖线')
export const witnessStatement = endpoint({
  method: 'POST',
  path: '/audit/statements',
  summary: 'A registered witness states that it has seen a checkpoint; its signature stands for signing in',
  access: 'public',
  body: z.object({
    witness: WitnessName,
    no: z.number().int().min(1),
    height: z.number().int().min(1),
    hash: Hash,
    at: z.iso.datetime({ precision: 3 }),
    signatures: ByAlgorithm,
  }),
  response: Done,
})
const keepers = ['inspector', 'audit_admin', 'bureau', 'security_admin'] as const
export const ledgerTrust = endpoint({
  method: 'GET',
  path: '/audit/trust',
  summary: 'Keys, checkpoints and witnesses of the ledger',
  access: keepers,
  response: z.object({
    keys: z.array(LedgerKey),
    checkpoints: z.object({ count: z.number().int(), last: LedgerCheckpoint.nullable() }),
    witnesses: z.array(
      z.object({
        name: z.string(),
        at: Instant,
        public: ByAlgorithm,
        last: z.object({ no: z.number().int(), height: z.number().int(), at: Instant }).nullable(),
        statements: z.number().int(),
      }),
    ),
  }),
})
export const rotateLedgerKey = endpoint({
  method: 'POST',
  path: '/audit/keys',
  summary: 'Change the key that signs checkpoints; the one before signs the new one',
  access: ['security_admin'],
  body: z.object({ reason: z.string().trim().min(5).max(500).describe('Why the key is changed') }),
  response: LedgerKey,
})
export const addLedgerWitness = endpoint({
  method: 'POST',
  path: '/audit/witnesses',
  summary: 'Register who keeps our checkpoints, with the public keys that sign for it',
  access: ['security_admin'],
  body: z.object({
    name: WitnessName,
    public: z
      .object({
        SM2: z
          .string()
          .regex(/^04[0-9a-f]{128}$/, 'SM2 公钥是 04 开头的 130 位十六进制')
          .optional(),
        Ed25519: z
          .string()
          .regex(/^302a300506032b6570032100[0-9a-f]{64}$/, 'Ed25519 公钥写成 SPKI 的十六进制')
          .optional(),
      })
      .refine(keys => keys.SM2 || keys.Ed25519, '至少写一种公钥'),
  }),
  response: Done,
})

const administrators = ['security_admin', 'audit_admin'] as const
export const prunings = endpoint({
  method: 'GET',
  path: '/audit/prunings',
  summary: 'How long each region keeps records, what is due, and the orders to prune',
  access: keepers,
  response: z.object({
    rules: z.array(
      z.object({
        region: z.string().nullable().describe('Null: records of no region, such as failed sign-ins'),
        place: z.string().describe('Its name'),
        months: z.number().int(),
        cite: Cite,
        from: Day.describe('Records from this day on are still to be kept'),
        due: z.number().int(),
        oldest: Instant.nullable(),
      }),
    ),
    orders: z.array(
      z.object({
        no: z.number().int(),
        region: z.string().nullable(),
        place: z.string(),
        before: Day,
        months: z.number().int(),
        cite: Cite,
        reason: z.string(),
        at: Instant,
        count: z.number().int(),
        done: z.boolean(),
        approvals: z.array(z.object({ person: z.string(), at: Instant })).describe('The first is whoever asked'),
        withdrawn: z.object({ person: z.string(), reason: z.string(), at: Instant }).nullable(),
        mayApprove: z.boolean(),
        mayWithdraw: z.boolean(),
      }),
    ),
    mayPropose: z.boolean(),
  }),
})
export const proposePruning = endpoint({
  method: 'POST',
  path: '/audit/prunings',
  summary: 'Propose that old records lose their content; counts as the first of two approvals',
  access: administrators,
  body: z.object({
    region: z
      .string()
      .regex(/^\d{6}$/)
      .nullable(),
    before: Day.describe('Records before this day'),
    reason: z.string().trim().min(5).max(500),
  }),
  response: z.object({ no: z.number().int() }),
})
export const approvePruning = endpoint({
  method: 'POST',
  path: '/audit/prunings/:no/approve',
  summary: 'The second approval, by another person; the content goes, digests and proofs stay',
  access: administrators,
  params: z.object({ no: z.coerce.number().int().min(1) }),
  response: Done,
})
export const withdrawPruning = endpoint({
  method: 'POST',
  path: '/audit/prunings/:no/withdraw',
  summary: 'Withdraw an order that has not been carried out, approved or not',
  access: administrators,
  params: z.object({ no: z.coerce.number().int().min(1) }),
  body: z.object({ reason: z.string().trim().min(5).max(500) }),
  response: Done,
})

export const ledgerUsage = endpoint({
  method: 'GET',
  path: '/audit/usage',
  summary: 'Who used the data of this department (of the region, of all), for what, how often',
  access: readers,
  query: z.object({
    from: Day.optional().describe('Twelve weeks back when not given'),
    to: Day.optional(),
    subject: z.string().max(100).optional().describe('One entry by its code'),
  }),
  response: z.object({
    scope: z.string(),
    from: Day,
    to: Day,
    reads: z.number().int(),
    verifies: z.number().int(),
    refused: z.number().int(),
    weeks: z.array(
      z.object({ week: Day.describe('Its Monday'), reads: z.number().int(), verifies: z.number().int(), refused: z.number().int() }),
    ),
    entries: z.array(z.object({ subject: z.string(), title: z.string(), times: z.number().int(), users: z.number().int(), last: Instant })),
    users: z.array(
      z.object({
        department: z.string().nullable().describe('Null: the public'),
        subject: z.string(),
        title: z.string(),
        purpose: z.string().nullable(),
        method: z.string().nullable(),
        times: z.number().int(),
        refused: z.number().int(),
        people: z.number().int(),
        last: Instant,
      }),
    ),
    more: z.boolean().describe('There are more lines than are shown'),
  }),
})
