import { openApiDocument } from '../openapi.ts'
import { generated } from './generated.ts'

export default async (args: string[]): Promise<number> =>
  generated('docs/openapi.json', `${JSON.stringify(await openApiDocument(), null, 2)}\n`, args)
