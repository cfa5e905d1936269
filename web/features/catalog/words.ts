import { vocabulary } from '../../../contract/regulation.ts'
import { useRead } from '../../app/query.ts'

/** The words of a region's regulation: 不予 or 暂不, 普遍 or 无条件, what needs a basis. */
export const useWords = (region: string) => useRead(vocabulary, { params: { code: region } }).data
