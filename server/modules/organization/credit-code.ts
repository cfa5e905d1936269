const alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY'
const weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]

/** Check character of the first 17 characters of a 统一社会信用代码 (GB 32100-2015). */
export function creditCheck(value: string): string {
  let sum = 0
  for (let i = 0; i < 17; i++) sum += alphabet.indexOf(value[i]!) * weights[i]!
  return alphabet[(31 - (sum % 31)) % 31]!
}

/** What is wrong with a 统一社会信用代码, or null. Case does not matter. */
export function creditCodeFault(text: string): string | null {
  const code = text.trim().toUpperCase()
  if (code.length !== 18) return `应为 18 位，现在是 ${code.length} 位`
  if (!/^[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}$/.test(code)) return '含有不允许的字符（不用 I、O、S、V、Z）'
  const check = creditCheck(code)
  return check === code[17] ? null : `校验位不符，末位应为 ${check}`
}
