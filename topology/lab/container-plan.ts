import type { Lab } from './lab.ts'

/** The first port given away; below those that systems give to whoever connects. */
const FIRST_PORT = 10_000
const LAST_PORT = 32_767

/** Ports of one node, all in the network the containers of a lab share. */
export interface NodePlan {
  /** Where it listens for callers and for operators, on the loopback. */
  readonly listen: number
  readonly admin: number
  /** Where the same is reached from outside the network. */
  readonly door: number
  readonly adminDoor: number
  /** Where its way to its bus begins; undefined when it has none. */
  readonly toBus: number | undefined
}

/** Who listens where when a lab is run in containers: always the same for the same file. */
export interface ContainerPlan {
  /** Where whoever runs the schedule says what links do. */
  readonly control: number
  readonly tools: number
  /** By name. */
  readonly buses: ReadonlyMap<string, number>
  readonly nodes: ReadonlyMap<string, NodePlan>
  /** Where each link begins, by `from to`. */
  readonly links: ReadonlyMap<string, number>
}

/** The bus of each node, by its name. */
export function busOf({ nodes, organisations }: Lab, node: string): string | undefined {
  return organisations.get(nodes.get(node)?.organisation ?? '')?.gossip
}

/** The buses that have nodes. */
export function busesOf(lab: Lab): ReadonlySet<string> {
  return new Set([...lab.nodes.keys()].flatMap((node) => busOf(lab, node) ?? []))
}

/**
 * Gives a port to all that listens.
 *
 * @throws RangeError when there are not as many
 */
export function planContainers(lab: Lab): ContainerPlan {
  let last = FIRST_PORT - 1
  const next = (): number => {
    last += 1
    if (last > LAST_PORT) {
      throw new RangeError(`there are not enough ports for ${lab.nodes.size} nodes`)
    }
    return last
  }
  const [control, tools] = [next(), next()]
  const buses = new Map([...busesOf(lab)].map((bus) => [bus, next()]))
  const nodes = new Map<string, NodePlan>()
  for (const id of lab.nodes.keys()) {
    const toBus = busOf(lab, id) === undefined ? undefined : next()
    const [listen, admin, door, adminDoor] = [next(), next(), next(), next()]
    nodes.set(id, { listen, admin, door, adminDoor, toBus })
  }
  const links = new Map(lab.links.map(({ from, to }) => [`${from} ${to}`, next()]))
  return { control, tools, buses, nodes, links }
}

/** What the containers are made from. */
export interface Images {
  readonly banyan: string
  readonly nats: string
  /** `uid:gid` that nodes run as, so that they may read their keys; undefined: that of the image. */
  readonly user: string | undefined
}

type Data = Readonly<Record<string, unknown>>

/** The service in whose network all others are. */
export const HOLDER = 'lab'

/** The services of a node and of a bus are called so; neither can have the name of the holder. */
export function serviceOf(kind: 'node' | 'bus', name: string): string {
  return `${kind}-${name}`
}

/** As careful operators run it. */
const CAREFUL = {
  read_only: true,
  init: true,
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges'],
} as const

/** The data of a compose file for docker-compose 1.29 and compose v2, beside which configurations are. */
export function composeData(plan: ContainerPlan, images: Images): Data {
  const nodes = [...plan.nodes].map(([id, node]) => {
    return [serviceOf('node', id), nodeService(id, node, images)] as const
  })
  const buses = [...plan.buses].map(([bus, port]) => {
    return [serviceOf('bus', bus), busService(port, images)] as const
  })
  return {
    services: {
      [HOLDER]: holderService(plan, images),
      ...Object.fromEntries(buses),
      ...Object.fromEntries(nodes),
    },
  }
}

function userOf({ user }: Images): Data {
  return user === undefined ? {} : { user }
}

function holderService({ control, nodes }: ContainerPlan, images: Images): Data {
  const doors = [...nodes.values()].flatMap(({ door, adminDoor }) => [door, adminDoor])
  return {
    image: images.banyan,
    command: ['lab', 'hold', '/etc/banyan/plan.json'],
    ...userOf(images),
    ...CAREFUL,
    healthcheck: { disable: true },
    ports: [control, ...doors].map((port) => `127.0.0.1::${port}`),
    volumes: ['./lab:/etc/banyan:ro'],
  }
}

function busService(port: number, { nats }: Images): Data {
  return {
    image: nats,
    command: ['-a', '127.0.0.1', '-p', String(port)],
    network_mode: `service:${HOLDER}`,
    depends_on: [HOLDER],
  }
}

function nodeService(id: string, { listen }: NodePlan, images: Images): Data {
  return {
    image: images.banyan,
    command: ['up', '/etc/banyan/banyan.yaml', '--json', '--log', 'info'],
    ...userOf(images),
    ...CAREFUL,
    environment: { BANYAN_HEALTH: `http://127.0.0.1:${listen}/healthz` },
    network_mode: `service:${HOLDER}`,
    depends_on: [HOLDER],
    volumes: [`./nodes/${id}:/etc/banyan:ro`, `./keys/${id}:/var/lib/banyan`],
  }
}
