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

/** Ant Design with our tokens. Pop-ups are put into <main>, so that they stand inside a landmark. */
export function Antd({ children }: { children: ReactNode }) {
  return (
    <ConfigProvider
      virtual={false}
      locale={locale}
      theme={antdTheme}
      button={{ autoInsertSpace: false }}
      getPopupContainer={() => document.querySelector<HTMLElement>('main') ?? document.body}
    >
      <App component={false}>{children}</App>
    </ConfigProvider>
  )
}
