// `banyan trace` in this process.
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { runCli } from '../../../node/main/cli-frame.ts'
import { traceCommand } from '../../../node/main/cli-trace.ts'
import { sourcesOf } from './sources.ts'

export interface Told {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs it, and gives what it wrote. */
export async function runTrace(...args: readonly string[]): Promise<Told> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const streams = [text(stdout), text(stderr)] as const
  const code = await runCli(['trace', ...args], {
    commands: sourcesOf(traceCommand),
    version: '1.2.3',
    stdin: stdin.end(),
    stdout,
    stderr,
    isTTY: false,
    colour: false,
    signal: new AbortController().signal,
  })
  stdout.end()
  stderr.end()
  const [out, err] = await Promise.all(streams)
  return { code, out, err }
}
