#!/usr/bin/env node
// What an old Node cannot read must not be loaded before it was told so: hence the import below.
import { runtimeProblem } from './cli-runtime.ts'

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader has gone, as in `banyan schema | head` or with its terminal: nothing is left to do, nothing went wrong.
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
  process.exit()
})

const problem = runtimeProblem(process.versions.node)
if (problem === undefined) await import('./cli-main.ts')
else {
  process.stderr.write(`${problem}\n`)
  process.exitCode = 2
}
