import { z } from 'zod'
import { Id, IdParam, Instant, PageQuery, page } from './common.ts'
import { endpoint } from './endpoint.ts'

/** Kinds of file that an entry may consist of; told by content. */
export const documentKinds = {
  pdf: { label: 'PDF', endings: ['pdf'], type: 'application/pdf' },
  ofd: { label: 'OFD', endings: ['ofd'], type: 'application/ofd' },
  docx: { label: 'DOCX', endings: ['docx'], type: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document' },
  xlsx: { label: 'XLSX', endings: ['xlsx'], type: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet' },
  txt: { label: 'TXT', endings: ['txt'], type: 'text/plain' },
  png: { label: 'PNG', endings: ['png'], type: 'image/png' },
  jpeg: { label: 'JPEG', endings: ['jpg', 'jpeg'], type: 'image/jpeg' },
  tiff: { label: 'TIFF', endings: ['tif', 'tiff'], type: 'image/tiff' },
  gif: { label: 'GIF', endings: ['gif'], type: 'image/gif' },
  webp: { label: 'WebP', endings: ['webp'], type: 'image/webp' },
} as const
export type DocumentKind = keyof typeof documentKinds
const Kind = z.enum(Object.keys(documentKinds) as [DocumentKind, ...DocumentKind[]])
const Digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('SHA-256 of the content')

export const Document = z.object({
  digest: Digest,
  name: z.string(),
  kind: Kind,
  kindLabel: z.string(),
  bytes: z.number().int(),
  at: Instant,
  by: z.string(),
  batch: z.object({ id: Id, no: z.string(), state: z.string(), stateLabel: z.string() }),
})
export type Document = z.infer<typeof Document>

const Upload = z.object({
  items: z.array(z.object({ name: z.string(), from: z.string().nullable().describe('What fills it; null: the accompanying table') })),
  files: z.number().int().describe('Files in one upload at most'),
  bytes: z.number().int().describe('Bytes of one file at most'),
})
export const documents = endpoint({
  method: 'GET',
  path: '/aggregation/entries/:id/documents',
  summary: 'Files that are the data of an entry, newest first',
  access: ['steward', 'leader', 'bureau', 'inspector'],
  params: IdParam,
  query: PageQuery.extend({ q: z.string().trim().max(100).optional().describe('Part of the name') }),
  response: page(Document).extend({
    holds: z.boolean().describe('The entry is registered as one of files'),
    upload: Upload.nullable().describe('Null: not by you'),
  }),
})

export const Taken = z.object({
  batch: z.object({ id: Id, no: z.string() }),
  files: z.array(
    z.object({
      name: z.string(),
      outcome: z
        .enum(['taken', 'known', 'same', 'refused'])
        .describe('known: its content was there already; same: as another of this upload'),
      text: z.string(),
      remedy: z.string().nullable(),
    }),
  ),
  notes: z.array(z.string()).describe('What of the accompanying table was not used'),
})
export type Taken = z.infer<typeof Taken>
/** Multipart: parts `file`, and at most one part `metadata`, a CSV or XLSX with a column 文件名 and columns named as items. */
export const sendDocuments = endpoint({
  method: 'POST',
  path: '/aggregation/entries/:id/documents',
  summary: 'Upload files as rows of an entry; each stands for itself, what is no good is named',
  access: ['steward'],
  params: IdParam,
  kind: 'multipart',
  response: Taken,
})
export const readDocument = endpoint({
  method: 'GET',
  path: '/aggregation/entries/:id/documents/:digest',
  summary: 'Download a file of an entry; recorded',
  access: ['steward', 'leader', 'bureau', 'inspector'],
  params: IdParam.extend({ digest: Digest }),
  kind: 'stream',
})
