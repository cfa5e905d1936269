import type { Dataset } from './contract.ts'

export const addressOf = (of: Pick<Dataset, 'api'>) => new URL(of.api, location.origin).href

export const curl = (of: Pick<Dataset, 'api'>) => `curl '${addressOf(of)}?limit=100'`

/** Ready to run: each reads the whole data set page by page. */
export const samples = {
  curl: {
    label: 'curl',
    text: (of: Pick<Dataset, 'api'>) => `# 第一页，每页 100 行
${curl(of)}

# 下一页：把上一页回复里的 next 放进 after
curl -G '${addressOf(of)}' --data-urlencode 'limit=100' --data-urlencode 'after=…'`,
  },
  python: {
    label: 'Python',
    text: (of: Pick<Dataset, 'api'>) => `import json
from urllib.parse import urlencode
from urllib.request import urlopen

url = '${addressOf(of)}'
query = {'limit': 1000}
while True:
    with urlopen(url + '?' + urlencode(query)) as reply:
        page = json.load(reply)
    for row in page['rows']:
        print(row)
    if not page['next']:
        break
    query['after'] = page['next']`,
  },
  typescript: {
    label: 'TypeScript',
    text: (of: Pick<Dataset, 'api'>) => `const url = new URL('${addressOf(of)}')
url.searchParams.set('limit', '1000')
for (let next: string | null = ''; next !== null; ) {
  if (next) url.searchParams.set('after', next)
  const reply = await fetch(url)
  if (!reply.ok) throw new Error((await reply.json()).detail)
  const page = await reply.json()
  for (const row of page.rows) console.log(row)
  next = page.next
}`,
  },
} as const
export type Language = keyof typeof samples
