import { Select } from 'antd'
import type { Cite } from '../../../contract/common.ts'
import { regions } from '../../../contract/organization.ts'
import { conformance, imports } from '../../../contract/regulation.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { useMay } from '../../app/session.ts'
import { citeWords, Why } from '../../ui/Why.tsx'

/** The pages of 法规, each with its own address. */
export function LawTabs({ here }: { here: string }) {
  const mayImport = useMay(imports)
  const mayProve = useMay(conformance)
  const tabs: [string, string, string, boolean][] = [
    ['list', '规定', at('/regulations'), true],
    ['places', '各地适用', at('/regulations', { tab: 'places' }), true],
    ['gates', '平台约定', at('/regulations', { tab: 'gates' }), true],
    ['compare', '两地比较', at('/regulations/compare'), true],
    ['conformance', '法规对照', at('/regulations/conformance'), mayProve],
    ['import', '导入', at('/regulations/import'), mayImport],
    ['calendar', '放假安排', at('/calendar'), true],
  ]
  return (
    <nav className="tabs" aria-label="法规">
      {tabs
        .filter(([, , , shown]) => shown)
        .map(([key, label, href]) => (
          <A key={key} href={href} aria-current={key === here ? 'page' : undefined}>
            {label}
          </A>
        ))}
    </nav>
  )
}

export const CiteCell = ({ cite, inherited }: { cite: Cite | null; inherited?: string | null }) =>
  cite ? (
    <>
      {citeWords(cite)}
      <Why cite={cite} inherited={inherited} />
    </>
  ) : (
    '—'
  )

export function RegionChoice({ label = '地区', value, choose }: { label?: string; value: string; choose: (code: string) => void }) {
  const places = useRead(regions)
  return (
    <label>
      <span>{label}</span>
      <Select
        aria-label={label}
        style={{ width: 190 }}
        showSearch={{ optionFilterProp: 'label' }}
        value={value || undefined}
        placeholder="选择地区"
        onChange={choose}
        options={places.data?.map(place => ({ value: place.code, label: place.name }))}
      />
    </label>
  )
}

/** A text file read in the browser: what goes to the server is its content, so that every problem can be shown beside it. */
export function TextFile({ label, hint, accept, read }: { label: string; hint: string; accept: string; read: (text: string) => void }) {
  return (
    <label className="ht-btn" style={{ cursor: 'pointer' }}>
      {label}
      <input
        type="file"
        accept={accept}
        className="ht-hide"
        aria-description={hint}
        onChange={async event => {
          const file = event.target.files?.[0]
          event.target.value = ''
          if (file) read(await file.text())
        }}
      />
    </label>
  )
}
