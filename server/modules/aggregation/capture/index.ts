import type { SourceKind } from '../../../../contract/connections.ts'
import { mysqlCapture } from './mysql.ts'
import { postgresCapture } from './postgres.ts'
import type { CaptureConnector } from './types.ts'

const connectors: Partial<Record<SourceKind, CaptureConnector<any>>> = { postgres: postgresCapture, mysql: mysqlCapture }
/** Kinds of sources whose changes can be captured live. */
export const captureConnector = (kind: SourceKind): CaptureConnector | undefined => connectors[kind]
