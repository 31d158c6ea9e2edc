// Random scripts: what a caller asks and is told while things it may not see come, go, change and are used.
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ACTS, perform, Watch, type Act } from './acts.ts'
import { capture } from './captures.ts'
import { Prober, probesOf, titleOf, type Probe } from './probes.ts'
import { World, type Hops } from './two-worlds.ts'

/** One step of a script. */
type Step = { readonly act: Act } | { readonly ask: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ act: fc.constantFrom(...ACTS) }),
  fc.record({ ask: fc.nat() }),
)

let count = 0

describe.each([1, 2] as const)('behind %i nodes', (hops: Hops) => {
  let worlds: readonly World[] = []
  let probes: readonly Probe[]
  let probers: readonly Prober[]

  beforeAll(async () => {
    const secret = await World.start(hops, true)
    worlds = [secret, await World.start(hops, false)]
    probes = probesOf(await capture(secret))
    probers = worlds.map((world) => new Prober(world, 'guest'))
  }, 60_000)

  afterAll(async () => {
    for (const world of worlds) await world.close()
  })

  /** Runs a script in both worlds; gives what differs, and what was told in each. */
  async function run(steps: readonly Step[]): Promise<readonly unknown[]> {
    const watches = await Promise.all(worlds.map((world) => Watch.open(world)))
    const differing: unknown[] = []
    let told = 0
    for (const one of [...steps, { act: 'open tool' }, { act: 'open touch' }] as const) {
      if ('ask' in one) {
        const probe = probes[one.ask % probes.length] as Probe
        const [seen, other] = await Promise.all(probers.map((prober) => prober.ask(probe)))
        if (JSON.stringify(seen) !== JSON.stringify(other)) {
          differing.push({ probe: titleOf(probe), seen, other })
        }
        continue
      }
      count += 1
      const effects = await Promise.all(worlds.map((world) => perform(world, one.act, count)))
      if (effects[0] === undefined) continue
      told += 1
      await Promise.all(watches.map((watch) => watch.reach(told)))
    }
    const heard = watches.map((watch) => watch.heard)
    for (const watch of watches) watch.close()
    for (const stream of heard.flat()) expect(stream).toHaveLength(told)
    expect(heard[0]).toEqual(heard[1])
    return differing
  }

  test('every answer and every notification is the same with and without what is hidden', async () => {
    const script = fc.array(step, { minLength: 4, maxLength: 16 })
    await fc.assert(
      fc.asyncProperty(script, async (steps) => {
        expect(await run(steps)).toEqual([])
      }),
      { numRuns: hops === 1 ? 12 : 6, endOnFailure: true },
    )
  }, 120_000)
})
