import type { CommandContext } from './cli-command.ts'
import { playLab, type PlayWay } from './lab-play.ts'
import { ProcessHousing } from './lab/process-housing.ts'

const PROCESSES: PlayWay = {
  way: 'run',
  housing: (_, folder) => new ProcessHousing(folder),
}

/** `banyan lab run`: runs a lab with real processes, in real time. */
export async function runLab(context: CommandContext, file: string): Promise<number> {
  return playLab(context, file, PROCESSES)
}
