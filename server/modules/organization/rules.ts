import type { Role } from '../../../contract/endpoint.ts'

export const administrators = ['system_admin', 'security_admin', 'audit_admin'] as const satisfies readonly Role[]

/** The three administrators exclude each other and every working role (三员分立). Null when the set is allowed. */
export function rolesFault(roles: readonly Role[]): string | null {
  const admin = roles.filter(r => (administrators as readonly Role[]).includes(r))
  if (admin.length > 1) return '系统、安全、审计三个管理员不能由同一人担任。'
  if (admin.length === 1 && roles.length > 1) return '管理员不能兼任业务角色。'
  return null
}

const menus: Record<Role, string[]> = {
  steward: [
    'todo',
    'duties',
    'messages',
    'catalog',
    'sources',
    'find',
    'applications',
    'grants',
    'matters',
    'exchanges',
    'opening',
    'audit',
    'regulations',
    'organization',
  ],
  leader: [
    'todo',
    'duties',
    'messages',
    'catalog',
    'find',
    'applications',
    'grants',
    'opening',
    'supervision',
    'audit',
    'regulations',
    'organization',
  ],
  bureau: [
    'todo',
    'duties',
    'messages',
    'review',
    'catalog',
    'sources',
    'find',
    'applications',
    'grants',
    'opening',
    'supervision',
    'audit',
    'regulations',
    'organization',
  ],
  developer: ['todo', 'grants', 'find', 'systems', 'regulations'],
  inspector: ['duties', 'catalog', 'sources', 'grants', 'opening', 'supervision', 'audit', 'regulations'],
  system_admin: ['organization', 'settings', 'regulations'],
  security_admin: ['keeping', 'organization', 'regulations'],
  audit_admin: ['audit', 'keeping', 'organization', 'regulations'],
  secrecy: ['todo', 'duties', 'messages', 'opening', 'catalog', 'regulations'],
}
const order = [
  'todo',
  'duties',
  'messages',
  'review',
  'catalog',
  'sources',
  'find',
  'applications',
  'grants',
  'matters',
  'exchanges',
  'systems',
  'opening',
  'supervision',
  'audit',
  'keeping',
  'regulations',
  'organization',
  'settings',
]

/** Menu keys a person with these roles may open, in display order. */
export const menuOf = (roles: readonly Role[]): string[] => order.filter(key => roles.some(role => menus[role].includes(key)))

/** Sign-in pauses after five failures, a quarter of an hour each time. */
export const lockAfter = 5
export const lockMinutes = 15
