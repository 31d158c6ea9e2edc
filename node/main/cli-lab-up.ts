import { existsSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { planContainers, type Images } from '../../topology/lab/container-plan.ts'
import type { Lab } from '../../topology/lab/lab.ts'
import { EXIT, UsageError, type CommandContext } from './cli-command.ts'
import { loadLab } from './lab-file.ts'
import { labOption } from './lab-options.ts'
import { EXPANDED } from './lab-outcome.ts'
import { loadPlayable, playLab } from './lab-play.ts'
import { COMPOSE_FILE, composeText, KEYS, projectIn } from './lab/container-folder.ts'
import { ContainerHousing } from './lab/container-housing.ts'
import { Compose } from './lab/docker.ts'
import { RealMesh } from './lab/real-mesh.ts'

const BANYAN_IMAGE = 'banyan-mcp'
const NATS_IMAGE = 'nats:2-alpine'

/** Nodes have the rights of who runs the lab, where there are users: their keys are for nobody else. */
function imagesOf(context: CommandContext): Images {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()]
  return {
    banyan: labOption(context, 'image') ?? BANYAN_IMAGE,
    nats: NATS_IMAGE,
    user: uid === undefined ? undefined : `${uid}:${gid}`,
  }
}

/** The compose project of the lab in a folder: always the same for the same folder. */
function projectOf(lab: string, folder: string): string {
  return `banyan-${lab}-${basename(resolve(folder))}`.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '-')
}

/** `banyan lab up`: runs a lab in containers, in real time, and leaves them running. */
export async function upLab(context: CommandContext, file: string): Promise<number> {
  if (labOption(context, 'print') !== undefined) return printLab(context, file)
  const images = imagesOf(context)
  const stays = labOption(context, 'down') === undefined
  let housing: ContainerHousing | undefined
  return playLab(context, file, {
    way: 'up',
    housing: ({ lab }, folder) => {
      housing = new ContainerHousing({ lab, folder, images, project: projectOf(lab.name, folder) })
      return housing
    },
    over: ({ folder }) => {
      if (housing === undefined || !stays) return
      housing.stays = true
      context.stderr.write(`the containers go on; end them: banyan lab down ${folder}\n`)
    },
  })
}

async function printLab(context: CommandContext, file: string): Promise<number> {
  const { lab } = await loadPlayable(context, file)
  const images = imagesOf(context)
  const out = labOption(context, 'out')
  if (out !== undefined) await writeOut(lab, images, out)
  context.stdout.write(composeText(lab, planContainers(lab), images))
  return EXIT.ok
}

/** Writes everything a person needs to start it by hand. */
async function writeOut(lab: Lab, images: Images, folder: string): Promise<void> {
  const housing = new ContainerHousing({
    lab,
    folder,
    images,
    project: projectOf(lab.name, folder),
  })
  const mesh = new RealMesh(lab, { folder, housing }, () => undefined)
  try {
    await mesh.prepare()
  } finally {
    await mesh.close()
  }
}

/** `banyan lab down`: ends the containers of a run, or of all runs of a file. */
export async function downLab(context: CommandContext, what: string): Promise<number> {
  for (const folder of await foldersOf(context, what)) {
    const compose = await Compose.find(await projectIn(folder))
    await compose.down(join(folder, COMPOSE_FILE))
    // Of a run they are not kept for anybody to find; what "--print" wrote can be started again.
    if (existsSync(join(folder, EXPANDED))) {
      await rm(join(folder, KEYS), { recursive: true, force: true })
    }
    context.stdout.write(`${folder}: no containers any more\n`)
  }
  return EXIT.ok
}

async function foldersOf(context: CommandContext, what: string): Promise<readonly string[]> {
  if (!existsSync(what)) throw new UsageError(`${what}: there is no such file or folder`)
  if ((await stat(what)).isDirectory()) {
    if (existsSync(join(what, COMPOSE_FILE))) return [what]
    throw new UsageError(`${what}: no folder that "lab up" made`)
  }
  const { lab } = await loadLab(what)
  const parent = join(labOption(context, 'out') ?? 'runs', lab.name)
  const leaves = existsSync(parent) ? await readdir(parent) : []
  const folders = leaves
    .filter((leaf) => leaf !== 'latest')
    .map((leaf) => join(parent, leaf))
    .filter((folder) => existsSync(join(folder, KEYS)))
  if (folders.length === 0) throw new UsageError(`${parent}: nothing runs there in containers`)
  return folders
}
