// The program: commands, signals, streams. `cli.ts` loads it.
import { mayColour } from '../core/config.ts'
import { callCommand } from './cli-call.ts'
import { checkCommand } from './cli-check.ts'
import { runCli } from './cli-frame.ts'
import { explainCommand } from './cli-explain.ts'
import { gossipCommand } from './cli-gossip.ts'
import { keysCommand } from './cli-keys.ts'
import { labCommand } from './cli-lab.ts'
import { listCommand } from './cli-list.ts'
import { memberCommand } from './cli-member.ts'
import { pinCommand } from './cli-pin.ts'
import { schemaCommand } from './cli-schema.ts'
import { serveCommand } from './cli-serve.ts'
import { statusCommand } from './cli-status.ts'
import { tokenCommand } from './cli-token.ts'
import { probeCommand } from './cli-probe.ts'
import { routesCommand, topologyCommand } from './cli-topology.ts'
import { traceCommand } from './cli-trace.ts'
import { trustCommand } from './cli-trust.ts'
import { upCommand } from './cli-up.ts'
import { packageVersion } from './cli-version.ts'

const COMMANDS = [
  upCommand,
  serveCommand,
  statusCommand,
  listCommand,
  callCommand,
  checkCommand,
  explainCommand,
  topologyCommand,
  routesCommand,
  probeCommand,
  traceCommand,
  tokenCommand,
  keysCommand,
  pinCommand,
  trustCommand,
  memberCommand,
  gossipCommand,
  labCommand,
  schemaCommand,
]

const interrupt = new AbortController()
// Once: whoever asks a second time wants the process gone.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupt.abort())
}

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
  onHangup: (listener) => {
    process.on('SIGHUP', listener)
    return () => process.off('SIGHUP', listener)
  },
})
