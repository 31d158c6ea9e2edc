import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import {
  composeData,
  type ContainerPlan,
  type Images,
} from '../../../topology/lab/container-plan.ts'
import type { Lab } from '../../../topology/lab/lab.ts'
import { holderPlan } from './holder-plan.ts'

/** docker-compose 1.29 reads YAML 1.1, in which `1000:50` is a number. */
const FOR_COMPOSE = { version: '1.1', aliasDuplicateObjects: false, lineWidth: 0 } as const

/** The compose file in the folder of a lab. */
export const COMPOSE_FILE = 'compose.yaml'

/** The file in which both kinds of compose look for the name of a project. */
const ENV_FILE = '.env'
const PROJECT = 'COMPOSE_PROJECT_NAME'

/** Folder of the state of each node: keys are in it. */
export const KEYS = 'keys'

/** The compose file of a lab as text for people. */
export function composeText(lab: Lab, plan: ContainerPlan, images: Images): string {
  const head = `# The lab "${lab.name}": ${lab.nodes.size} nodes, ${plan.buses.size} buses, ${lab.links.length} links, made by banyan lab up.
#
# All containers share the network of "lab" (network_mode), as processes of one machine share its loopback: nodes take plain
# HTTP from the loopback alone, and so the same configurations and ports hold as for "banyan lab run". "lab" runs the proxies
# that links are, and the servers of tools. From outside, the ports of "lab" lead to the listeners of the nodes:
${doorLines(plan)}
# It needs the folders lab, nodes and keys beside it: banyan lab up FILE --print --out DIR writes them.
`
  return `${head}${stringify(composeData(plan, images), FOR_COMPOSE)}`
}

function doorLines({ nodes }: ContainerPlan): string {
  return [...nodes]
    .map(([id, { door, adminDoor }]) => {
      return `#   ${id}: docker compose port lab ${door} for clients (/mcp/main), ${adminDoor} for operators\n`
    })
    .join('')
    .trimEnd()
}

/** Name of the compose project of a folder. @throws Error when there is none */
export async function projectIn(folder: string): Promise<string> {
  const file = join(folder, ENV_FILE)
  const text = await readFile(file, 'utf8')
  const [, project] = new RegExp(`^${PROJECT}=(\\S+)$`, 'm').exec(text) ?? []
  if (project === undefined) throw new Error(`${file}: there is no ${PROJECT}`)
  return project
}

/** What the folder of a lab is written from. */
export interface ContainerParts {
  readonly lab: Lab
  readonly images: Images
  /** Name of the compose project. */
  readonly project: string
}

/** Writes what containers find in the folder of a lab, except the configurations of nodes. */
export async function writeContainerFolder(
  folder: string,
  plan: ContainerPlan,
  { lab, images, project }: ContainerParts,
): Promise<void> {
  // The engine would make what is missing, as the wrong user.
  await mkdir(join(folder, 'lab'), { recursive: true })
  for (const id of lab.nodes.keys()) {
    await mkdir(join(folder, 'nodes', id), { recursive: true })
    await mkdir(join(folder, KEYS, id), { recursive: true, mode: 0o700 })
  }
  const holder = `${JSON.stringify(holderPlan(lab, plan), null, 2)}\n`
  await writeFile(join(folder, 'lab', 'plan.json'), holder)
  await writeFile(join(folder, ENV_FILE), `${PROJECT}=${project}\n`)
  await writeFile(join(folder, COMPOSE_FILE), composeText(lab, plan, images))
}
