import { resolve } from 'node:path'
import { z } from 'zod'

const root = resolve(import.meta.dirname, '../..')
const flag = z.stringbool().or(z.literal('').transform(() => false))

/** Every setting, read once from the environment; `./huitong settings` prints this table into docs/settings.md. */
export const Settings = z.object({
  HUITONG_DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe('Your own PostgreSQL (15 or later). Without it the embedded server in HUITONG_DATA_DIR/pg is used.'),
  HUITONG_DATA_DIR: z
    .string()
    .default(resolve(root, 'data'))
    .describe('Directory of the embedded database, uploads and keys. Back it up; it is private to the service account.'),
  HUITONG_HOST: z.string().default('127.0.0.1').describe('Address to listen on; 0.0.0.0 to be reachable from other machines.'),
  HUITONG_PORT: z.coerce.number().int().min(1).max(65535).optional().describe('Port to listen on. Without it 8080 or the next free one.'),
  HUITONG_PUBLIC_URL: z
    .url()
    .optional()
    .describe('Address users type, e.g. https://data.example.gov.cn. https turns on Secure cookies and HSTS.'),
  HUITONG_TRUST_PROXY: flag.default(false).describe('Take the caller’s address from X-Forwarded-For; only behind your own reverse proxy.'),
  HUITONG_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('How much is logged; secrets and data rows never are.'),
  HUITONG_MAX_UPLOAD_MB: z.coerce.number().int().positive().default(4096).describe('Largest file a provider may upload.'),
  HUITONG_FOLDER_ROOT: z.string().optional().describe('Directory below which folders may be watched as sources. Without it no folder is.'),
  HUITONG_LOCAL_SOURCES: flag
    .default(false)
    .describe(
      'Let HTTP sources point at this machine itself and at link-local addresses; for trials, never where a cloud keeps credentials there.',
    ),
  HUITONG_CAPTURE_RETAINED_MB: z.coerce
    .number()
    .int()
    .positive()
    .default(4096)
    .describe('What a source may have to keep for live capture; beyond it the platform lets go and reads the table anew.'),
  HUITONG_SESSION_HOURS: z.coerce.number().int().positive().max(72).default(10).describe('How long a sign-in lasts without activity.'),
  HUITONG_PROCESSES: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe('Processes that answer requests on the same port, at most one per core. The first also does the background work.'),
  HUITONG_POOL_SIZE: z.coerce.number().int().min(4).max(200).default(24).describe('Database connections of one process.'),
  HUITONG_DATA_BURST: z.coerce
    .number()
    .int()
    .min(0)
    .default(200)
    .describe('Most calls of the data API per second under one grant, in one process; 0: no limit.'),
  HUITONG_DATA_LEAST_GROUP: z.coerce
    .number()
    .int()
    .min(2)
    .default(10)
    .describe('Records a group must have before the aggregate interface (聚合) gives anything of it.'),
  HUITONG_DATA_SCAN_SUSPENDS: flag
    .default(false)
    .describe(
      'Suspend a grant under which keys are tried out (at least 100 misses in ten minutes, more misses than hits). Without it only an alert is raised.',
    ),
  HUITONG_DATA_UNUSUAL_SUSPENDS: flag
    .default(false)
    .describe(
      'Suspend a grant whose use is unusual: five times the rows of its fullest hour in 28 days, or calls at night and on days off that it never made then. Without it only an alert is raised.',
    ),
  HUITONG_SITE_NAME: z.string().max(40).default('公共数据开放').describe('Name of the public portal.'),
  HUITONG_SITE_OPERATOR: z.string().max(80).optional().describe('Unit that runs the portal, for its footer.'),
  HUITONG_SITE_CONTACT: z.string().max(120).optional().describe('How to reach it, for the footer.'),
  HUITONG_SITE_CODE: z.string().max(40).optional().describe('网站标识码, for the footer.'),
  HUITONG_SITE_ICP: z.string().max(60).optional().describe('ICP 备案号, for the footer.'),
  HUITONG_SITE_POLICE: z.string().max(60).optional().describe('公安备案号, for the footer.'),
  HUITONG_SITE_FEEDBACK: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Address of the page for reporting errors of the site.'),
  HUITONG_SMTP_URL: z
    .url({ protocol: /^smtps?$/ })
    .optional()
    .describe('Mail server for notices, e.g. smtps://user:password@mail.example.gov.cn. Without it notices stay in the workbench.'),
  HUITONG_MAIL_FROM: z.string().max(120).default('汇通平台 <no-reply@localhost>').describe('Sender of notices.'),
  HUITONG_WEBHOOK_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Every notice is also POSTed here as JSON, signed with HUITONG_WEBHOOK_SECRET.'),
  HUITONG_WEBHOOK_SECRET: z.string().min(16).optional().describe('Key of the HMAC-SHA256 in the header x-huitong-signature.'),
  HUITONG_LAW_WARNING_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(180)
    .describe('How many days before a regulation runs out its authority is warned.'),
  HUITONG_AGENT_DIR: z
    .string()
    .default(resolve(root, 'agent-data'))
    .describe(
      'For `./huitong agent` on a department’s own machine: directory of its key, its sealed sources and what it has read and not delivered.',
    ),
  HUITONG_AGENT_SPOOL_MB: z.coerce
    .number()
    .int()
    .positive()
    .default(20_480)
    .describe('How much an agent may keep there until it is delivered.'),
  HUITONG_SECRET_KEY: z
    .string()
    .min(43)
    .optional()
    .describe('Base64url key of 32 bytes that seals stored credentials. Without it HUITONG_DATA_DIR/secret.key is made on first start.'),
})

export type Config = {
  databaseUrl: string | undefined
  dataDir: string
  host: string
  port: number | undefined
  publicUrl: string | undefined
  trustProxy: boolean
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  maxUploadBytes: number
  /** What sources may reach on this machine. */
  sources: { folders: string | null; local: boolean }
  captureRetainedBytes: number
  sessionHours: number
  processes: number
  poolSize: number
  /** The data API: calls per second and grant, and whether trying keys out suspends. */
  data: { burst: number; scanSuspends: boolean; unusualSuspends: boolean; leastGroup: number }
  secretKey: string | undefined
  lawWarningDays: number
  agent: { dir: string; spoolBytes: number }
  site: Site
  mail: { url: string; from: string } | undefined
  webhook: { url: string; secret: string } | undefined
}
/** Who runs the portal; what is null is not shown. */
export type Site = { name: string } & Record<'operator' | 'contact' | 'siteCode' | 'icp' | 'police' | 'feedback', string | null>

export class SettingsError extends Error {}

/** Reads the settings or says, in one message, every one that is wrong. */
export function loadConfig(env: Record<string, string | undefined> = process.env): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([name, value]) => name.startsWith('HUITONG_') && value !== ''))
  const parsed = Settings.safeParse(given)
  if (!parsed.success) {
    throw new SettingsError(`设置有误：\n${parsed.error.issues.map(i => `  ${i.path.join('.')}: ${i.message}`).join('\n')}`)
  }
  const s = parsed.data
  if (s.HUITONG_WEBHOOK_URL && !s.HUITONG_WEBHOOK_SECRET)
    throw new SettingsError('设置有误：\n  HUITONG_WEBHOOK_SECRET: 设了 HUITONG_WEBHOOK_URL 就要设签名密钥（至少 16 个字符）')
  return {
    databaseUrl: s.HUITONG_DATABASE_URL,
    dataDir: resolve(s.HUITONG_DATA_DIR),
    host: s.HUITONG_HOST,
    port: s.HUITONG_PORT,
    publicUrl: s.HUITONG_PUBLIC_URL?.replace(/\/$/, ''),
    trustProxy: s.HUITONG_TRUST_PROXY,
    logLevel: s.HUITONG_LOG_LEVEL,
    maxUploadBytes: s.HUITONG_MAX_UPLOAD_MB * 1024 * 1024,
    sources: { folders: s.HUITONG_FOLDER_ROOT ? resolve(s.HUITONG_FOLDER_ROOT) : null, local: s.HUITONG_LOCAL_SOURCES },
    captureRetainedBytes: s.HUITONG_CAPTURE_RETAINED_MB * 1024 * 1024,
    sessionHours: s.HUITONG_SESSION_HOURS,
    processes: s.HUITONG_PROCESSES,
    poolSize: s.HUITONG_POOL_SIZE,
    data: {
      burst: s.HUITONG_DATA_BURST,
      scanSuspends: s.HUITONG_DATA_SCAN_SUSPENDS,
      unusualSuspends: s.HUITONG_DATA_UNUSUAL_SUSPENDS,
      leastGroup: s.HUITONG_DATA_LEAST_GROUP,
    },
    secretKey: s.HUITONG_SECRET_KEY,
    lawWarningDays: s.HUITONG_LAW_WARNING_DAYS,
    agent: { dir: resolve(s.HUITONG_AGENT_DIR), spoolBytes: s.HUITONG_AGENT_SPOOL_MB * 1024 * 1024 },
    site: {
      name: s.HUITONG_SITE_NAME,
      operator: s.HUITONG_SITE_OPERATOR ?? null,
      contact: s.HUITONG_SITE_CONTACT ?? null,
      siteCode: s.HUITONG_SITE_CODE ?? null,
      icp: s.HUITONG_SITE_ICP ?? null,
      police: s.HUITONG_SITE_POLICE ?? null,
      feedback: s.HUITONG_SITE_FEEDBACK ?? null,
    },
    mail: s.HUITONG_SMTP_URL ? { url: s.HUITONG_SMTP_URL, from: s.HUITONG_MAIL_FROM } : undefined,
    webhook: s.HUITONG_WEBHOOK_URL ? { url: s.HUITONG_WEBHOOK_URL, secret: s.HUITONG_WEBHOOK_SECRET! } : undefined,
  }
}
