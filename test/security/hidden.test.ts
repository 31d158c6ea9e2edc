// The leak hunt: callers who may not see something try everything to learn that it is there. Two worlds are built alike but for
// what is hidden, asked the same, and must answer the same.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callModern } from '../fixtures/raw-client.ts'
import type { Era } from '../fixtures/wire.ts'
import { capture, type Captures } from './captures.ts'
import { Prober, probesOf, titleOf, type Probe, type Seen } from './probes.ts'
import { PEOPLE, World, type Hops } from './two-worlds.ts'

/** Probes on their way at one time. */
const AT_ONCE = 8

interface Difference {
  readonly probe: string
  readonly seen: readonly Seen[]
}

describe.each([1, 2] as const)('behind %i nodes', (hops: Hops) => {
  let worlds: readonly World[] = []
  let found: Captures
  let probes: readonly Probe[]

  beforeAll(async () => {
    const secret = await World.start(hops, true)
    worlds = [secret, await World.start(hops, false)]
    found = await capture(secret)
    probes = probesOf(found)
  }, 60_000)

  afterAll(async () => {
    for (const world of worlds) await world.close()
  })

  function probersOf(name: string): readonly Prober[] {
    return worlds.map((world) => new Prober(world, name))
  }

  test('there is something to find', () => {
    expect(found.tools.length).toBeGreaterThan(3)
    for (const all of [found.prompts, found.uris, found.templates, found.skills, found.cursors]) {
      expect(all.length).toBeGreaterThan(0)
    }
    expect(found.tasks.length).toBeGreaterThan(0)
    expect(found.tasks.every((id) => id.length > 40)).toBe(true)
    expect(found.events).toHaveLength(2)
    expect([found.state.length, found.view.length].every((length) => length > 20)).toBe(true)
  })

  test.each(['guest', 'blind'])(
    '%s is told the same with and without it',
    async (name) => {
      const probers = probersOf(name)
      const leaks: Difference[] = []
      for (let from = 0; from < probes.length; from += AT_ONCE) {
        const asked = probes.slice(from, from + AT_ONCE).map(async (probe) => {
          const seen = await Promise.all(probers.map((prober) => prober.ask(probe)))
          const [one, other] = seen.map((answer) => JSON.stringify(answer))
          if (one !== other) leaks.push({ probe: titleOf(probe), seen })
        })
        await Promise.all(asked)
      }
      expect(leaks).toEqual([])
    },
    120_000,
  )

  test('links to what is hidden, and what is hidden itself, are in no result', async () => {
    const [prober] = probersOf('guest')
    const ask = async (era: Era, method: string, name: string): Promise<string> => {
      const probe = { era, endpoint: 'main', method, params: { name, arguments: {} } }
      return (await prober?.ask(probe))?.text ?? ''
    }
    for (const era of ['2025', '2026'] as const) {
      const texts = [
        await ask(era, 'tools/call', 'fx__link_secret'),
        await ask(era, 'prompts/get', 'fx__with_secret'),
      ]
      for (const text of texts) {
        expect(text).not.toMatch(/secret|vault|the last/)
        expect(text).toMatch(/before.*static.*for all/)
        expect(text.match(/"type":"resource/g)).toHaveLength(2)
      }
    }
    const headers = PEOPLE.headers('admin')
    const call = { name: 'fx__link_secret', arguments: {} }
    const all = await callModern(worlds[0]?.url() ?? '', 'tools/call', call, { headers })
    expect(all.result['content']).toHaveLength(6)
  })
})
