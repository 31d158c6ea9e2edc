import { hostEnvironment } from '../core/environment.ts'
import type { Environment } from '../core/config-substitution.ts'
import type { CommandContext } from './cli-command.ts'

/**
 * An option of the lab: as given, or else from the environment (`--time-limit` is `BANYAN_LAB_TIME_LIMIT`). One without a
 * value is there when its text is, and neither empty, 0 nor false.
 */
export function labOption(
  { options }: Pick<CommandContext, 'options'>,
  name: string,
  env: Environment = hostEnvironment(),
): string | undefined {
  if (options.has(name)) return options.text(name) ?? 'true'
  const value = env[`BANYAN_LAB_${name.replaceAll('-', '_').toUpperCase()}`]
  return value === '' || value === '0' || value === 'false' ? offOf(name, value) : value
}

/** `--seed 0` is a seed; for what is on or off it says off. */
function offOf(name: string, value: string): string | undefined {
  return name === 'seed' && value === '0' ? value : undefined
}
