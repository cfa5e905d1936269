import { App, Button, Modal } from 'antd'
import { useState } from 'react'
import type { Source } from '../../../contract/aggregation.ts'
import { issuePushKey, type PushKey, pushPage, revokePushKey, rotatePushKey, setPushIps } from '../../../contract/push.ts'
import { problemOf } from '../../app/api.ts'
import { useAct, useRead } from '../../app/query.ts'
import { Line, SideForm } from '../../app/SideForm.tsx'
import { useMay } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { moment } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Facts, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'

/** What the developers of a pushing system need: address, keys, fields, examples that run. */
export function PushSheet({ of: source }: { of: Source }) {
  const load = useRead(pushPage, { params: { id: source.id } })
  const may = useMay(issuePushKey)
  const { message, modal } = App.useApp()
  const [asking, setAsking] = useState<'new' | PushKey | null>(null)
  const [shown, setShown] = useState<string | null>(null)
  const [example, setExample] = useState(0)
  const refused = (error: unknown) => {
    const problem = problemOf(error)
    modal.error({ title: problem.detail, content: problem.remedy, okText: '返回' })
  }
  const rotate = useAct(rotatePushKey, made => setShown(made.key))
  const revoke = useAct(revokePushKey, () => message.success('密钥已停用'))
  const confirm = (title: string, content: string, go: () => void) =>
    modal.confirm({ title, content, okText: '确定', cancelText: '先不办', onOk: go })
  return (
    <Loaded load={load}>
      {page => (
        <>
          <Sheet
            title="推送密钥"
            acts={
              may && (
                <Button type="primary" onClick={() => setAsking('new')}>
                  生成密钥
                </Button>
              )
            }
          >
            <DataTable
              name="推送密钥"
              rows={page.keys}
              rowKey={row => row.id}
              empty={<Nothing>还没有密钥。给每个推送的系统各生成一个，停用时互不影响。</Nothing>}
              columns={[
                {
                  title: '系统',
                  head: true,
                  cell: row => (
                    <>
                      {row.name} {row.revoked && <Mark hue="grey">已停用</Mark>}
                      <div className="ht-meta">
                        {row.by} {moment(row.created)} 生成
                      </div>
                    </>
                  ),
                },
                { title: '可用地址', cell: row => (row.ips.length ? row.ips.join('、') : '不限') },
                { title: '最近使用', narrow: true, keep: true, cell: row => (row.used ? moment(row.used) : '还没有') },
                {
                  title: '操作',
                  narrow: true,
                  cell: row =>
                    may && !row.revoked ? (
                      <span className="row">
                        <Button
                          size="small"
                          onClick={() =>
                            confirm('更换密钥', '原来的密钥立刻失效，正在用它的系统要换上新的。', () =>
                              rotate.mutate({ params: { id: row.id } }, { onError: refused }),
                            )
                          }
                        >
                          更换
                        </Button>
                        <Button size="small" onClick={() => setAsking(row)}>
                          限定地址
                        </Button>
                        <Button
                          size="small"
                          danger
                          onClick={() =>
                            confirm('停用密钥', `「${row.name}」的下一次推送会被拒绝，已入库的数据不受影响。`, () =>
                              revoke.mutate({ params: { id: row.id } }, { onError: refused }),
                            )
                          }
                        >
                          停用
                        </Button>
                      </span>
                    ) : (
                      '—'
                    ),
                },
              ]}
            />
          </Sheet>
          <Sheet title="怎样推送" note="字段名用信息项的名称，就不用另外对应">
            <div className="stack">
              <Facts
                of={[
                  ['地址', <code key="u">{page.url}</code>],
                  ['内容', 'NDJSON、JSON 对象数组或 CSV，可以 gzip'],
                  ['不重复', '请求头 Idempotency-Key：同一份内容重发时不变，只入库一次'],
                  ['删除', page.deletes],
                  [
                    '字段',
                    <span key="f">
                      {page.fields.map((f, i) => (
                        <span key={f.key}>
                          {i > 0 && '，'}
                          {f.name}
                          <span className="ht-ink2">
                            （{[f.type, f.identifier && '标识', f.required && '必填'].filter(Boolean).join('、')}）
                          </span>
                        </span>
                      ))}
                    </span>,
                  ],
                ]}
              />
              <div className="row">
                <nav className="tabs flat" aria-label="示例">
                  {page.examples.map((one, i) => (
                    <a
                      key={one.label}
                      href={`#example-${i}`}
                      aria-current={i === example ? 'page' : undefined}
                      onClick={event => {
                        event.preventDefault()
                        setExample(i)
                      }}
                    >
                      {one.label}
                    </a>
                  ))}
                </nav>
                <Button className="push" onClick={() => copy(page.examples[example]!.code)}>
                  复制代码
                </Button>
              </div>
              <pre className="code" tabIndex={0} aria-label="示例代码">
                {page.examples[example]!.code}
              </pre>
            </div>
          </Sheet>
          {asking === 'new' && (
            <SideForm
              endpoint={issuePushKey}
              title="生成推送密钥"
              verb="生成"
              start={{ name: '', ips: '' }}
              params={{ id: source.id }}
              body={value => ({ name: value.name, ips: listed(value.ips) })}
              shut={() => setAsking(null)}
              done={made => setShown(made.key)}
            >
              {form => (
                <>
                  <Line form={form} at="/name" label="哪个系统" hint="写进每一笔记录" />
                  <Line
                    form={form}
                    at="/ips"
                    label="可用地址"
                    type="area"
                    required={false}
                    hint="每行一个 IP 或网段，如 10.1.0.0/16；不填则不限"
                  />
                </>
              )}
            </SideForm>
          )}
          {asking && asking !== 'new' && (
            <SideForm
              endpoint={setPushIps}
              title={`限定「${asking.name}」的地址`}
              verb="保存"
              start={{ ips: asking.ips.join('\n') }}
              params={{ id: asking.id }}
              body={value => ({ ips: listed(value.ips) })}
              shut={() => setAsking(null)}
            >
              {form => (
                <Line
                  form={form}
                  at="/ips"
                  label="可用地址"
                  type="area"
                  required={false}
                  hint="每行一个 IP 或网段，如 10.1.0.0/16；不填则不限"
                />
              )}
            </SideForm>
          )}
          {shown && (
            <Modal
              open
              title="推送密钥（只显示这一次）"
              width={640}
              mask={{ closable: false }}
              onCancel={() => setShown(null)}
              footer={
                <>
                  <Button onClick={() => copy(shown)}>复制密钥</Button>
                  <Button type="primary" onClick={() => setShown(null)}>
                    已保存，关闭
                  </Button>
                </>
              }
            >
              <p className="ht-note yellow">请现在存入推送系统的环境变量 HUITONG_PUSH_KEY。关闭后无法再看，只能更换。</p>
              <pre className="code" tabIndex={0} aria-label="密钥" data-testid="push-key">
                {shown}
              </pre>
            </Modal>
          )}
        </>
      )}
    </Loaded>
  )
}

const copy = (text: string) => void navigator.clipboard?.writeText(text)
const listed = (text: string) => text.split(/[\s,，、;；]+/).filter(Boolean)
