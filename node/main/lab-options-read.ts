import { parseDuration } from '../core/units.ts'
import { UsageError, type CommandContext } from './cli-command.ts'
import { labOption } from './lab-options.ts'

const DEFAULT_LIMIT = '10m'

/** The seed a text gives. @throws UsageError when it is none */
export function readSeed(text: string): number {
  const seed = Number(text)
  if (!/^[0-9]+$/.test(text) || seed >= 2 ** 32) {
    throw new UsageError(`--seed ${text}: write a whole number below ${2 ** 32}`)
  }
  return seed
}

/** Most real time of a run, ms. @throws UsageError when the option is no time */
export function readTimeLimit(context: Pick<CommandContext, 'options'>): number {
  const read = parseDuration(labOption(context, 'time-limit') ?? DEFAULT_LIMIT)
  if (!read.ok) throw new UsageError(`--time-limit: ${read.message}`)
  return read.value
}
