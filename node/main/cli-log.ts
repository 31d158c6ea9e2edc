import type { LogLevel } from '../core/logger.ts'
import { UsageError, type CommandContext, type OptionSpec } from './cli-command.ts'

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']

/** What is logged unless the command line says otherwise. */
const DEFAULT_LEVEL: LogLevel = 'warn'

/** The option `--log` of commands that run a node. */
export const LOG_OPTION: OptionSpec = {
  type: 'string',
  value: 'LEVEL',
  summary: `log to standard error: ${LEVELS.join(', ')} (default: ${DEFAULT_LEVEL})`,
}

/** The level given with `--log`. @throws UsageError when there is none of that name */
export function logLevel({ options }: CommandContext): LogLevel {
  const given = options.text('log')
  if (given === undefined) return DEFAULT_LEVEL
  const level = LEVELS.find((name) => name === given)
  if (level === undefined) throw new UsageError(`--log takes one of ${LEVELS.join(', ')}`)
  return level
}
