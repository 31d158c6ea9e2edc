// A downstream node is told of nothing that it may not see, however that changes (invariant 11).
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LinkMessage } from '../../topology/link-message.ts'
import { MeshSim } from '../../topology/sim/mesh-sim.ts'
import { Notary } from '../../topology/sim/notary.ts'
import { Speaker } from '../../topology/speaker.ts'

const NAMES = ['a', 'b', 'c', 'd'] as const
const PEER = { id: 'down', organisation: 'acme' }

interface Told {
  readonly speaker: Speaker
  /** The namespaces the peer knows of, by what it was sent. */
  readonly known: () => readonly string[]
  /** All it ever heard of. */
  readonly ever: Set<string>
  readonly settle: () => void
}

function told(): Told {
  let now = 0
  const known = new Map<string, boolean>()
  const ever = new Set<string>()
  const notary = new Notary()
  const settings = new MeshSim(1).settings({ id: 'me', organisation: 'acme' })
  const take = (message: LinkMessage): void => {
    if (message.type !== 'routes') return
    if (message.full) known.clear()
    for (const { key, route } of message.routes) {
      known.set(key.namespace, route !== undefined)
      if (route !== undefined) ever.add(key.namespace)
    }
  }
  const speaker = new Speaker(settings, 1, {
    world: {
      now: () => now,
      wall: () => now,
      random: () => 0.5,
      seal: notary.seal,
      open: notary.open,
      isMember: () => true,
    },
    outlet: {
      publish: () => undefined,
      sync: () => undefined,
      send: (_, __, message) => take(message),
      probe: () => undefined,
      routesChanged: () => undefined,
      heard: () => undefined,
    },
  })
  const settle = (): void => {
    const end = now + 5_000
    while (speaker.wakeAt <= end) {
      now = Math.max(now, speaker.wakeAt)
      speaker.wake()
    }
    now = end
  }
  const list = (): string[] => [...known].flatMap(([name, is]) => (is ? [name] : [])).toSorted()
  return { speaker, known: list, ever, settle }
}

const names = fc.subarray([...NAMES])
const steps = fc.array(fc.record({ own: names, shown: names }), { minLength: 1, maxLength: 6 })

test('what a peer knows is what there is and it may see; what it never may see it never hears of', () => {
  fc.assert(
    fc.property(names, steps, (first, all) => {
      const { speaker, known, ever, settle } = told()
      const allowed = new Set(first)
      speaker.openDownlink(PEER, ({ namespace }) => first.includes(namespace as 'a'))
      for (const { own, shown } of all) {
        speaker.setNamespaces(own.map((name) => ({ name, revision: 'r', count: 1, tags: [] })))
        speaker.reviewDownlink(PEER.id, ({ namespace }) => shown.includes(namespace as 'a'))
        for (const name of shown) allowed.add(name)
        settle()
        expect(known()).toEqual(own.filter((name) => shown.includes(name)).toSorted())
      }
      expect([...ever].every((name) => allowed.has(name as 'a'))).toBe(true)
    }),
  )
})
