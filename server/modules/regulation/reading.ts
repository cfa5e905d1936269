import { askedWords, procedureWho, roleWords, stepWords, timesWords, topicWords } from './describe.ts'
import { adoptedBy, continuedWords } from './law.ts'
import type { Loaded } from './load.ts'
import { citeOf, statusLabels, statusOf } from './resolve.ts'
import { type Topic, topicSchemas } from './schema.ts'
import { law } from './state.ts'
import { timeText } from './words.ts'

export const summary = (r: Loaded, day: string) => {
  const status = statusOf(r, day)
  return {
    id: r.id,
    title: r.title,
    short: r.short,
    document: r.document,
    issued: r.issued,
    from: r.effective.from,
    until: r.effective.until,
    status,
    statusLabel: statusLabels[status],
    version: r.version,
    regions: [...law().regions.values()].flatMap(region =>
      adoptedBy(law(), region.code, day)
        .filter(a => a.regulation.id === r.id)
        .map(a => ({ code: region.code, name: region.name, note: a.continued ? continuedWords(a.continued) : null })),
    ),
  }
}

/** A regulation read as rules: validity, roles, words, every parameter of every topic, every step of every procedure. */
export const detail = (r: Loaded, day: string, topicLabels: Record<Topic, string>) => ({
  ...summary(r, day),
  note: r.effective.note,
  validity: r.effective.cite ? citeOf(r, { cite: r.effective.cite, text: r.effective.text ?? '' }) : null,
  basis: r.basis,
  interpreter: r.interpreter ?? null,
  repeals: r.repeals,
  prevails: r.prevails ? citeOf(r, r.prevails) : null,
  roles: Object.entries(r.roles).map(([key, label]) => ({ key, label })),
  terms: (['share-types', 'open-types'] as const).flatMap(topic => {
    const t = r.topics[topic]
    return t
      ? [
          {
            key: topic,
            label: topicLabels[topic],
            values: Object.entries(t.values).map(([key, label]) => ({ key, label })),
            cite: citeOf(r, t),
          },
        ]
      : []
  }),
  rules: (Object.keys(topicSchemas) as Topic[]).flatMap(topic => {
    const t = r.topics[topic]
    return t ? [{ topic, label: topicLabels[topic] ?? topic, text: t.text, words: topicWords(r, topic, t), cite: citeOf(r, t) }] : []
  }),
  limits: Object.entries(r.limits).map(([clock, limit]) => ({
    clock,
    label: limit.label,
    time: timeText(limit.within),
    cite: citeOf(r, limit),
  })),
  procedures: Object.entries(r.procedures).map(([key, p]) => ({
    key,
    label: p.label,
    text: p.text,
    who: procedureWho(r, p),
    requires: askedWords(r, law().regulations.get('platform'), p.requires),
    cite: citeOf(r, p),
    steps: Object.entries(p.steps).map(([name, s]) => {
      const words = stepWords(r, p, name, s, law().regulations.get('platform'))
      return {
        name,
        label: s.label,
        by: s.by.roles.map(role => roleWords(r, role)),
        all: s.by.all,
        time: timesWords(words),
        times: words.times,
        extend: words.extend,
        actions: words.actions,
        cite: citeOf(r, { cite: s.cite ?? p.cite, text: s.text ?? p.text }),
      }
    }),
    ends: Object.values(p.ends).map(e => e.label),
  })),
})
