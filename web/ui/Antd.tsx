import { App, ConfigProvider } from 'antd'
import type { Locale } from 'antd/es/locale/index.js'
import words from 'antd/es/locale/zh_CN.js'
import dayjs from 'dayjs'
import 'dayjs/locale/zh-cn.js'
import type { ReactNode } from 'react'
import { antdTheme } from './tokens.ts'

dayjs.locale('zh-cn')

// The file is an ES module that calls itself CommonJS; the bundler gives the locale itself, the type checker expects a wrapper.
const zhCN = words as unknown as Locale
// Names of the two date buttons must equal the text they show, or speech users cannot press them.
const picker = { ...zhCN.DatePicker!, lang: { ...zhCN.DatePicker!.lang, yearSelect: '', monthSelect: '' } }
const locale = { ...zhCN, DatePicker: picker }

/** Pop-ups stand inside the sheet that opened them, so that they scroll with it, else inside the landmark <main>. */
const home = (trigger?: HTMLElement) =>
  trigger?.closest<HTMLElement>('.ant-drawer-body, .ant-modal-body') ?? document.querySelector<HTMLElement>('main') ?? document.body

/** Ant Design with our tokens. */
export function Antd({ children }: { children: ReactNode }) {
  return (
    <ConfigProvider locale={locale} theme={antdTheme} button={{ autoInsertSpace: false }} getPopupContainer={home}>
      <App component={false}>{children}</App>
    </ConfigProvider>
  )
}
