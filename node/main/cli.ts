#!/usr/bin/env node
// What an old Node cannot read must not be loaded before it was told so: hence the import below.
import { runtimeProblem } from './cli-runtime.ts'

/** The reader has gone, as in `banyan schema | head` or with its terminal: nothing went wrong. */
function expectReaderGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
}

process.stdout.on('error', (error) => {
  expectReaderGone(error)
  // What was started for that reader is stopped, as after Ctrl-C.
  process.emit('SIGTERM', 'SIGTERM')
})
process.stderr.on('error', expectReaderGone)

const problem = runtimeProblem(process.versions.node)
if (problem === undefined) await import('./cli-main.ts')
else {
  process.stderr.write(`${problem}\n`)
  process.exitCode = 2
}
