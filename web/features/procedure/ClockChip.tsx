import type { Clock } from '../../../contract/common.ts'
import { explainClock } from '../../ui/clock.ts'
import { dayOf, weekday } from '../../ui/format.ts'
import { Light, Mark } from '../../ui/Light.tsx'
import { citeWords, Pop } from '../../ui/Why.tsx'

/** A deadline on the page: press it and it explains itself day by day, with the article. */
export function ClockChip({
  clock,
  date = true,
  named = false,
}: {
  clock: Clock
  date?: boolean /** Several clocks stand side by side: say whose. */
  named?: boolean
}) {
  const today = dayOf(new Date())
  return (
    <Pop
      label={
        <>
          {named && <span className="ht-hint">{clock.debtor}</span>}
          <Light {...clock} date={date} />
        </>
      }
    >
      <p>
        <b>{clock.what}</b>
      </p>
      <p className="ht-ink2">由 {clock.debtor} 办理</p>
      {clock.strip.length > 0 && (
        <ol className="ht-strip" aria-label="逐日说明">
          {clock.strip.map(({ day, counts, note }) => (
            <li
              key={day}
              className={day === clock.due ? 'due' : counts ? 'counts' : undefined}
              title={`${day} 周${weekday(day)}${note ? ` ${note}` : ''}`}
              aria-label={`${Number(day.slice(5, 7))}月${Number(day.slice(8))}日 ${day === clock.due ? '到期' : counts ? '计入' : '不计'}${note ? ` ${note}` : ''}`}
              aria-current={day === today ? 'date' : undefined}
            >
              {Number(day.slice(8))}
              <b aria-hidden="true">{day === clock.due ? '▲' : counts ? '●' : '○'}</b>
            </li>
          ))}
        </ol>
      )}
      {clock.strip.length > 0 && <p className="ht-meta">● 计入 ○ 不计 ▲ 到期</p>}
      <p>{explainClock(clock, today).join('；')}。</p>
      <p className="ht-ink2">
        {clock.cite.text} 依据 {citeWords(clock.cite)}。
      </p>
      {clock.origin === 'platform' && (
        <p>
          <Mark hue="violet">平台约定，非法定</Mark>
        </p>
      )}
      {clock.inherited && (
        <p>
          <Mark hue="violet">继承自{clock.inherited}</Mark>
        </p>
      )}
      {clock.estimated && (
        <p>
          <Mark hue="violet">预估</Mark>
        </p>
      )}
    </Pop>
  )
}
