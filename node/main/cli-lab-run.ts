import type { CommandContext } from './cli-command.ts'
import { playLab } from './lab-play.ts'
import { ProcessHousing } from './lab/process-housing.ts'

/** `banyan lab run`: runs a lab with real processes, in real time. */
export async function runLab(context: CommandContext, file: string): Promise<number> {
  const housing = (_: unknown, folder: string): ProcessHousing => new ProcessHousing(folder)
  return playLab(context, file, { way: 'run', housing })
}
