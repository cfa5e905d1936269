import type { Role } from '../../contract/endpoint.ts'
import { creditCheck } from '../modules/quality/public.ts'

/** The five places of the demonstration, their departments and the people who act for them. Every person is made up. */
export const password = 'huitong-demo-2026'

type Department = { key: string; region: string; name: string; roles?: string[] }
export const departments: Department[] = [
  { key: 'fz.dashuju', region: '350100', name: '福州市大数据发展管理委员会', roles: ['authority'] },
  { key: 'fz.minzheng', region: '350100', name: '福州市民政局' },
  { key: 'fz.weijian', region: '350100', name: '福州市卫生健康委员会' },
  { key: 'fz.huanbao', region: '350100', name: '福州市生态环境局' },
  { key: 'fz.fagai', region: '350100', name: '福州市发展和改革委员会' },
  { key: 'yt.zhengwu', region: '350125', name: '永泰县电子政务中心', roles: ['authority'] },
  { key: 'yt.shuju', region: '350125', name: '永泰县大数据中心', roles: ['data-centre'] },
  { key: 'yt.minzheng', region: '350125', name: '永泰县民政局' },
  { key: 'yt.yibao', region: '350125', name: '永泰县医疗保障局' },
  { key: 'hn.zhengwu', region: '410000', name: '河南省行政审批和政务信息管理局', roles: ['authority'] },
  { key: 'hn.weijian', region: '410000', name: '河南省卫生健康委员会' },
  { key: 'hn.minzheng', region: '410000', name: '河南省民政厅' },
  { key: 'yz.shuju', region: '431100', name: '永州市数据局', roles: ['authority'] },
  { key: 'sp.zhengwu', region: '431123', name: '双牌县政务服务中心', roles: ['authority'] },
  { key: 'sp.minzheng', region: '431123', name: '双牌县民政局' },
  { key: 'sp.weijian', region: '431123', name: '双牌县卫生健康局' },
  { key: 'jj.gongxin', region: '350582', name: '晋江市工业和信息化局', roles: ['authority'] },
  { key: 'jj.shichang', region: '350582', name: '晋江市市场监督管理局' },
]

/** Who answers for data, as each place asks: post by post. `opening` where those for opening are filed as well. */
const fuzhou = (name: string) => ({ leader: name, staff: '数据管理科', contact: '0591-00000010' })
export const officers: Record<
  string,
  { form: (leader: string, steward: string) => Record<string, string>; opening?: Record<string, string> }
> = {
  '350100': { form: fuzhou, opening: { openUnit: '数据管理科', openStaff: '数据管理科全体人员' } },
  '350125': { form: fuzhou, opening: { openUnit: '数据管理股', openStaff: '数据管理股全体人员' } },
  '410000': { form: (leader, steward) => ({ unit: '信息处', staff: steward, head: leader }) },
  '431123': { form: (_, steward) => ({ section: '行政审批股', sectionStaff: steward }) },
  '350582': { form: (_, steward) => ({ digitalOfficer: steward }) },
}

/** A right check character over a subject code that says FAKE. */
export function creditCode(region: string, n: number): string {
  const body = `11${region}FAKE${String(n).padStart(5, '0')}`
  return body + creditCheck(body)
}

type Person = { username: string; name: string; department: string; roles: Role[] }
export const people: Person[] = [
  { username: 'admin.system', name: '系统员甲', department: 'fz.dashuju', roles: ['system_admin'] },
  { username: 'admin.security', name: '安全员乙', department: 'fz.dashuju', roles: ['security_admin'] },
  { username: 'admin.audit', name: '审计员丙', department: 'fz.dashuju', roles: ['audit_admin'] },
  { username: 'fz.dashuju', name: '林示明', department: 'fz.dashuju', roles: ['bureau'] },
  { username: 'fz.dashuju.ld', name: '陈例华', department: 'fz.dashuju', roles: ['leader', 'bureau'] },
  { username: 'fz.dashuju.zy', name: '庄示数', department: 'fz.dashuju', roles: ['steward'] },
  { username: 'fz.jiancha', name: '郑样正', department: 'fz.dashuju', roles: ['inspector'] },
  ...pair('fz.minzheng', '黄演秀', '吴虚安'),
  ...pair('fz.weijian', '刘设宁', '蔡拟康'),
  { username: 'fz.baomi', name: '谢本密', department: 'fz.weijian', roles: ['secrecy'] },
  ...pair('fz.huanbao', '许例清', '曾示蓝'),
  ...pair('fz.fagai', '邱样平', '郭演安'),
  { username: 'yt.zhengwu', name: '张虚和', department: 'yt.zhengwu', roles: ['bureau'] },
  { username: 'yt.shuju', name: '叶设云', department: 'yt.shuju', roles: ['developer'] },
  ...pair('yt.minzheng', '江拟兰', '赖本福'),
  ...pair('yt.yibao', '李例宁', '杨示乐'),
  { username: 'yt.yibao.dev', name: '周样码', department: 'yt.yibao', roles: ['developer'] },
  { username: 'hn.zhengwu', name: '徐演中', department: 'hn.zhengwu', roles: ['bureau'] },
  ...pair('hn.weijian', '吕虚康', '苏设健'),
  ...pair('hn.minzheng', '庄拟民', '廖本和'),
  { username: 'yz.shuju', name: '洪例数', department: 'yz.shuju', roles: ['bureau'] },
  { username: 'sp.zhengwu', name: '唐示政', department: 'sp.zhengwu', roles: ['bureau'] },
  ...pair('sp.minzheng', '蒋样生', '何演远'),
  ...pair('sp.weijian', '欧虚医', '盘设林'),
  { username: 'jj.gongxin', name: '施拟工', department: 'jj.gongxin', roles: ['bureau'] },
  ...pair('jj.shichang', '丁本商', '柯例信'),
]

function pair(department: string, steward: string, leader: string): Person[] {
  return [
    { username: department, name: steward, department, roles: ['steward'] },
    { username: `${department}.ld`, name: leader, department, roles: ['leader'] },
  ]
}

/** Printed after the start: one for each way of looking at the platform. */
export const useful: { username: string; about: string }[] = [
  { username: 'fz.minzheng', about: '福州市民政局 数据专员：登记目录、汇聚数据' },
  { username: 'fz.dashuju', about: '福州市大数据委：审核目录、决定共享申请，待办里各色灯都有' },
  { username: 'yt.yibao', about: '永泰县医疗保障局 数据专员：查找并申请数据，已有一件授权，另一件已结束' },
  { username: 'yt.yibao.dev', about: '永泰县医疗保障局 开发人员：取凭证、调接口' },
  { username: 'hn.minzheng', about: '河南省民政厅 数据专员：5 个工作日内答复申请' },
  { username: 'sp.zhengwu', about: '双牌县政务服务中心：与提供部门一起提出意见' },
  { username: 'yz.shuju', about: '永州市数据局：决定双牌县的申请' },
  { username: 'jj.shichang', about: '晋江市市场监督管理局 数据专员：有一批数据整批待放行' },
  { username: 'fz.jiancha', about: '检查人员：查账本、核验' },
  { username: 'admin.system', about: '系统管理员：机构与人员（另有 admin.security、admin.audit）' },
]
