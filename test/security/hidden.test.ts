// The leak hunt: callers who may not see something try everything to learn that it is there. Two worlds are built alike but for
// what is hidden, asked the same, and must answer the same.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { capture, type Captures } from './captures.ts'
import { Prober, probesOf, titleOf, type Probe, type Seen } from './probes.ts'
import { World, type Hops } from './two-worlds.ts'

const AT_ONCE = 8

describe.each([1, 2] as const)('behind %i nodes', (hops: Hops) => {
  let worlds: readonly [World, World]
  let found: Captures
  let probes: readonly Probe[]

  beforeAll(async () => {
    worlds = [await World.start(hops, true), await World.start(hops, false)]
    found = await capture(worlds[0])
    probes = probesOf(found)
  }, 60_000)

  afterAll(async () => {
    for (const world of worlds) await world.close()
  })

  test('there is something to find', () => {
    expect(found.tools.length).toBeGreaterThan(10)
    for (const all of [found.prompts, found.uris, found.templates, found.skills, found.cursors]) {
      expect(all.length).toBeGreaterThan(0)
    }
    expect(found.tasks.every((id) => id.length > 40)).toBe(true)
    expect(found.events).toHaveLength(2)
    expect(found.state.length).toBeGreaterThan(20)
  })

  test.each(['guest', 'blind'])(
    '%s is told the same with and without it',
    async (name) => {
      const [one, other] = worlds.map((world) => new Prober(world, name)) as [Prober, Prober]
      const leaks: { readonly probe: string; readonly seen: readonly [Seen, Seen] }[] = []
      for (let from = 0; from < probes.length; from += AT_ONCE) {
        const asked = probes.slice(from, from + AT_ONCE).map(async (probe) => {
          const seen = await Promise.all([one.ask(probe), other.ask(probe)])
          const [first, second] = seen.map((answer) => JSON.stringify(answer))
          if (first !== second) leaks.push({ probe: titleOf(probe), seen })
        })
        await Promise.all(asked)
      }
      if (process.env['LEAKS'])
        console.log(
          leaks
            .map(
              (l) =>
                l.probe.slice(0, 300) +
                '\n   ' +
                JSON.stringify(l.seen[0]).slice(0, 700) +
                '\n   ' +
                JSON.stringify(l.seen[1]).slice(0, 700),
            )
            .join('\n'),
          probes.length,
        )
      expect(leaks.length).toEqual(0)
    },
    120_000,
  )
})
