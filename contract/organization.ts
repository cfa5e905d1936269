import { z } from 'zod'
import { Cite, Day, Done, Id, IdParam, Instant } from './common.ts'
import { endpoint, roleKeys, staff } from './endpoint.ts'

export const Region = z.object({
  code: z.string(),
  name: z.string(),
  level: z.enum(['province', 'city', 'county']),
  parent: z.string().nullable(),
  regulation: z.object({ id: z.string(), title: z.string(), status: z.string().describe('现行有效 / 征求意见稿 / 已失效 …') }).nullable(),
})
export const Department = z.object({
  id: Id,
  region: z.string(),
  regionName: z.string(),
  name: z.string(),
  creditCode: z.string(),
  roles: z.array(z.string()).describe('What the department is in procedures, e.g. authority'),
})
export type Department = z.infer<typeof Department>

/** What a unit is in law. Which kinds are departments of a place, and what they are called there, is the regulation's to say. */
export const departmentKinds = {
  agency: '行政机关',
  institution: '事业单位',
  social: '社会团体、社会组织',
  authorised: '具有公共管理职能的组织',
  utility: '公共服务企业',
  government: '人民政府',
  court: '法院、检察院',
  company: '企业',
  other: '其他单位',
} as const
export const DepartmentKind = z.enum(Object.keys(departmentKinds) as [keyof typeof departmentKinds, ...(keyof typeof departmentKinds)[]])
export const Authorisation = z
  .object({ instrument: z.string().trim().min(2).max(200), article: z.string().trim().min(2).max(100) })
  .describe('The provision that authorises the unit to manage public affairs')
export const Unit = Department.extend({
  kind: DepartmentKind,
  kindLabel: z.string().describe('In the words of the place'),
  authorisation: Authorisation.nullable(),
  byReference: z.boolean().describe('参照执行'),
  department: z.boolean().describe('A department in the sense of the place: may own entries and apply for data'),
})

export const Role = z.enum(roleKeys)
export const Session = z.object({
  person: z.object({ id: Id, username: z.string(), name: z.string(), mustChangePassword: z.boolean() }),
  department: Department,
  region: Region,
  roles: z.array(z.object({ role: Role, label: z.string() })),
  menu: z
    .array(z.string())
    .describe(
      'Menu keys this person may open: todo, catalog, review, sources, find, applications, grants, matters, exchanges, systems, opening, supervision, audit, organization, regulations, settings',
    ),
  csrf: z.string().describe('Send back as x-csrf-token with every change'),
  expires: Instant,
})
export type Session = z.infer<typeof Session>

/** 12 characters or more; long phrases are welcome, composition rules are not asked for (NIST SP 800-63B). */
export const Password = z.string().min(12, '密码至少 12 个字符').max(200)

export const signIn = endpoint({
  method: 'POST',
  path: '/session',
  summary: 'Sign in with user name and password',
  access: 'public',
  body: z.object({ username: z.string().trim().min(1, '请填写用户名').max(64), password: z.string().min(1, '请填写密码').max(200) }),
  response: Session,
})
export const session = endpoint({ method: 'GET', path: '/session', summary: 'Who am I', access: 'signed-in', response: Session })
export const signOut = endpoint({ method: 'DELETE', path: '/session', summary: 'Sign out', access: 'signed-in', response: Done })
export const changePassword = endpoint({
  method: 'POST',
  path: '/session/password',
  summary: 'Change my password; ends my other sessions',
  access: 'signed-in',
  body: z.object({ current: z.string().max(200), next: Password }),
  response: Done,
})
export const MyContact = z.object({
  phone: z.string().trim().max(30).default('').describe('Shown to departments that work with mine'),
  email: z
    .union([z.email('邮箱地址不对').max(120), z.literal('')])
    .default('')
    .describe('Notices are sent here; empty: only in the workbench'),
})
export const myContact = endpoint({
  method: 'GET',
  path: '/session/contact',
  summary: 'How I am reached',
  access: 'signed-in',
  response: MyContact.extend({ mail: z.boolean().describe('The platform has a mail server') }),
})
export const setMyContact = endpoint({
  method: 'PUT',
  path: '/session/contact',
  summary: 'Change how I am reached; notices of my department go to this address',
  access: 'signed-in',
  body: MyContact,
  response: Done,
})
export const mySessions = endpoint({
  method: 'GET',
  path: '/session/all',
  summary: 'My sessions',
  access: 'signed-in',
  response: z.array(
    z.object({ id: z.string(), created: Instant, lastSeen: Instant, ip: z.string(), agent: z.string(), current: z.boolean() }),
  ),
})

export const setupState = endpoint({
  method: 'GET',
  path: '/setup',
  summary: 'Whether the first administrator is still to be made',
  access: 'public',
  response: z.object({ open: z.boolean() }),
})
export const setup = endpoint({
  method: 'POST',
  path: '/setup',
  summary: 'Make the three administrators and the first authority with the one-time token printed at start',
  access: 'public',
  body: z.object({
    token: z.string().min(20).max(200),
    region: z.string(),
    departmentName: z.string().trim().min(2).max(100),
    creditCode: z.string().trim(),
    administrators: z
      .array(
        z.object({
          role: z.enum(['system_admin', 'security_admin', 'audit_admin']),
          username: z
            .string()
            .trim()
            .regex(/^[a-z][a-z0-9_.-]{2,31}$/, '用户名用小写字母开头，3 到 32 位'),
          name: z.string().trim().min(1).max(50),
          password: Password,
        }),
      )
      .length(3),
  }),
  response: Done,
})

export const regions = endpoint({
  method: 'GET',
  path: '/regions',
  summary: 'Regions and the regulation in force in each',
  access: 'public',
  response: z.array(Region),
})
export const departments = endpoint({
  method: 'GET',
  path: '/departments',
  summary: 'Departments',
  access: 'signed-in',
  query: z.object({ region: z.string().optional() }),
  response: z.array(Unit),
})
/** What a department may be in procedures of its region; every department may be provider or applicant without a mark. */
export const departmentRoles = {
  authority: '数据主管部门',
  'data-centre': '大数据中心',
  operator: '平台运营机构',
  government: '本级人民政府',
  superior: '上级主管部门（上级机关）',
  competent: '有关主管部门',
  appointing: '任免机关、单位',
  supervisory: '监察机关',
  'share-confirmer': '不予共享的审核确认部门',
} as const

export const createDepartment = endpoint({
  method: 'POST',
  path: '/departments',
  summary: 'Add a department',
  access: ['system_admin'],
  body: z.object({
    region: z.string(),
    name: z.string().trim().min(2).max(100),
    creditCode: z.string().trim(),
    roles: z.array(z.string().max(40)).max(10).default([]),
    kind: DepartmentKind.default('agency'),
    authorisation: Authorisation.optional(),
    byReference: z.boolean().default(false).describe('Joins by a clause that applies the rules by reference'),
  }),
  response: Unit,
})

export const OfficerPost = z.object({
  post: z.string(),
  label: z.string(),
  holder: z.string().nullable(),
  since: Day.nullable(),
  left: z.object({ holder: z.string(), day: Day, why: z.string() }).nullable().describe('The last holder, where nobody follows'),
})
export const OfficerSheet = z.object({
  departmentId: Id,
  department: z.string(),
  region: z.string(),
  scope: z.enum(['data', 'opening']),
  scopeLabel: z.string(),
  complete: z.boolean(),
  posts: z.array(OfficerPost),
  fileWith: z.string(),
  cite: Cite,
  reminder: z
    .object({ text: z.string(), word: z.string().nullable(), cite: Cite })
    .nullable()
    .describe('A post is vacant and no change was reported'),
  filings: z.array(z.object({ receipt: z.string(), filed: Day, filedWith: z.string().nullable(), report: z.string() })),
})
export const officers = endpoint({
  method: 'GET',
  path: '/officers',
  summary: 'Who answers for data in departments, as filed: my department, or the whole region for its authority',
  access: staff,
  query: z.object({ department: Id.optional() }),
  response: z.array(OfficerSheet),
})

export const DocumentSheet = z.object({
  departmentId: Id,
  cite: Cite,
  documents: z.array(
    z.object({ key: z.string(), label: z.string(), title: z.string().nullable(), version: z.string().nullable(), issued: Day.nullable() }),
  ),
  missing: z.array(z.string()),
  confirmed: Day.nullable().describe('When the profile was marked complete'),
})
export const documents = endpoint({
  method: 'GET',
  path: '/departments/:id/documents',
  summary: 'Procedures and rules a department has set for itself, and which of them are missing',
  access: staff,
  params: IdParam,
  response: DocumentSheet,
})
export const setDocument = endpoint({
  method: 'PUT',
  path: '/departments/:id/documents/:key',
  summary: 'Note one of these documents with version and date',
  access: ['steward', 'leader', 'bureau'],
  params: IdParam.extend({ key: z.string().max(40) }),
  body: z.object({ title: z.string().trim().min(2).max(200), version: z.string().trim().min(1).max(40), issued: Day }),
  response: DocumentSheet,
})
export const confirmDocuments = endpoint({
  method: 'POST',
  path: '/departments/:id/documents',
  summary: 'Mark the profile complete; refused while a document is missing',
  access: ['steward', 'leader', 'bureau'],
  params: IdParam,
  response: DocumentSheet,
})

/** 考核对象: a unit taken into the assessment of a year. */
export const AssessmentMember = z.object({
  year: z.number().int(),
  departmentId: Id,
  department: z.string(),
  kindLabel: z.string(),
  apart: z.boolean().describe('Listed apart, not ranked'),
  cite: Cite,
})
export const assessmentMembers = endpoint({
  method: 'GET',
  path: '/assessments/:year/members',
  summary: 'Units assessed in a year',
  access: staff,
  params: z.object({ year: z.coerce.number().int().min(2000).max(2100) }),
  response: z.array(AssessmentMember),
})
export const addAssessmentMember = endpoint({
  method: 'POST',
  path: '/assessments/:year/members',
  summary: 'Take a unit into the assessment of a year',
  access: ['bureau'],
  params: z.object({ year: z.coerce.number().int().min(2000).max(2100) }),
  body: z.object({ departmentId: Id, named: z.boolean().default(false).describe('Named in the plan of the year: ranked') }),
  response: AssessmentMember,
})

export const Person = z.object({
  id: Id,
  username: z.string(),
  name: z.string(),
  department: z.string(),
  departmentId: Id,
  phone: z.string().nullable(),
  roles: z.array(Role),
  disabled: z.boolean(),
  locked: z.boolean(),
  lastSignIn: Instant.nullable(),
})
export const people = endpoint({
  method: 'GET',
  path: '/people',
  summary: 'People and their roles',
  access: ['system_admin', 'security_admin', 'audit_admin', 'bureau'],
  query: z.object({ departmentId: Id.optional(), q: z.string().max(100).optional() }),
  response: z.array(Person),
})
export const createPerson = endpoint({
  method: 'POST',
  path: '/people',
  summary: 'Add a person; roles are given by the security administrator',
  access: ['system_admin'],
  body: z.object({
    username: z
      .string()
      .trim()
      .regex(/^[a-z][a-z0-9_.-]{2,31}$/, '用户名用小写字母开头，3 到 32 位'),
    name: z.string().trim().min(1).max(50),
    departmentId: Id,
    phone: z.string().trim().max(30).optional(),
    password: Password,
  }),
  response: Person,
})
export const setRoles = endpoint({
  method: 'PUT',
  path: '/people/:id/roles',
  summary: 'Give or take roles; the three administrators’ roles exclude each other and all working roles',
  access: ['security_admin'],
  params: IdParam,
  body: z.object({ roles: z.array(Role).max(9) }),
  response: Person,
})
export const setDisabled = endpoint({
  method: 'PUT',
  path: '/people/:id/disabled',
  summary: 'Disable or enable an account; disabling ends its sessions',
  access: ['system_admin'],
  params: IdParam,
  body: z.object({ disabled: z.boolean() }),
  response: Person,
})

export const resetPassword = endpoint({
  method: 'PUT',
  path: '/people/:id/password',
  summary: 'Give a person a first password again; they must change it at the next sign-in',
  access: ['system_admin'],
  params: IdParam,
  body: z.object({ password: Password }),
  response: Person,
})

const systemFacts = {
  address: z.string().trim().max(200).default(''),
  hosting: z.string().trim().max(200).optional().describe('Where it runs: 政务云, own machine room …'),
  network: z.string().trim().max(100).optional().describe('政务外网, internet …'),
  protectionLevel: z.number().int().min(1).max(5).optional().describe('等级保护 level'),
  certificate: z.string().trim().max(100).optional().describe('Number of the 等保测评 report'),
  certifiedUntil: Day.optional(),
}
export const InformationSystem = z.object({
  id: Id,
  name: z.string(),
  departmentId: Id,
  department: z.string(),
  address: z.string(),
  hosting: z.string(),
  network: z.string(),
  protectionLevel: z.number().int().nullable(),
  certificate: z.string(),
  certifiedUntil: Day.nullable(),
  certification: z.object({ state: z.enum(['none', 'valid', 'expiring', 'expired']), words: z.string() }),
  created: Day,
})
export const systems = endpoint({
  method: 'GET',
  path: '/systems',
  summary: 'Information systems of my department (all of the region for the authority)',
  access: staff,
  response: z.array(InformationSystem),
})
export const createSystem = endpoint({
  method: 'POST',
  path: '/systems',
  summary: 'Register an information system that will use or supply data',
  access: ['steward', 'developer', 'bureau'],
  body: z.object({ name: z.string().trim().min(2).max(100), ...systemFacts }),
  response: InformationSystem,
})
export const changeSystem = endpoint({
  method: 'PUT',
  path: '/systems/:id',
  summary: 'Hosting, network and security test of an information system',
  access: ['steward', 'developer', 'bureau'],
  params: IdParam,
  body: z.object(systemFacts),
  response: InformationSystem,
})
