// Runs before the first paint: large text and high contrast as the visitor left them (cookie ht_display=large.high).
// A plain old script on purpose: browsers too old for the pages still read it and say so.
// biome-ignore lint/complexity/useArrowFunction: an arrow would be a syntax error exactly where the message is needed
;(function () {
  var root = document.documentElement
  var found = /(?:^|; )ht_display=([a-z.]+)/.exec(document.cookie)
  var kept = found ? found[1].split('.') : []
  if (kept[0] === 'large' || kept[0] === 'huge') root.setAttribute('data-size', kept[0])
  if (kept[1] === 'high') root.setAttribute('data-contrast', 'high')
  if (!('noModule' in document.createElement('script')) || !window.fetch || !window.Intl) {
    // biome-ignore lint/complexity/useArrowFunction: as above
    document.addEventListener('DOMContentLoaded', function () {
      document.body.innerHTML =
        '<h1>这个浏览器打不开本网站</h1><p>请使用 2021 年以后的 Chrome、Edge、Firefox、Safari，或 360、奇安信、QQ 浏览器的新版本（内核 90 及以上，极速模式）。</p>'
    })
  }
})()
