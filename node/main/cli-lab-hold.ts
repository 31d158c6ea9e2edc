import { readText } from '../core/config-file.ts'
import { EXIT, type CommandContext } from './cli-command.ts'
import type { HolderPlan } from './lab/holder-plan.ts'
import { Holder } from './lab/holder.ts'

/** `banyan lab hold`: what the container "lab" of a lab does, until it is ended. The file is one that "lab up" writes. */
export async function holdLab({ signal, stderr }: CommandContext, file: string): Promise<number> {
  const holder = await Holder.open(JSON.parse(await readText(file)) as HolderPlan)
  stderr.write('links and tools are there\n')
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await holder.close()
  return EXIT.ok
}
