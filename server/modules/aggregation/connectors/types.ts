import type { z } from 'zod'
import type {
  Connection,
  FolderConnection,
  HttpConnection,
  MysqlConnection,
  PostgresConnection,
  SftpConnection,
} from '../../../../contract/connections.ts'

/** What a connection may reach; without it nothing that needs leave. */
export type Bounds = {
  /** The directory below which folders are watched. */
  folders: string | null
  /** Whether HTTP may go to this machine itself and to its link-local addresses, where clouds keep credentials. */
  local: boolean
}
/** A connection with its secrets opened. Never logged, never returned. */
export type Target = Connection & { bounds?: Bounds }
export type Database = z.infer<typeof PostgresConnection> | z.infer<typeof MysqlConnection>
export type Postgres = z.infer<typeof PostgresConnection>
export type Mysql = z.infer<typeof MysqlConnection>
export type Folder = z.infer<typeof FolderConnection> & { bounds?: Bounds }
export type Sftp = z.infer<typeof SftpConnection>
export type Http = z.infer<typeof HttpConnection> & { bounds?: Bounds }

const originOf = (url: string) => (URL.canParse(url) ? new URL(url).origin : '')
/** Whom the secrets of a connection are shown to. */
export const serverOf = (c: Target): string =>
  'host' in c ? `${c.host}:${c.port}` : c.kind === 'http' ? `${originOf(c.url)} ${originOf(c.tokenUrl)}` : ''

export type Column = { name: string; type: string; comment: string; key: boolean; nullable: boolean }
export type Table = { schema: string; table: string; rows: number | null; comment: string }
/** The beginning of a source, values as text, null as ''. */
export type Look = { columns: Column[]; rows: string[][]; estimate: number | null }

/** Up to where a source has been read, as its connector understands it; stored with the rows it covers. */
export type Position = Record<string, string | number | null>

/** A table on its way: CSV bytes without header (null bare, everything else quoted where needed), then the position they reach. */
export type Reading = { bytes(): AsyncIterable<Buffer>; position(): Position | null }

/** A database whose tables are read. Everything throws SourceDown. */
export type TableConnector<C extends Database = Database> = {
  label: string
  /** Proves that the connection works; `version` as the server states it. */
  tables(c: C): Promise<{ version: string; tables: Table[] }>
  look(c: C): Promise<Look>
  /**
   * One snapshot in any case. `cursor`: only rows from that value on (a little before it, since late commits may carry older values);
   * `snapshot`: the one that live capture begins with.
   */
  read(c: C, columns: string[], o: { cursor?: { column: string; from: string | null }; snapshot?: string }, signal?: AbortSignal): Reading
}

export type RemoteFile = { name: string; bytes: number | null /** Changes when the file does. */; stamp: string }
/** A place files are fetched from. Everything throws SourceDown. */
export type FileConnector<C extends Target = Target> = {
  label: string
  /** Files that match, oldest first; those still being written are left for the next time. */
  list(c: C, signal?: AbortSignal): Promise<RemoteFile[]>
  fetch(c: C, file: RemoteFile, signal?: AbortSignal): AsyncIterable<Buffer>
  /** What the place is known by from the first contact on, to be stored with the connection; null: known already. */
  identify?(c: C): Promise<Partial<C> | null>
}

export type Diagnosis = { code: string; text: string; remedy: string }
/** The source cannot be read; says why in words a person can act on. */
export class SourceDown extends Error {
  readonly diagnosis: Diagnosis
  constructor(diagnosis: Diagnosis) {
    super(diagnosis.text)
    this.diagnosis = diagnosis
  }
}
