const alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY'

/** 统一社会信用代码 (GB 32100-2015): what is wrong with it, or null. Case does not matter. */
export function creditCodeFault(text: string): string | null {
  const code = text.trim().toUpperCase()
  if (code.length !== 18) return `应为 18 位，现在是 ${code.length} 位`
  if (!/^[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}$/.test(code)) return '含有不允许的字符（不用 I、O、S、V、Z）'
  let sum = 0
  for (let i = 0, weight = 1; i < 17; i++, weight = (weight * 3) % 31) sum += alphabet.indexOf(code[i]!) * weight
  const check = alphabet[(31 - (sum % 31)) % 31]
  return check === code[17] ? null : `校验位不符，末位应为 ${check}`
}
