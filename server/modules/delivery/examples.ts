import { isNumber, leaving, type OutgoingItem } from './projection.ts'

/** `aggregate`: the body of a call, where the grant has items for that. */
type Where = { tokenUrl: string; dataUrl: string; clientId: string; aggregate?: Ask | null }
type Ask = { by: string[]; sum?: string[]; only: boolean }
type Items = { items: OutgoingItem[]; keys: readonly string[] }

/** Group by the first item that is no number, add up the first number for aggregation. `only`: the grant gives nothing else. */
export function aggregateExample({ items, keys }: Items): Ask | null {
  const meant = items.filter(i => i.treatment === 'aggregate')
  if (!meant.length) return null
  // Each key is a group of its own, and so left out.
  const by = [...meant, ...items.filter(i => i.treatment === 'plain')].find(i => !isNumber(i) && !keys.includes(i.key))
  const sum = meant.find(isNumber)
  return { by: by ? [by.name] : [], ...(sum && { sum: [sum.name] }), only: !leaving(items).length }
}
/** An answer to it, made up. */
export function groupsExample(of: Items, least: number) {
  const ask = aggregateExample(of)!
  const groups = [52, 31].map((count, n) => ({
    by: Object.fromEntries(ask.by.map(name => [name, `示例值${n + 1}`])),
    count,
    ...(ask.sum && { sum: Object.fromEntries(ask.sum.map(name => [name, String(count * 100)])) }),
  }))
  return { groups: ask.by.length ? groups : groups.slice(0, 1), count: ask.by.length ? 2 : 1, hidden: ask.by.length ? 3 : 0, least }
}

/** Ready to run after the secret is put into the environment; the secret itself stands in no example. */
export const examples = (where: Where): { language: string; code: string }[] => [
  ...(where.aggregate?.only ? [] : rowsIn(where)),
  ...(where.aggregate ? groupsIn(where, where.aggregate) : []),
]
const rowsIn = ({ tokenUrl, dataUrl, clientId }: Where) => [
  {
    language: 'curl',
    code: `TOKEN=$(curl -s -u "${clientId}:$HUITONG_CLIENT_SECRET" -d grant_type=client_credentials ${tokenUrl} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
curl -s "${dataUrl}?limit=10" \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "x-huitong-operator: %E5%91%A8%E5%80%A9" \\
  -H "x-huitong-case: YW-2026-0001"`,
  },
  {
    language: 'Java',
    code: `var http = java.net.http.HttpClient.newHttpClient();
var basic = java.util.Base64.getEncoder().encodeToString(("${clientId}:" + System.getenv("HUITONG_CLIENT_SECRET")).getBytes());
var reply = http.send(java.net.http.HttpRequest.newBuilder(java.net.URI.create("${tokenUrl}"))
    .header("Authorization", "Basic " + basic).header("Content-Type", "application/x-www-form-urlencoded")
    .POST(java.net.http.HttpRequest.BodyPublishers.ofString("grant_type=client_credentials")).build(),
    java.net.http.HttpResponse.BodyHandlers.ofString()).body();
var token = reply.replaceAll(".*\\"access_token\\":\\"([^\\"]*)\\".*", "$1");
System.out.println(http.send(java.net.http.HttpRequest.newBuilder(java.net.URI.create("${dataUrl}?limit=10"))
    .header("Authorization", "Bearer " + token)
    .header("x-huitong-operator", java.net.URLEncoder.encode("周倩", java.nio.charset.StandardCharsets.UTF_8))
    .header("x-huitong-case", "YW-2026-0001").build(), java.net.http.HttpResponse.BodyHandlers.ofString()).body());`,
  },
  {
    language: 'Python',
    code: `import base64, json, os, urllib.parse, urllib.request
basic = base64.b64encode(f"${clientId}:{os.environ['HUITONG_CLIENT_SECRET']}".encode()).decode()
ask = urllib.request.Request("${tokenUrl}", b"grant_type=client_credentials", {"Authorization": f"Basic {basic}"})
token = json.load(urllib.request.urlopen(ask))["access_token"]
ask = urllib.request.Request("${dataUrl}?limit=10", headers={
    "Authorization": f"Bearer {token}",
    "x-huitong-operator": urllib.parse.quote("周倩"),
    "x-huitong-case": "YW-2026-0001"})
print(json.load(urllib.request.urlopen(ask))["rows"])`,
  },
  {
    language: 'TypeScript',
    code: `const basic = btoa(\`${clientId}:\${process.env.HUITONG_CLIENT_SECRET}\`)
const { access_token } = await fetch('${tokenUrl}', {
  method: 'POST',
  headers: { authorization: \`Basic \${basic}\` },
  body: new URLSearchParams({ grant_type: 'client_credentials' }),
}).then(reply => reply.json())
const { rows } = await fetch('${dataUrl}?limit=10', {
  headers: {
    authorization: \`Bearer \${access_token}\`,
    'x-huitong-operator': encodeURIComponent('周倩'),
    'x-huitong-case': 'YW-2026-0001',
  },
}).then(reply => reply.json())
console.log(rows)`,
  },
]

const groupsIn = ({ tokenUrl, dataUrl, clientId }: Where, { only, ...ask }: Ask) => {
  const body = JSON.stringify(ask)
  const language = (name: string) => (only ? name : `${name}（聚合）`)
  return [
    {
      language: language('curl'),
      code: `TOKEN=$(curl -s -u "${clientId}:$HUITONG_CLIENT_SECRET" -d grant_type=client_credentials ${tokenUrl} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
curl -s "${dataUrl}/aggregate" \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -H "x-huitong-operator: %E5%91%A8%E5%80%A9" \\
  -H "x-huitong-case: YW-2026-0001" \\
  --data-binary @- <<'END'
${body}
END`,
    },
    {
      language: language('Python'),
      code: `import base64, json, os, urllib.parse, urllib.request
basic = base64.b64encode(f"${clientId}:{os.environ['HUITONG_CLIENT_SECRET']}".encode()).decode()
ask = urllib.request.Request("${tokenUrl}", b"grant_type=client_credentials", {"Authorization": f"Basic {basic}"})
token = json.load(urllib.request.urlopen(ask))["access_token"]
ask = urllib.request.Request("${dataUrl}/aggregate", json.dumps(${body}).encode(), {
    "Authorization": f"Bearer {token}",
    "Content-Type": "application/json",
    "x-huitong-operator": urllib.parse.quote("周倩"),
    "x-huitong-case": "YW-2026-0001"})
print(json.load(urllib.request.urlopen(ask))["groups"])`,
    },
  ]
}
