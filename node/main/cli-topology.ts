import { setTimeout as pause } from 'node:timers/promises'
import type { TopologyReport, WaysReport } from '../control/admin-mesh-models.ts'
import { ADMIN_OPTIONS, clientOf, type AdminClient } from './admin-client.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'
import { painter } from './cli-nodes.ts'
import { topologyDot, topologyText, waysText } from './cli-topology-text.ts'

/** Between two looks, ms. */
const WATCH_MS = 1_000
const CLEAR_SCREEN = '\u001B[2J\u001B[H'

type Show = (client: AdminClient) => Promise<string>

/** Shows something once, or again and again until told to stop. */
async function show(context: CommandContext, name: string, look: Show): Promise<number> {
  const { args, options, signal, stdout, isTTY } = context
  const [file, ...rest] = args
  if (rest.length > 0) throw new UsageError(`${name} takes one file`)
  const client = await clientOf(context, file)
  let last: string | undefined
  for (;;) {
    const text = await look(client)
    // What is no screen gets only what is new.
    if (text !== last) stdout.write(isTTY && options.has('watch') ? `${CLEAR_SCREEN}${text}` : text)
    last = text
    if (!options.has('watch') || signal.aborted) return EXIT.ok
    await pause(WATCH_MS, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return EXIT.ok
  }
}

const OPTIONS: Command['options'] = {
  ...ADMIN_OPTIONS,
  json: { type: 'boolean', summary: 'print one JSON document' },
  watch: { type: 'boolean', summary: 'show it again whenever it changes, until Ctrl-C' },
}

/** `banyan topology`: the mesh as a running node knows it. */
export const topologyCommand: Command = {
  name: 'topology',
  summary: 'show the mesh as a running node knows it: nodes, links, namespaces, the bus',
  usage: '(FILE | --url URL) [--key-file KEY] [--json | --dot] [--watch]',
  options: { ...OPTIONS, dot: { type: 'boolean', summary: 'print a graph for Graphviz' } },
  run: (context) => {
    const { options, colour } = context
    return show(context, 'topology', async (client) => {
      const report = await client.get<TopologyReport>('/topology')
      if (options.has('json')) return `${JSON.stringify(report, null, 2)}\n`
      return options.has('dot') ? topologyDot(report) : topologyText(report, painter(colour))
    })
  },
}

/** `banyan routes`: the ways a running node knows. */
export const routesCommand: Command = {
  name: 'routes',
  summary: 'show the ways a running node knows to each namespace, and why it takes which',
  usage: '(FILE | --url URL) [--key-file KEY] [--json] [--watch]',
  options: OPTIONS,
  run: (context) => {
    const { options, colour } = context
    return show(context, 'routes', async (client) => {
      const [ways, topology] = await Promise.all([
        client.get<WaysReport>('/topology/routes'),
        client.get<TopologyReport>('/topology'),
      ])
      if (options.has('json')) return `${JSON.stringify(ways, null, 2)}\n`
      return waysText(ways, topology, painter(colour))
    })
  },
}
