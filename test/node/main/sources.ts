import type { Command } from '../../../node/main/cli-command.ts'
import type { CommandSource } from '../../../node/main/cli-frame.ts'

/** Commands as the program has them, which are loaded already. */
export function sourcesOf(...commands: readonly Command[]): readonly CommandSource[] {
  return commands.map((command) => ({
    name: command.name,
    load: () => Promise.resolve(command),
  }))
}
