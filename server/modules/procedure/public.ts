export { type CaseRecord, type Effect, notifyDepartments, registerEffect, type Start, startCase } from './engine.ts'
export { missing } from './rules.ts'
export { caseView, fieldView, registerHealth, registerHooks, type SubjectHooks } from './view.ts'
