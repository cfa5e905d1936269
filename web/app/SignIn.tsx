import { App, Button, Input } from 'antd'
import { useEffect, useState } from 'react'
import { setupState, signIn } from '../../contract/organization.ts'
import { Field, Summary } from '../ui/Field.tsx'
import { useForm } from '../ui/form.ts'
import { WordMark } from '../ui/WordMark.tsx'
import { call, setCsrf } from './api.ts'
import { useRead } from './query.ts'
import { Setup } from './Setup.tsx'

export function SignIn({ again = false, onDone }: { again?: boolean; onDone: () => unknown }) {
  const form = useForm({ username: '', password: '' })
  const [busy, setBusy] = useState(false)
  const { message } = App.useApp()
  const setup = useRead(setupState)
  useEffect(() => {
    if (!again) document.title = '登录 · 汇通'
  }, [again])

  return (
    <div className="door">
      <header className="left">
        <WordMark box={40} />
        <div>
          <h1>政务数据共享开放平台</h1>
          <ol>
            <li>目录：有什么，谁提供，能给谁</li>
            <li>汇聚：每一行都有来处，拒收有理由</li>
            <li>共享：谁决定、几天、依据哪一条</li>
            <li>开放：过关才开，开了任何人可取</li>
            <li>留痕：每一次取用都可核验</li>
          </ol>
        </div>
        <p className="ht-hint">
          <a href="/">公共数据开放门户</a>
        </p>
      </header>
      <main className="right">
        {setup.data?.open ? (
          <Setup
            onDone={() => {
              message.success('已建立三位管理员，请登录')
              setup.refetch()
            }}
          />
        ) : (
          <form
            className="form"
            noValidate
            onSubmit={async event => {
              event.preventDefault()
              if (!form.complete()) return
              setBusy(true)
              try {
                const session = await call(signIn, { body: form.value })
                setCsrf(session.csrf)
                await onDone()
              } catch (error) {
                form.refused(error)
              } finally {
                setBusy(false)
              }
            }}
          >
            <h2>{again ? '登录已过期，请重新登录' : '登录工作台'}</h2>
            {again && <p className="ht-ink2">页面上填写的内容还在，登录后继续。</p>}
            <Summary form={form} />
            <Field form={form} at="/username" label="用户名" required>
              {({ labelledby: _, onChange, ...control }) => (
                <Input
                  {...control}
                  size="large"
                  autoComplete="username"
                  autoCapitalize="none"
                  onChange={event => onChange(event.target.value)}
                />
              )}
            </Field>
            <Field form={form} at="/password" label="密码" required>
              {({ labelledby: _, onChange, ...control }) => (
                <Input.Password
                  {...control}
                  size="large"
                  autoComplete="current-password"
                  onChange={event => onChange(event.target.value)}
                />
              )}
            </Field>
            <Button type="primary" size="large" htmlType="submit" block loading={busy}>
              {busy ? '正在登录…' : '登录'}
            </Button>
          </form>
        )}
      </main>
    </div>
  )
}
