import type { Listed } from '../../protocol/listing.ts'
import type { Registry } from '../control/registry.ts'
import { SILENT } from '../core/logger.ts'
import { baseUrlOf } from '../core/config-defaults.ts'
import { loadConfigFile } from '../core/config-file.ts'
import type { NodeConfig, UpstreamConfig } from '../core/config-types.ts'
import { PinFile } from '../core/pin-file.ts'
import { pinText } from '../hop/tool-pins.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'
import { painter } from './cli-nodes.ts'
import { changesText, compareTools, type PinChange, type Tools } from './cli-pin-changes.ts'
import { compose } from './compose.ts'

/** What upstreams offer now, by label. */
type Offered = ReadonlyMap<string, Tools>

/** A configuration of which only the upstreams in question are left, and nothing of them is held back by pins. */
function pinless(config: NodeConfig, labels: readonly string[]): NodeConfig {
  const upstreams = Object.create(null) as Record<string, UpstreamConfig>
  for (const [label, upstream] of Object.entries(config.upstreams)) {
    if (!labels.includes(label)) continue
    const { provenance, ...rest } = upstream
    upstreams[label] =
      provenance === undefined ? rest : { ...rest, provenance: { ...provenance, pin: 'off' } }
  }
  // The file of the audit belongs to the running node.
  return { ...config, upstreams, audit: 'off' }
}

/** Asks the upstreams what they offer, as the node would. @throws Error naming one that does not answer */
async function offered(config: NodeConfig, labels: readonly string[]): Promise<Offered> {
  const { registry, identity } = await compose(pinless(config, labels), SILENT)
  try {
    identity?.begin(baseUrlOf(config.node) ?? 'http://localhost')
    await registry.start()
    return new Map(labels.map((label) => [label, pinsOf(listedBy(registry, label))]))
  } finally {
    await registry.close()
    await identity?.close()
  }
}

function listedBy(registry: Registry, label: string): readonly Listed[] {
  const tools = registry.tools(label)
  if (tools !== undefined) return tools
  const status = registry.upstreamStatus().find((one) => one.label === label)
  throw new Error(`upstream "${label}" lists nothing: ${status?.problem ?? 'it does not answer'}`)
}

/** A tool that can be read in two ways cannot be pinned, and a node that pins refuses it. */
function pinsOf(tools: readonly Listed[]): Tools {
  return new Map(
    tools.flatMap((tool) => {
      const text = pinText(tool)
      return text === undefined ? [] : [[tool.name, text] as const]
    }),
  )
}

function labelsOf({ upstreams }: NodeConfig, file: string): readonly string[] {
  const labels = Object.entries(upstreams).flatMap(([label, { provenance }]) =>
    (provenance?.pin ?? 'off') === 'off' ? [] : [label],
  )
  if (labels.length > 0) return labels
  throw new Error(`${file}: no upstream has provenance.pin, so there is nothing to pin`)
}

/** The label and the tool of `LABEL/TOOL`; any tool for `LABEL/*`. */
function accepts(accepted: readonly string[], { label, tool }: PinChange): boolean {
  return accepted.includes(`${label}/${tool}`) || accepted.includes(`${label}/*`)
}

function checkAccepted(accepted: readonly string[], changes: readonly PinChange[]): void {
  const idle = accepted.find((one) => !changes.some((change) => accepts([one], change)))
  if (idle === undefined) return
  const known = changes.map(({ label, tool }) => `${label}/${tool}`).join(', ')
  const rest = known === '' ? 'nothing has changed' : `changed: ${known}`
  throw new Error(`there is nothing to accept for "${idle}"; ${rest}`)
}

/** What is pinned after the accepted changes: of an upstream nothing was pinned of, all. */
function renewed(
  before: Offered,
  now: Offered,
  accepted: readonly PinChange[],
): ReadonlyMap<string, Tools> {
  const next = new Map(before)
  for (const [label, tools] of now) {
    const old = before.get(label)
    const mine = new Map(old ?? tools)
    for (const { tool } of accepted.filter((change) => change.label === label)) {
      const text = tools.get(tool)
      if (text === undefined) mine.delete(tool)
      else mine.set(tool, text)
    }
    next.set(label, mine)
  }
  return next
}

function print(changes: readonly PinChange[], { stdout, options, colour }: CommandContext): void {
  const text = options.has('json')
    ? `${JSON.stringify(changes)}\n`
    : changesText(changes, painter(colour))
  stdout.write(text)
}

async function run(context: CommandContext): Promise<number> {
  const { args, options, stderr } = context
  const [file] = args
  if (file === undefined || args.length > 1) throw new UsageError('pin takes one file')
  const accepted = options.texts('accept')
  if (options.has('diff') && accepted.length > 0) throw new UsageError('--diff changes nothing')
  const { config } = await loadConfigFile(file)
  const labels = labelsOf(config, file)
  const pins = new PinFile(config.node.pins)
  const [before, now] = [await pins.read(), await offered(config, labels)]
  const changes = compareTools(before, now)
  if (options.has('diff')) {
    print(changes, context)
    return changes.length === 0 ? EXIT.ok : EXIT.failed
  }
  checkAccepted(accepted, changes)
  const taken = changes.filter((change) => accepts(accepted, change))
  await pins.write(renewed(before, now, taken))
  const left = changes.filter((change) => !taken.includes(change))
  print(left, context)
  const tools = [...now.values()].reduce((sum, one) => sum + one.size, 0)
  stderr.write(`${pins.path}: ${tools - left.length} of ${tools} tools as they are now\n`)
  return left.length === 0 ? EXIT.ok : EXIT.failed
}

/** `banyan pin`: writes down what tools are said to be, tells what changed since, and accepts changes. */
export const pinCommand: Command = {
  name: 'pin',
  summary:
    'write down the tools of upstreams with provenance.pin, show what changed since, accept it',
  usage: 'FILE [--diff | --accept LABEL/TOOL...] [--json]',
  options: {
    diff: {
      type: 'boolean',
      summary: 'show what changed and write nothing; exits with 1 if anything did',
    },
    accept: {
      type: 'string',
      multiple: true,
      value: 'LABEL/TOOL',
      summary: 'take the tool of an upstream as it is now, or LABEL/* all; a running node follows',
    },
    json: { type: 'boolean', summary: 'print what changed as JSON' },
  },
  run,
}
