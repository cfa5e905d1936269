import { useEffect, useRef, useState } from 'react'
import { useRead } from '../app/query.ts'
import { Drop } from '../ui/Drop.tsx'
import { Mark } from '../ui/Light.tsx'
import { ledgerHead } from './contract.ts'
import type { Verdict } from './evidence.ts'
import { Part, Title } from './parts.tsx'

// The arithmetic of signatures comes after the page; once it is here, the network may go.
const judging = () => import('./evidence.ts')

/** Whether a data package is what was delivered. Judged here: the files do not leave the browser. */
export function Verify() {
  const [files, setFiles] = useState<File[]>([])
  const [verdict, setVerdict] = useState<Verdict | null>(null)
  const head = useRead(ledgerHead)
  const input = useRef<HTMLInputElement>(null)
  const settled = !head.isPending
  const keys = head.data?.keys

  // A file of the same name takes the place of the one before.
  const take = (list: FileList | null) => {
    const added = [...(list ?? [])]
    setFiles(old => [...old.filter(f => !added.some(a => a.name === f.name)), ...added])
  }
  useEffect(() => void judging().catch(() => {}), [])
  useEffect(() => {
    setVerdict(null)
    if (!files.length || !settled) return
    let stale = false
    const show = (v: Verdict) => {
      if (!stale) setVerdict(v)
    }
    const failed = (text: string, next: string) => () => show({ hue: 'red', title: '没有核对成', findings: [{ holds: false, text, next }] })
    judging().then(
      ({ judgeFiles }) =>
        judgeFiles(files, keys?.map(k => k.hash) ?? []).then(
          show,
          failed('浏览器没有读到文件的内容。', '文件可能已移走，或者是文件夹，请重新选择。'),
        ),
      failed('核对用的程序没有载入。', '请检查网络，刷新页面后重试；没有网络的，用下面的命令。'),
    )
    return () => {
      stale = true
    }
  }, [files, settled, keys])

  return (
    <div className="wrap">
      <div className="head">
        <Title area="验证">验证数据包</Title>
        <p className="lead">核对一个数据包是不是本平台交付的、交付以后有没有改动。在您的浏览器里核对，文件不会上传。</p>
      </div>
      <div className="sheet">
        <Part id="files" title="文件">
          <Drop onFiles={take}>
            <p className="acts still">
              <button type="button" className="ht-btn solid" onClick={() => input.current?.click()}>
                选择文件
              </button>
              {files.length > 0 && (
                <button type="button" className="ht-btn" onClick={() => setFiles([])}>
                  重新开始
                </button>
              )}
            </p>
            <p>也可以拖到这里：整个数据包（ZIP），或证据文件（.evidence.json）和数据文件。每个不超过 200 MB。</p>
            {files.length > 0 && <p>已选：{files.map(f => f.name).join('、')}</p>}
            <input
              ref={input}
              type="file"
              multiple
              hidden
              aria-label="数据包、证据文件或数据文件"
              onChange={event => {
                take(event.target.files)
                event.target.value = ''
              }}
            />
          </Drop>
        </Part>
        <Part id="result" title="结果">
          <div aria-live="polite">
            {!files.length && <p>还没有选择文件。</p>}
            {files.length > 0 && !verdict && <p>正在核对…</p>}
            {verdict && (
              <>
                <p className={`ht-note ${verdict.hue}`}>
                  <b>{verdict.title}</b>
                </p>
                <ul className="findings">
                  {verdict.findings.map(finding => (
                    <li key={finding.text}>
                      <div>
                        <Holds of={finding.holds} />
                      </div>
                      <div>
                        <p>{finding.text}</p>
                        {finding.next && <p>{finding.next}</p>}
                      </div>
                    </li>
                  ))}
                </ul>
              </>
            )}
          </div>
        </Part>
        <Part id="offline" title="离线核验">
          <div className="prose">
            <p>
              在装有本平台程序的机器上，不用联网也不用数据库：<code>./huitong verify 数据包.zip</code>
            </p>
            {keys?.[0] && (
              <p>
                加 <code>--key</code> 和本平台第 1 号密钥的摘要，程序会核对是不是本平台签的：
                <code style={{ overflowWrap: 'anywhere' }}>{keys[0].hash}</code>
              </p>
            )}
          </div>
        </Part>
      </div>
    </div>
  )
}

function Holds({ of }: { of: boolean | null }) {
  if (of === null)
    return (
      <Mark hue="grey" shape="○">
        未核对
      </Mark>
    )
  return of ? (
    <Mark hue="green" shape="✓">
      成立
    </Mark>
  ) : (
    <Mark hue="red" shape="■">
      不成立
    </Mark>
  )
}
