import { Link } from '@tanstack/react-router'
import { Part, Title, usePlace } from './parts.tsx'

export function Help() {
  usePlace()
  return (
    <div className="wrap">
      <div className="head">
        <Title area="帮助">帮助</Title>
        <p className="lead">怎样找到、看懂、取用和引用这里的数据。</p>
      </div>
      <div className="sheet help">
        <Part id="find" title="找数据">
          <div className="prose">
            <p>
              在首页或「数据」页输入名称、信息项或部门，边写边出结果。左边可以按主题、地区、部门和更新周期缩小范围，数字是每项下的数据集个数。
            </p>
            <p>网址记住了全部条件，可以收藏，也可以发给别人。</p>
          </div>
        </Part>
        <Part id="read" title="看懂数据集页">
          <div className="prose">
            <p>
              <b>开放类型</b> 分三种：○ 直接取用，◐ 申请后取用，● 不开放。各地叫法不同，页面用当地法规的叫法，点旁边的圆圈可以看依据哪一条。
            </p>
            <p>
              <b>更新</b> ● 表示按更新周期如期更新，■ 表示已经超过周期还没有更新。
            </p>
            <p>
              <b>填充率</b> 是有值的行所占的比例，<b>不同值</b> 是出现过多少种值，都按当前全部数据行计算。
            </p>
            <p>
              <b>脱敏</b> 的信息项隐去了一部分内容，例如只保留姓氏。
            </p>
          </div>
        </Part>
        <Part id="download" title="下载">
          <div className="prose">
            <p>CSV 用 UTF-8 编码并带标记，Excel 可以直接打开；XLSX 里长数字是文本，不会丢末几位；JSON 是数据行的列表。</p>
            <p>为了不让表格软件把内容当公式执行，CSV 和 XLSX 里以等号、加号、减号或 @ 开头的文字前面会加一个单引号。</p>
          </div>
        </Part>
        <Part id="api" title="用程序调用">
          <div className="prose">
            <p>
              每个可以下载的数据集都有接口，不需要密钥。地址、参数、可以直接试的请求和代码示例在「<Link to="/apis">接口</Link>
              」页，每个接口另有 OpenAPI 文档。
            </p>
            <p>
              请求没有成功时，回复是 <code>application/problem+json</code>，其中 <code>code</code> 的意思见{' '}
              <Link to="/help/errors">错误代码</Link>。
            </p>
          </div>
        </Part>
        <Part id="cite" title="注明来源">
          <div className="prose">
            <p>使用时请注明提供部门、数据集名称、版本和获取日期。数据集页的「引用」已经写好，复制即可。</p>
            <p>不要把加工后的结果说成部门发布的原始数据。</p>
          </div>
        </Part>
        <Part id="closed" title="为什么不开放">
          <div className="prose">
            <p>涉及国家秘密、商业秘密、个人隐私，或法律另有规定的内容不开放。有的数据集只少几项，页面列出不开放的项和理由。</p>
            <p>
              各地怎样分类、由谁决定，见「<Link to="/regulations">法规</Link>」。
            </p>
          </div>
        </Part>
        <Part id="display" title="大字与键盘">
          <div className="prose">
            <p>页面右上角可以换大字、特大字和高对比，下次打开仍然有效。</p>
            <p>所有内容都能用键盘操作：Tab 走到下一处，Enter 打开；打开页面后第一次按 Tab 可以跳过栏目直接到正文。</p>
            <p>
              更多见 <Link to="/accessibility">无障碍声明</Link>。
            </p>
          </div>
        </Part>
      </div>
    </div>
  )
}

export function Accessibility() {
  return (
    <div className="wrap">
      <div className="head">
        <Title area="帮助">无障碍声明</Title>
        <p className="lead">本网站以 WCAG 2.2 AA 和 GB/T 37668 二级为目标。</p>
      </div>
      <div className="sheet help">
        <Part id="done" title="已经做到">
          <ul className="list">
            <li>文字与底色的对比度不低于 4.5，控件边框不低于 3；颜色之外总有形状和文字。</li>
            <li>标准、大字、特大字三档，正文最大 30 像素；高对比为黑字白底。选择保存在本机。</li>
            <li>全部内容可用键盘到达，焦点看得见；打开新页面时焦点在标题上。</li>
            <li>表格是真正的表格，有表头和行名；宽表在有名称的区域里滚动，第一列不动。</li>
            <li>宽度 320 像素的屏幕不需要左右滚动；触摸目标不小于 44 像素，大字时 60 像素。</li>
            <li>没有弹窗、自动播放、闪烁、时间限制和图片验证码。</li>
          </ul>
        </Part>
        <Part id="open" title="还没做到">
          <ul className="list">
            <li>没有自带朗读；请使用系统或浏览器的朗读功能。</li>
            <li>下载的文件由各部门的数据生成，其中的文字未必都容易读懂。</li>
            <li>没有手语和盲文版本。</li>
          </ul>
        </Part>
        <Part id="checked" title="怎样检查">
          <div className="prose">
            <p>
              用 axe 在 1366 和 390 像素宽、标准与大字两种字号下检查过每个页面，没有发现问题。自动检查只能发现一部分问题，欢迎指出其余的。
            </p>
          </div>
        </Part>
        <Part id="tell" title="遇到困难">
          <div className="prose">
            <p>请用页面底部的联系方式告诉我们：哪个页面、用什么设备和软件、卡在哪里。</p>
          </div>
        </Part>
      </div>
    </div>
  )
}
