import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../..')

const children = new Set<ReturnType<typeof spawn>>()

/** Runs a JavaScript or TypeScript file with this Node in the project, showing its output; resolves with its exit code. */
export function runNode(args: string[], env: Record<string, string> = {}): Promise<number> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'inherit'] })
    children.add(child)
    child.on('error', fail)
    child.on('exit', (code, signal) => {
      children.delete(child)
      done(code ?? (signal ? 130 : 1))
    })
  })
}

export const stopChildren = () => {
  for (const child of children) child.kill('SIGTERM')
}

/** Programs of the packages we use, by their file: .bin links are missing on some systems. */
export const programs = {
  tsc: 'node_modules/typescript/bin/tsc',
  biome: 'node_modules/@biomejs/biome/bin/biome',
  vite: 'node_modules/vite/bin/vite.js',
  kyselyCodegen: 'node_modules/kysely-codegen/dist/cli/bin.js',
}
