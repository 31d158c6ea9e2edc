// Starting and stopping the processes of a run: one role, one process.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { createInterface } from 'node:readline'

/** Time for a process to come up, and to go down before it is killed, in milliseconds. */
const START_MS = 30_000
const STOP_MS = 5_000

/** How much of a process's stderr is kept for the report of a failure. */
const KEPT_STDERR = 4_000

/** A process of the run. */
export interface Running {
  readonly name: string
  readonly pid: number
  readonly child: ChildProcess
  readonly url: string
  /** What it said last on stderr. */
  stderr(): string
  /** Ends it: gently, then by force. Safe to call twice. */
  stop(): Promise<void>
}

/** A program to start. */
export interface Program {
  readonly name: string
  readonly args: readonly string[]
  /** Finds the URL in what the program says first, by IPC message or by a JSON line on stdout; undefined to go on. */
  ready(said: unknown): string | undefined
}

const alive = new Set<ChildProcess>()
// A run that dies must not leave nodes behind: they do not watch their parent.
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** Starts a program on this very Node and resolves when it is ready; rejects, with its stderr, when it is not. */
export async function start(program: Program): Promise<Running> {
  const child = spawn(process.execPath, program.args, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'advanced',
  })
  alive.add(child)
  child.once('exit', () => alive.delete(child))
  let said = ''
  child.stderr?.on('data', (chunk: unknown) => {
    said = (said + String(chunk)).slice(-KEPT_STDERR)
  })
  const stop = (): Promise<void> => stopChild(child)
  try {
    const url = await readyUrl(child, program)
    const { pid = 0 } = child
    return { name: program.name, pid, child, url, stderr: () => said, stop }
  } catch (cause) {
    await stop()
    throw new Error(`${program.name} did not start\n${said}`, { cause })
  }
}

async function readyUrl(child: ChildProcess, program: Program): Promise<string> {
  const settled = new AbortController()
  const { signal } = settled
  const timer = setTimeout(() => settled.abort(new Error('not ready in time')), START_MS)
  try {
    return await new Promise<string>((resolve, reject) => {
      const hear = (said: unknown): void => {
        const url = program.ready(said)
        if (url !== undefined) resolve(url)
      }
      child.on('message', hear)
      if (child.stdout !== null) {
        createInterface({ input: child.stdout }).on('line', (line) => hear(jsonOf(line)))
      }
      signal.addEventListener('abort', () => reject(signal.reason as Error))
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`it ended with ${code}`)))
    })
  } finally {
    clearTimeout(timer)
  }
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line) as unknown
  } catch {
    return undefined
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await ended
  clearTimeout(timer)
}

function isReady(said: unknown): said is { url: string } {
  return typeof said === 'object' && said !== null && 'event' in said && 'url' in said
}

/** Starts a process of the bench itself; the arguments are those of role.ts, its file first. */
export function startRole(file: string, ...args: readonly string[]): Promise<Running> {
  return start({
    name: args[0] ?? file,
    args: [file, ...args],
    ready: (said) => (isReady(said) ? said.url : undefined),
  })
}
