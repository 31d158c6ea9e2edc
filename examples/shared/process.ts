// A node as a process of its own, for checks that kill it.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../node/main/cli.ts', import.meta.url))

/** Runs `banyan up FILE`. Resolves when it is ready. @throws Error when it ends before */
export async function startProcess(file: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [CLI, 'up', file], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('ready')) return child
  }
  throw new Error(`the node of ${file} ended before it was ready`)
}

/** What a command came to. */
export interface Ran {
  readonly code: number
  readonly out: string
}

/** Runs `banyan` to its end; what it says of errors goes to standard error. */
export async function banyan(...args: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code: code ?? 1, out }
}
