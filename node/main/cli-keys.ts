import { MEMORY_STATE } from '../core/config.ts'
import { loadConfigFile } from '../core/config-file.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { Keys } from '../identity/keys.ts'
import { openKeys } from '../identity/minting.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'

const PURPOSES = ['sts', 'client', 'result'] as const
type Purpose = (typeof PURPOSES)[number]

function purposeOf(given: string): Purpose {
  const known = PURPOSES.find((purpose) => purpose === given)
  if (known === undefined) throw new UsageError(`"${given}" is not one of ${PURPOSES.join(', ')}`)
  return known
}

function dateOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString()
}

function print(keys: Keys, { stdout, options }: CommandContext): void {
  const rings = PURPOSES.map((purpose) => ({ purpose, keys: keys.ring(purpose).states() }))
  if (options.has('json')) {
    stdout.write(`${JSON.stringify(rings)}\n`)
    return
  }
  for (const { purpose, keys: states } of rings) {
    for (const { kid, state, usedFrom } of states) {
      stdout.write(`${purpose.padEnd(7)} ${state.padEnd(8)} ${kid}  from ${dateOf(usedFrom)}\n`)
    }
  }
}

function checkState({ node }: NodeConfig, file: string): void {
  if (node.state !== MEMORY_STATE) return
  throw new Error(`${file}: node.state is "memory", so the keys are with the running node alone`)
}

/** `banyan keys`: shows the keys of a node, lets new ones take over, and removes those that leaked. A running node follows. */
export const keysCommand: Command = {
  name: 'keys',
  summary: 'show the keys of a node, rotate them, remove one that leaked; a running node follows',
  usage: 'FILE [--rotate PURPOSE] [--remove KID] [--json]',
  options: {
    rotate: {
      type: 'string',
      value: 'PURPOSE',
      summary: `let a new key take over: ${PURPOSES.join(', ')}; it is published 15 minutes ahead`,
    },
    remove: { type: 'string', value: 'KID', summary: 'distrust a key at once' },
    json: { type: 'boolean', summary: 'print JSON' },
  },
  async run(context) {
    const [file] = context.args
    const { options } = context
    if (file === undefined) throw new UsageError('a file is missing')
    const [rotate, remove] = [options.text('rotate'), options.text('remove')]
    const purpose = rotate === undefined ? undefined : purposeOf(rotate)
    const { config } = await loadConfigFile(file)
    checkState(config, file)
    const keys = await openKeys(config, config.node.state)
    try {
      if (purpose !== undefined) await keys.ring(purpose).rotate()
      if (remove !== undefined) {
        const found = await Promise.all(PURPOSES.map((one) => keys.ring(one).remove(remove)))
        if (!found.includes(true)) throw new Error(`there is no key "${remove}"`)
      }
      print(keys, context)
      return EXIT.ok
    } finally {
      keys.close()
    }
  },
}
