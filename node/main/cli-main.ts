// The program: commands, signals, streams. `cli.ts` loads it.
import { mayColour } from '../core/environment.ts'
import { runCli, type CommandSource } from './cli-frame.ts'
import { packageVersion } from './cli-version.ts'

const COMMANDS: readonly CommandSource[] = [
  { name: 'up', load: async () => (await import('./cli-up.ts')).upCommand },
  { name: 'serve', load: async () => (await import('./cli-serve.ts')).serveCommand },
  { name: 'status', load: async () => (await import('./cli-status.ts')).statusCommand },
  { name: 'list', load: async () => (await import('./cli-list.ts')).listCommand },
  { name: 'call', load: async () => (await import('./cli-call.ts')).callCommand },
  { name: 'check', load: async () => (await import('./cli-check.ts')).checkCommand },
  { name: 'add', load: async () => (await import('./cli-add.ts')).addCommand },
  { name: 'explain', load: async () => (await import('./cli-explain.ts')).explainCommand },
  { name: 'topology', load: async () => (await import('./cli-topology.ts')).topologyCommand },
  { name: 'routes', load: async () => (await import('./cli-topology.ts')).routesCommand },
  { name: 'probe', load: async () => (await import('./cli-probe.ts')).probeCommand },
  { name: 'trace', load: async () => (await import('./cli-trace.ts')).traceCommand },
  { name: 'token', load: async () => (await import('./cli-token.ts')).tokenCommand },
  { name: 'keys', load: async () => (await import('./cli-keys.ts')).keysCommand },
  { name: 'pin', load: async () => (await import('./cli-pin.ts')).pinCommand },
  { name: 'trust', load: async () => (await import('./cli-trust.ts')).trustCommand },
  { name: 'member', load: async () => (await import('./cli-member.ts')).memberCommand },
  { name: 'gossip', load: async () => (await import('./cli-gossip.ts')).gossipCommand },
  { name: 'lab', load: async () => (await import('./cli-lab.ts')).labCommand },
  { name: 'schema', load: async () => (await import('./cli-schema.ts')).schemaCommand },
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
