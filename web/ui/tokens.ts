// Every colour, size and distance of the two front ends, once. `tokensCss` feeds the style sheets, `antdTheme` feeds Ant Design.
// The contrast of each text colour on each ground was calculated (WCAG 2): none is below 4.5, no border of a control below 3.
import type { ThemeConfig } from 'antd'

export const color = {
  card: '#FFFFFF',
  paper: '#F7F6F2',
  head: '#F0EEE7',
  sel: '#E6EFF0',
  ink: '#1D2428',
  ink2: '#4A5459',
  ink3: '#636B6D',
  brand: '#0F4C5C',
  'brand-hover': '#176377',
  'brand-active': '#0A3743',
  link: '#0B5F75',
  line: '#E2DED4',
  ctl: '#8A877C',
  focus: '#537D82',
  seal: '#A8321F',
} as const

/** A light is a text colour, a tint, a border and, in charts, a fill. Shape and words come with it, see Light.tsx. */
export const lights = {
  green: { text: '#1B6E3C', tint: '#E7F3EA', edge: '#9CCBAB', fill: '#2C8C6B' },
  yellow: { text: '#7A5200', tint: '#FFF3D1', edge: '#E0B75A', fill: '#F0B400' },
  red: { text: '#A61B2B', tint: '#FCEBEC', edge: '#E3A0A6', fill: '#9E1B32' },
  grey: { text: '#4A5459', tint: '#ECEAE3', edge: '#C9C5B9', fill: '#8A877C' },
  blue: { text: '#2B4C8C', tint: '#EAF0FA', edge: '#A9BDE3', fill: '#5B8DEF' },
  violet: { text: '#5B3E8C', tint: '#F1ECF8', edge: '#B9A5D6', fill: '#7444B4' },
} as const

export const font =
  'system-ui, -apple-system, "PingFang SC", "HarmonyOS Sans SC", "Microsoft YaHei UI", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "SimSun-ExtB", sans-serif'
export const mono = 'ui-monospace, Consolas, "Noto Sans Mono CJK SC", monospace'

const size = {
  meta: '12px/1.5',
  dense: '13px/1.5',
  body: '14px/1.6',
  portal: '16px/1.75',
  section: '18px/1.5',
  h1: '22px/1.4',
  'h1-portal': '28px/1.35',
} as const

export function tokensCss() {
  const lines = [
    ...Object.entries(color).map(([name, value]) => `--ht-${name}: ${value};`),
    ...Object.entries(lights).flatMap(([name, light]) => Object.entries(light).map(([part, value]) => `--ht-${name}-${part}: ${value};`)),
    ...Object.entries(size).flatMap(([name, value]) => {
      const [px, line] = value.split('/')
      return [`--ht-size-${name}: ${Number.parseInt(px!, 10) / 16}rem;`, `--ht-line-${name}: ${line};`]
    }),
    `--ht-font: ${font};`,
    `--ht-mono: ${mono};`,
    '--ht-radius: 4px;',
    '--ht-chip: 3px;',
    '--ht-pop: 0 4px 16px rgba(29, 36, 40, 0.14);',
  ]
  return `:root {\n  ${lines.join('\n  ')}\n}\n`
}

export const antdTheme: ThemeConfig = {
  cssVar: { prefix: 'ht', key: 'ht-antd' },
  hashed: false,
  token: {
    colorPrimary: color.brand,
    colorPrimaryHover: color['brand-hover'],
    colorPrimaryActive: color['brand-active'],
    colorPrimaryBg: color.sel,
    colorPrimaryBorder: color.focus,
    controlOutline: color.focus,
    controlOutlineWidth: 2,
    lineWidthFocus: 3,
    motion: false, // a button left its "loading" in the name it tells a screen reader when its motion was cut short
    colorLink: color.link,
    colorLinkHover: color['brand-active'],
    colorInfo: lights.blue.text,
    colorInfoBg: lights.blue.tint,
    colorSuccess: lights.green.text,
    colorSuccessBg: lights.green.tint,
    colorSuccessBorder: lights.green.edge,
    colorWarning: lights.yellow.text,
    colorWarningBg: lights.yellow.tint,
    colorWarningBorder: lights.yellow.edge,
    colorError: lights.red.text,
    colorErrorBg: lights.red.tint,
    colorErrorBorder: lights.red.edge,
    colorText: color.ink,
    colorTextHeading: color.ink,
    colorTextSecondary: color.ink2,
    colorTextLabel: color.ink2,
    colorTextTertiary: color.ink3,
    colorTextDescription: color.ink3,
    colorTextPlaceholder: color.ink3,
    colorIcon: color.ink3,
    colorTextDisabled: color.ctl,
    colorBgLayout: color.paper,
    colorFillAlter: color.head,
    colorBorder: color.ctl,
    colorBorderSecondary: color.line,
    colorSplit: color.line,
    fontFamily: font,
    fontSize: 14,
    lineHeight: 1.6, // antd would compute 1.27 at 30 px
    borderRadius: 4,
    controlHeight: 34,
  },
  components: {
    Button: { fontWeight: 500, primaryShadow: 'none', defaultShadow: 'none', dangerShadow: 'none' },
    DatePicker: { colorTextDisabled: color.ink3 },
    Drawer: { padding: 24 },
  },
}
