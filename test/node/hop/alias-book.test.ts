// Which name stands for what, over time: invariants 14 to 16 of the mesh.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AliasBook } from '../../../node/hop/alias-book.ts'
import type { Source } from '../../../node/hop/sources.ts'
import { bearerOf, buildView, type View, type ViewItem } from '../../../node/hop/view.ts'
import { toolKey, type ToolId } from '../../../protocol/names.ts'
import { federated, imported, listed, own, rule } from './tools.ts'

const MEMORY = 1_000

function idOf(name: string, namespace = 'ns'): ToolId {
  return { organisation: 'acme', node: 'n', namespace, name }
}

function at(node: string, name = 'a'): ToolId {
  return { ...idOf(name), node }
}

class Clock {
  now = 0
  readonly book = new AliasBook({ memory: MEMORY, limit: 3, now: () => this.now })
}

describe('a name', () => {
  test('stays with what it stood for, and is free when that was gone for long enough', () => {
    const clock = new Clock()
    const { book } = clock
    book.show([{ name: 'x', id: idOf('a') }])
    expect(book.heldBy('x', { id: idOf('a') })).toBeUndefined()
    expect(book.heldBy('x', { id: idOf('b') })).toEqual(idOf('a'))
    clock.now = MEMORY
    expect(book.heldBy('x', { id: idOf('b') })).toEqual(idOf('a'))
    clock.now = MEMORY + 1
    expect(book.heldBy('x', { id: idOf('b') })).toBeUndefined()
    book.show([{ name: 'x', id: idOf('b') }])
    expect(book.heldBy('x', { id: idOf('a') })).toEqual(idOf('b'))
  })

  test('that is shown is held from then on, and not from when it was first shown', () => {
    const clock = new Clock()
    for (clock.now = 0; clock.now < 10 * MEMORY; clock.now += MEMORY / 2) {
      clock.book.show([{ name: 'x', id: idOf('a') }])
    }
    expect(clock.book.heldBy('x', { id: idOf('b') })).toEqual(idOf('a'))
  })

  test('goes over to the same of a node that was made anew where the operator says it is', () => {
    const { book } = new Clock()
    book.show([{ name: 'x', id: at('old'), direct: 'up' }])
    // Somewhere else, farther away, or something else: no.
    expect(book.heldBy('x', { id: at('new'), direct: 'other' })).toEqual(at('old'))
    expect(book.heldBy('x', { id: at('new') })).toEqual(at('old'))
    expect(book.heldBy('x', { id: at('new', 'b'), direct: 'up' })).toEqual(at('old'))
    expect(book.heldBy('x', { id: at('new'), direct: 'up' })).toBeUndefined()
    book.show([{ name: 'x', id: at('new'), direct: 'up' }])
    expect(book.heldBy('x', { id: at('old') })).toEqual(at('new'))
  })

  test('is forgotten when there are too many, those shown longest ago first', () => {
    const { book } = new Clock()
    book.show(['a', 'b', 'c'].map((name) => ({ name, id: idOf(name) })))
    book.show([{ name: 'a', id: idOf('a') }])
    book.show([{ name: 'd', id: idOf('d') }])
    expect(book.size).toBe(3)
    expect(book.heldBy('b', { id: idOf('other') })).toBeUndefined()
    expect(book.heldBy('a', { id: idOf('other') })).toEqual(idOf('a'))
  })
})

/** What servers and nodes list at a time; names that collide once a namespace stands before them. */
const sources: fc.Arbitrary<readonly Source[]> = fc.array(
  fc.oneof(
    fc
      .tuple(fc.constantFrom('a', 'b'), fc.constantFrom('a', 'a__b', 'b'), tools())
      .map(([label, namespace, names]) => ownSource(label, namespace, names)),
    fc
      .record({
        label: fc.constantFrom('n1', 'n2'),
        path: fc.constantFrom(['n1'], ['n2'], ['n1', 'n3'], ['n2', 'n3'], ['n1', 'n2', 'n3']),
        as: fc.constantFrom('{namespace}', 'a', '{upstream}_{namespace}'),
        names: tools(),
      })
      .map(({ as, label, names, path }) =>
        imported(
          label,
          names.map((name) => federated(name, path)),
          as,
        ),
      ),
  ),
  { maxLength: 4 },
)

function ownSource(label: string, namespace: string, names: readonly string[]): Source {
  return own(
    label,
    namespace,
    names.map((name) => listed(name)),
  )
}

function tools(): fc.Arbitrary<string[]> {
  const name = fc.constantFrom('t', 'b__t', 'x y', 'long'.repeat(40), 'é')
  return fc.uniqueArray(name, { maxLength: 4 })
}

const history = fc.array(
  fc.record({ wait: fc.constantFrom(0, MEMORY / 2, MEMORY, 2 * MEMORY), sources }),
  { minLength: 1, maxLength: 8 },
)

const style = fc.constantFrom('prefixed' as const, 'plain' as const)
const maxLength = fc.constantFrom(16, 48, 64)

/** The views an endpoint shows, one after the other, and when each came and went. */
function shown(
  steps: readonly { readonly wait: number; readonly sources: readonly Source[] }[],
  names: { readonly style: 'prefixed' | 'plain'; readonly maxLength: number },
): { readonly view: View; readonly from: number; readonly to: number }[] {
  let now = 0
  let view: View | undefined
  const book = new AliasBook({ memory: MEMORY, limit: 1_000, now: () => now })
  const remember = (): void =>
    book.show(view?.items.map((item) => ({ ...bearerOf(item), name: item.entry.name })) ?? [])
  return steps.map(({ wait, sources: from }) => {
    remember()
    view = buildView('tool', rule({ names }), from, book)
    remember()
    const since = now
    now += wait
    return { view, from: since, to: now }
  })
}

/** What something is known by: as itself, and where its node is the one at an upstream, as what that upstream has. */
function keysOf(item: ViewItem): readonly string[] {
  const { id, direct } = bearerOf(item)
  return direct === undefined
    ? [toolKey(id)]
    : [toolKey(id), toolKey({ ...id, node: `@${direct}` })]
}

describe('what an endpoint shows, over time', () => {
  test('law 14: no ToolId of one server is there twice', () => {
    fc.assert(
      fc.property(history, style, maxLength, (steps, names, length) => {
        for (const { view } of shown(steps, { style: names, maxLength: length })) {
          const keys = view.items.map(({ entry }) => `${entry.source} ${toolKey(entry.id)}`)
          expect(new Set(keys).size).toBe(keys.length)
        }
      }),
    )
  })

  test('law 15: names are unique, short enough and of allowed characters, and a ToolId keeps the one it has', () => {
    fc.assert(
      fc.property(history, style, maxLength, (steps, names, length) => {
        const known = new Map<string, string>()
        for (const { view } of shown(steps, { style: names, maxLength: length })) {
          const all = view.items.map(({ entry }) => entry.name)
          expect(new Set(all).size).toBe(all.length)
          for (const { entry } of view.items) {
            expect(entry.name).toMatch(/^[A-Za-z0-9_.-]+$/)
            expect(entry.name.length).toBeLessThanOrEqual(length)
            const key = `${entry.namespace} ${toolKey(entry.id)}`
            expect(known.get(key) ?? entry.name).toBe(entry.name)
            known.set(key, entry.name)
          }
        }
      }),
    )
  })

  test('law 16: a name stands for no other ToolId until what it stood for was gone for long', () => {
    fc.assert(
      fc.property(history, style, maxLength, (steps, names, length) => {
        const wrong: string[] = []
        const last = new Map<string, { readonly keys: readonly string[]; at: number }>()
        for (const { from, to, view } of shown(steps, { style: names, maxLength: length })) {
          for (const item of view.items) {
            const { name } = item.entry
            const keys = keysOf(item)
            const before = last.get(name)
            const isOther = before !== undefined && !keys.some((key) => before.keys.includes(key))
            if (isOther && from - before.at <= MEMORY) wrong.push(name)
            last.set(name, { keys, at: to })
          }
        }
        expect(wrong).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  test('says of what is left out what its name stood for', () => {
    const book = new AliasBook({ memory: MEMORY, limit: 10, now: () => 0 })
    const [one, other] = [ownSource('a', 'x', ['y__z']), ownSource('b', 'x__y', ['z'])]
    book.show(buildView('tool', rule({}), [one], book).items.map(({ entry }) => entry))
    const { items, problems } = buildView('tool', rule({}), [other], book)
    expect(items).toEqual([])
    expect(problems).toMatchObject([{ upstream: 'b', kind: 'tool', name: 'z' }])
    expect(problems[0]?.reason).toContain('"y__z" in namespace "x"')
  })

  test('keeps the name something is known by when another way that is as short comes to stand before it', () => {
    const book = new AliasBook({ memory: MEMORY, limit: 10, now: () => 0 })
    const [one, other] = [
      imported('one', [federated('t', ['n1', 'n3'])], '{upstream}'),
      imported('other', [federated('t', ['n4', 'n3'])], '{upstream}'),
    ]
    const names = (from: readonly Source[]) => {
      const { items } = buildView('tool', rule({}), from, book)
      book.show(items.map(({ entry }) => entry))
      return items.map(({ entry }) => [entry.name, entry.candidates[0].upstream])
    }
    expect(names([one])).toEqual([['one__t', 'one']])
    expect(names([other, one])).toEqual([['one__t', 'other']])
  })
})
