import type { SourceKind } from '../../../../contract/connections.ts'
import { folder } from './folder.ts'
import { http } from './http.ts'
import { mysqlTables } from './mysql.ts'
import { postgres } from './postgres.ts'
import { sftp } from './sftp.ts'
import type { FileConnector, TableConnector } from './types.ts'

const tables: Partial<Record<SourceKind, TableConnector<any>>> = { postgres, mysql: mysqlTables }
const files: Partial<Record<SourceKind, FileConnector<any>>> = { folder, sftp, http }

/** The connector of a kind of table source; undefined for every other kind. */
export const tableConnector = (kind: SourceKind): TableConnector | undefined => tables[kind]
/** The connector of a kind whose deliveries are files fetched from elsewhere. */
export const fileConnector = (kind: SourceKind): FileConnector | undefined => files[kind]
