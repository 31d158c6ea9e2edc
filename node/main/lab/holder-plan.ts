import { busOf, type ContainerPlan } from '../../../topology/lab/container-plan.ts'
import type { Lab, LabLink } from '../../../topology/lab/lab.ts'
import { serversOf, type LabServer } from '../../../topology/lab/workload.ts'

type Wire = Pick<LabLink, 'latency' | 'jitter' | 'dist' | 'loss'>

/** A proxy of the loopback. */
interface PlannedWay {
  /** `from to` of a link, or `node` of a way to its bus. */
  readonly name: string
  readonly port: number
  /** Where it leads until it is told otherwise. */
  readonly target: number
}

/** What the container in whose network all are has to run. */
export interface HolderPlan {
  readonly seed: number
  readonly control: number
  readonly tools: { readonly port: number; readonly servers: readonly LabServer[] }
  readonly links: readonly (PlannedWay & Wire)[]
  readonly toBus: readonly PlannedWay[]
  /** What is reached from outside. */
  readonly doors: readonly { readonly port: number; readonly target: number }[]
}

/** The part of a plan that the holder carries out, as it is written into its file. */
export function holderPlan(lab: Lab, plan: ContainerPlan): HolderPlan {
  const nodes = [...plan.nodes]
  return {
    seed: lab.seed,
    control: plan.control,
    tools: { port: plan.tools, servers: [...lab.nodes.values()].flatMap(serversOf) },
    links: lab.links.map(({ from, to, latency, jitter, dist, loss }) => {
      const name = `${from} ${to}`
      const [port, target] = [plan.links.get(name) ?? 0, plan.nodes.get(to)?.listen ?? 0]
      return { name, port, target, latency, jitter, dist, loss }
    }),
    toBus: nodes.flatMap(([name, { toBus }]) => {
      const target = plan.buses.get(busOf(lab, name) ?? '')
      return toBus === undefined || target === undefined ? [] : [{ name, port: toBus, target }]
    }),
    doors: nodes.flatMap(([, { listen, admin, door, adminDoor }]) => [
      { port: door, target: listen },
      { port: adminDoor, target: admin },
    ]),
  }
}
