/** What direct access has to state, where the place wants it. */
export const statements = { dataName: '数据名称', purpose: '使用用途', duty: '履职依据' } as const

/** What people write around the name of a thing they ask for. */
const around = /^(提供|提交|出具)|(（[^）]*）|电子|原件|复印件|证明(材料)?|材料|信息|数据|记录|清单|名册|名录)$/

/** The thing itself: 结婚登记证明原件 and 结婚登记信息 are the same. Pure. */
export function core(name: string): string {
  let text = name.replace(/\s/g, '')
  for (let next = text.replace(around, ''); next !== text && next.length >= 2; next = text.replace(around, '')) text = next
  return text
}

/** The entry that already holds what a material proves, if the platform has one. A name of two characters says too little to be part of another. */
export function obtainable<E extends { title: string }>(material: string, entries: E[]): E | undefined {
  const wanted = core(material)
  return (
    entries.find(e => core(e.title) === wanted) ??
    entries.find(e => {
      const have = core(e.title)
      return Math.min(have.length, wanted.length) >= 3 && (have.includes(wanted) || wanted.includes(have))
    })
  )
}
