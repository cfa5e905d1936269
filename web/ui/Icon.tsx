const paths = {
  todo: 'M3 4.5l1.2 1.2L6.4 3.5M3 11.5l1.2 1.2 2.2-2.2M9 4.5h8M9 11.5h8M3 17h14',
  catalog: 'M4 3h9l3 3v11H4zM13 3v3h3M7 10h6M7 13.5h6',
  sources: 'M10 3v9M6.5 8.5L10 12l3.5-3.5M3 13v4h14v-4',
  batches: 'M3 5h14M3 10h14M3 15h9',
  find: 'M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM13 13l4 4',
  apply: 'M4 3h12v14H4zM7 7h6M7 10h6M7 13h3',
  answer: 'M3 4h14v9H9l-4 4v-4H3z',
  grants: 'M7 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM9.2 8.7L17 16.5M13.5 13l-2 2M16 15.5l-1.8 1.8',
  opening: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM3 10h14M10 3c4 4 4 10 0 14M10 3c-4 4-4 10 0 14',
  audit: 'M4 3h12v14H4zM7 7h6M7 10h2M11.5 12.5l1.3 1.3 2.4-2.6',
  people: 'M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 17c0-3.5 2.5-5 5.5-5s5.5 1.5 5.5 5M13 4a3 3 0 0 1 0 5.5M15 12.5c2 .6 3 2 3 4.5',
  rules: 'M10 3v14M5 17h10M4 6h12M4 6l-2 5h4zM16 6l-2 5h4z',
  me: 'M10 10a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3.5 17.5c0-4 3-5.5 6.5-5.5s6.5 1.5 6.5 5.5',
  cases: 'M3 5h5l2 2h7v9H3z',
} as const

export type IconName = keyof typeof paths

export function Icon({ name, box = 18 }: { name: IconName; box?: number }) {
  return (
    <svg
      viewBox="0 0 20 20"
      width={box}
      height={box}
      fill="none"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  )
}
