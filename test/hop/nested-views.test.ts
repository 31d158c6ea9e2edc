// Views of nodes before nodes, each made from the list the one behind it writes: laws for any names and any rules.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Source } from '../../node/hop/sources.ts'
import { buildView, writeViewItem, type View } from '../../node/hop/view.ts'
import { readPage, type Listed } from '../../protocol/listing.ts'
import { readUpstreamMessage } from '../../protocol/upstream-message.ts'
import { peerOf } from '../node/hop/tools.ts'

type Kind = 'tool' | 'prompt'

interface Hop {
  readonly label: string
  readonly as: string
  readonly maxLength: number
}

const label = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9-]{0,20})$/)
const hop: fc.Arbitrary<Hop> = fc.record({
  label,
  as: fc.constantFrom('{namespace}', '{upstream}-{namespace}', 'x-{namespace}', '{namespace}-y'),
  maxLength: fc.integer({ min: 16, max: 128 }),
})
const hops = fc.array(hop, { minLength: 1, maxLength: 8 })
const toolName = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }),
  fc.stringMatching(/^[a-z_.-]{1,60}$/),
)
const toolNames = fc.uniqueArray(toolName, { minLength: 1, maxLength: 12 })

function read(kind: Kind, items: readonly string[]): readonly Listed[] {
  const text = `{"jsonrpc":"2.0","id":1,"result":{"${kind}s":[${items.join()}]}}`
  return readPage(readUpstreamMessage(Buffer.from(text)), kind, 1_000_000).items
}

function listOfServer(kind: Kind, names: readonly string[]): readonly Listed[] {
  return read(
    kind,
    names.map((name) => JSON.stringify({ name, inputSchema: { type: 'object' } })),
  )
}

/** What a node lists to another. */
function listOfNode(kind: Kind, { items }: View): readonly Listed[] {
  return read(
    kind,
    items.map((item) =>
      writeViewItem(item, { era: '2026', revision: '2026-07-28', federated: true }).toString(
        'utf8',
      ),
    ),
  )
}

function viewOf(
  kind: Kind,
  { depth, maxLength }: Hop & { readonly depth: number },
  source: Source,
): View {
  const rule = {
    self: { node: `node-${depth}`, organisation: 'acme' },
    namespaces: ['*'],
    names: { style: 'prefixed', maxLength },
    uriBytes: 8_192,
    hopBudget: 8,
  } as const
  return buildView(kind, rule, [source])
}

/** The views of a chain, the innermost first. */
function chain(kind: Kind, names: readonly string[], plan: readonly Hop[]): View[] {
  const views: View[] = []
  for (const [depth, step] of plan.entries()) {
    const behind = views.at(-1)
    const { label: upstream, as } = step
    const source: Source =
      behind === undefined
        ? {
            upstream,
            peer: undefined,
            era: '2026',
            items: listOfServer(kind, names),
            from: { kind: 'own', namespace: 'home' },
          }
        : {
            upstream,
            peer: peerOf(`node-${depth - 1}`),
            era: '2026',
            items: listOfNode(kind, behind),
            from: { kind: 'imported', import: ['*'], as },
          }
    views.push(viewOf(kind, { ...step, depth }, source))
  }
  return views
}

function namesOf({ items }: View): string[] {
  return items.map(({ entry }) => entry.name)
}

describe.each<Kind>(['tool', 'prompt'])('law: in a chain of any depth, of each %s', (kind) => {
  test('row 21: every name is in the grammar, within the cap of its endpoint, and there once', () => {
    fc.assert(
      fc.property(toolNames, hops, (names, plan) => {
        for (const [depth, view] of chain(kind, names, plan).entries()) {
          const exposed = namesOf(view)
          expect(new Set(exposed).size).toBe(exposed.length)
          for (const name of exposed) {
            expect(name).toMatch(/^[A-Za-z0-9_-]+$/)
            expect(name.length).toBeLessThanOrEqual(plan[depth]?.maxLength ?? 0)
          }
        }
      }),
    )
  })

  test('no tool is lost without a word', () => {
    fc.assert(
      fc.property(toolNames, hops, (names, plan) => {
        let expected = names.length
        for (const view of chain(kind, names, plan)) {
          expect(view.items.length + view.problems.length).toBe(expected)
          expected = view.items.length
        }
        expect(expected).toBeGreaterThan(0)
      }),
    )
  })

  test('each name leads, hop by hop, to the tool it was made from', () => {
    fc.assert(
      fc.property(toolNames, hops, (names, plan) => {
        const views = chain(kind, names, plan)
        for (const { entry } of views.at(-1)?.items ?? []) {
          let { name } = entry
          for (const view of views.toReversed()) {
            name = view.byName.get(name)?.entry.candidates[0].name ?? 'nowhere'
          }
          expect(name).toBe(entry.id.name)
          expect(names).toContain(name)
        }
      }),
    )
  })

  test('names do not depend on the order of the list', () => {
    fc.assert(
      fc.property(toolNames, hops, (names, plan) => {
        const [straight, reversed] = [
          chain(kind, names, plan),
          chain(kind, names.toReversed(), plan),
        ]
        const collided = straight.some(({ problems }) => problems.length > 0)
        fc.pre(!collided)
        expect(reversed.map(namesOf)).toEqual(straight.map(namesOf))
      }),
    )
  })

  test('with one rule for all, names are the same at each hop', () => {
    fc.assert(
      fc.property(toolNames, fc.integer({ min: 2, max: 8 }), (names, depth) => {
        const same = { label: 'next', as: '{namespace}', maxLength: 48 }
        const [first = [], ...others] = chain(
          kind,
          names,
          Array.from({ length: depth }, () => same),
        ).map(namesOf)
        expect(first.length).toBeGreaterThan(0)
        for (const other of others) expect(other).toEqual(first)
      }),
    )
  })

  test('the ninth node is out of reach, and says so', () => {
    const same = { label: 'next', as: '{namespace}', maxLength: 48 }
    const views = chain(
      kind,
      ['echo'],
      Array.from({ length: 9 }, () => same),
    )
    expect(namesOf(views[7] as View)).toEqual(['home__echo'])
    expect(namesOf(views[8] as View)).toEqual([])
    expect([...(views[8]?.outOfReach.keys() ?? [])]).toEqual(['home__echo'])
    expect(views[8]?.problems).toHaveLength(1)
  })
})
