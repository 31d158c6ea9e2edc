import type { LabLink } from '../../../topology/lab/lab.ts'
import { SeededRandom } from '../../../topology/sim/random.ts'
import type { Weather } from './lane.ts'

const PROXY_SEED = 0x6a09e667

type Windy = Pick<LabLink, 'latency' | 'jitter' | 'dist' | 'loss'>

/** How messages go over each link; of one seed always the same. */
export function weathersOf<T extends Windy>(
  links: readonly T[],
  seed: number,
): readonly (readonly [T, Weather])[] {
  const random = new SeededRandom(seed ^ PROXY_SEED)
  return links.map((link) => {
    const { latency, jitter, dist, loss } = link
    const own = random.fork()
    return [link, { latency, jitter, dist, loss, random: () => own.next() }] as const
  })
}
