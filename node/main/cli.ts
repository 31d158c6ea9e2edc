#!/usr/bin/env node
import { mayColour } from '../core/config.ts'
import { checkCommand } from './cli-check.ts'
import { runCli } from './cli-frame.ts'
import { schemaCommand } from './cli-schema.ts'
import { packageVersion } from './cli-version.ts'

const COMMANDS = [checkCommand, schemaCommand]

const interrupt = new AbortController()
// Once: whoever asks a second time wants the process gone.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupt.abort())
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader has gone, as in `banyan schema | head`: nothing is left to do, and nothing went wrong.
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

// Absent, and not false, when the output is a pipe or a file.
const isTTY = process.stdout.isTTY ?? false

// The exit code, and not an exit: what was written to a pipe must still drain.
process.exitCode = await runCli(process.argv.slice(2), {
  commands: COMMANDS,
  version: packageVersion(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  isTTY,
  colour: mayColour(isTTY),
  signal: interrupt.signal,
})
