/** The six steps of the editor, and which part of the content each one holds. */
export const sections = [
  { key: 'basic', label: '基本信息' },
  { key: 'items', label: '信息项' },
  { key: 'share', label: '共享' },
  { key: 'open', label: '开放' },
  { key: 'update', label: '更新与分级' },
  { key: 'secrecy', label: '保密声明' },
] as const
export type Section = (typeof sections)[number]['key']

const first: Record<string, Section> = {
  items: 'items',
  shareClass: 'share',
  shareConditions: 'share',
  shareBasis: 'share',
  shareMode: 'share',
  shareModeType: 'share',
  openClass: 'open',
  openConditions: 'open',
  openBasis: 'open',
  openCriterion: 'open',
  openExclusion: 'open',
  updateCycle: 'update',
  grade: 'update',
  secrecy: 'secrecy',
  impactAssessment: 'secrecy',
}

/** Faults are told with pointers into the content; some replies put `/content` before them. */
export const inContent = (pointer: string) => pointer.replace(/^(\/body)?(\/content)?(?=\/|$)/, '')
export const sectionOf = (pointer: string): Section => first[inContent(pointer).split('/')[1] ?? ''] ?? 'basic'
