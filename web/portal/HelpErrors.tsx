import { errors } from '../../contract/errors.ts'
import { Part, Title, usePlace } from './parts.tsx'

/** Every problem document points here with its code as the fragment. */
export function HelpErrors() {
  usePlace()
  return (
    <div className="wrap">
      <div className="head">
        <Title area="帮助">错误代码</Title>
        <p className="lead">
          请求没有完成时，页面底部或接口回复里的 <code>code</code> 是下面的一个。回复是 RFC 9457 格式，<code>detail</code>{' '}
          写明这一次的原因，
          <code>remedy</code> 写明可以怎样办，有依据的带上法规和条款。
        </p>
      </div>
      <div className="sheet">
        {errors.map(({ area, label, codes }) => (
          <Part key={area} id={area} title={label}>
            <dl className="codes">
              {Object.entries(codes).map(([code, { is, do: remedy }]) => (
                <div key={code} id={code}>
                  <dt>
                    {is} <code>{code}</code>
                  </dt>
                  {remedy && <dd>{remedy}</dd>}
                </div>
              ))}
            </dl>
          </Part>
        ))}
      </div>
    </div>
  )
}
