import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Source } from '../../../node/hop/sources.ts'
import { buildView, sameItems, writeViewItem, type View } from '../../../node/hop/view.ts'
import type { Listed } from '../../../protocol/listing.ts'
import { META } from '../../../protocol/meta.ts'
import { toolKey } from '../../../protocol/names.ts'
import { federated, imported, listed, own, peerOf, rule, SELF } from './tools.ts'

function toolView(...[by, sources]: [ReturnType<typeof rule>, readonly Source[]]): View {
  return buildView('tool', by, sources)
}

function names(view: View): string[] {
  return view.items.map(({ entry }) => entry.name)
}

function ways(view: View, name: string): string[] {
  return (
    view.byName
      .get(name)
      ?.entry.candidates.map(({ upstream, name: there }) => `${upstream}/${there}`) ?? []
  )
}

describe('own tools', () => {
  test('are named by their namespace and sorted by name', () => {
    const view = toolView(rule(), [
      own('s1', 'docs', [listed('write'), listed('read')]),
      own('s2', 'ai', [listed('ask')]),
    ])
    expect(names(view)).toEqual(['ai__ask', 'docs__read', 'docs__write'])
    expect(view.problems).toEqual([])
    expect(view.byName.get('docs__read')).toMatchObject({
      entry: {
        namespace: 'docs',
        id: { organisation: 'acme', node: SELF, namespace: 'docs', name: 'read' },
      },
      path: [SELF],
    })
  })

  test('of namespaces the endpoint does not offer are not there', () => {
    const sources = [own('s', 'docs', [listed('a')]), own('s', 'secret', [listed('a')])]
    expect(names(toolView(rule({ namespaces: ['d*'] }), sources))).toEqual(['docs__a'])
    expect(names(toolView(rule({ namespaces: [] }), sources))).toEqual([])
  })

  test('of one name: the later upstream loses, and the operator hears of it', () => {
    const clash = [
      own('s1', 'docs', [listed('a')]),
      own('s2', 'docs', [listed('b'), listed('a', { title: 'mine' })]),
    ]
    // Two servers behind one namespace: the later is no second way to the tool of the first.
    const dropped = toolView(rule(), clash)
    expect(ways(dropped, 'docs__a')).toEqual(['s1/a'])
    expect(dropped.problems).toMatchObject([{ upstream: 's2', kind: 'tool', name: 'a' }])
    const two = [own('s1', 'x_', [listed('a')]), own('s2', 'x', [listed('_a')])]
    const view = toolView(rule(), two)
    expect(ways(view, 'x___a')).toEqual(['s1/a'])
    expect(view.problems).toEqual([
      {
        upstream: 's2',
        kind: 'tool',
        name: '_a',
        reason: 'its name x___a is taken by "a" of upstream "s1"',
      },
    ])
    expect(ways(toolView(rule(), two.toReversed()), 'x___a')).toEqual(['s2/_a'])
  })

  test('that must not be published are left out and reported', () => {
    const bad = listed('bad', {
      inputSchema: { properties: { a: { type: 'number', 'x-mcp-header': 'A' } } },
    })
    const view = toolView(rule(), [own('s', 'docs', [bad, listed('good')])])
    expect(names(view)).toEqual(['docs__good'])
    expect(view.problems).toMatchObject([{ upstream: 's', name: 'bad' }])
  })

  test('that come from this node by way of a gateway that is none are a loop', () => {
    const view = toolView(rule(), [own('gateway', 'docs', [federated('a', ['other', SELF])])])
    expect(view.items).toEqual([])
    expect(view.problems).toMatchObject([{ reason: 'it comes from this node: a loop' }])
  })

  test('what a gateway says of other nodes does not make its tools theirs', () => {
    const view = toolView(rule(), [own('gateway', 'docs', [federated('a', ['other'])])])
    expect(view.byName.get('docs__home__a')?.entry.id.node).toBe(SELF)
  })
})

describe('imported tools', () => {
  test('are named by the rule of the operator, not by where they lie', () => {
    const near = toolView(rule(), [
      imported('n1', [federated('a', ['x'])], '{upstream}-{namespace}'),
    ])
    const far = toolView(rule(), [
      imported('n1', [federated('a', ['p', 'q', 'x'])], '{upstream}-{namespace}'),
    ])
    expect(names(near)).toEqual(['n1-home__a'])
    expect(names(far)).toEqual(names(near))
    expect(far.byName.get('n1-home__a')?.path).toEqual([SELF, 'p', 'q', 'x'])
  })

  test('of namespaces that are not imported are not there', () => {
    const source: Source = {
      ...imported('n1', [federated('a', ['x'])]),
      from: { kind: 'imported', import: ['public-*'], as: '{namespace}' },
    }
    expect(toolView(rule(), [source])).toMatchObject({ items: [], problems: [] })
  })

  test('whose path begins at another node than the one that lists them are dropped and reported', () => {
    const view = toolView(rule(), [
      { ...imported('n1', [federated('a', ['x'])]), peer: peerOf('n1') },
      imported('n2', [federated('a', ['n2', 'y', 'x'])]),
    ])
    expect(view.byName.get('home__a')?.entry.candidates).toEqual([
      { upstream: 'n2', name: 'home__a', imported: true },
    ])
    expect(view.problems).toEqual([
      expect.objectContaining({ upstream: 'n1', name: 'home__a' }) as unknown,
    ])
  })

  test('whose path leads through this node are dropped, and nobody is told', () => {
    for (const path of [[SELF], ['n1', SELF], ['n1', SELF, 'x']]) {
      expect(toolView(rule(), [imported('n1', [federated('a', path)])])).toMatchObject({
        items: [],
        problems: [],
      })
    }
  })

  test.each<[string, Listed]>([
    ['no node', listed('a')],
    ['does not lead to its origin', federated('a', ['n1'], { path: ['y'] })],
    ['farther away', federated('a', ['1', '2', '3', '4', '5', '6', '7', '8'])],
  ])('%s: it is reported', (reason, tool) => {
    const view = toolView(rule(), [imported('n1', [tool])])
    expect(view.items).toEqual([])
    expect(view.problems[0]?.reason).toContain(reason)
  })

  test('a node behind a gateway that is none counts on the way', () => {
    const tool = federated('a', ['1', '2'])
    expect(toolView(rule({ hopBudget: 3 }), [own('gateway', 'docs', [tool])])).toMatchObject({
      items: [{ path: [SELF, '1', '2'], entry: { id: { node: SELF } } }],
    })
    expect(toolView(rule({ hopBudget: 2 }), [own('gateway', 'docs', [tool])]).items).toEqual([])
  })

  test('a path of exactly the hop budget can be called', () => {
    const tool = federated('a', ['1', '2', '3'])
    expect(toolView(rule({ hopBudget: 4 }), [imported('n', [tool])]).items).toHaveLength(1)
    expect(toolView(rule({ hopBudget: 3 }), [imported('n', [tool])]).items).toHaveLength(0)
  })
})

describe('one tool over several ways', () => {
  const long = imported('far', [federated('a', ['p', 'x'])], 'far-{namespace}')
  const short = imported('near', [federated('a', ['x'])], 'near-{namespace}')
  const other = imported('spare', [federated('a', ['x'])], 'spare-{namespace}')

  test('is there once, named by the shortest, with the others behind it', () => {
    const view = toolView(rule(), [long, short, other])
    expect(names(view)).toEqual(['near-home__a'])
    expect(ways(view, 'near-home__a')).toEqual(['near/home__a', 'spare/home__a', 'far/home__a'])
    expect(view.problems).toEqual([])
  })

  test('among equal ways the order of the operator decides', () => {
    expect(names(toolView(rule(), [other, short]))).toEqual(['spare-home__a'])
    expect(names(toolView(rule(), [short, other]))).toEqual(['near-home__a'])
  })

  test('an upstream that lists it twice is one way', () => {
    const twice = imported('near', [federated('a', ['p', 'x']), federated('a', ['x'])])
    expect(ways(toolView(rule(), [twice]), 'home__a')).toEqual(['near/home__a'])
  })

  test('a way into a namespace that is not offered is none', () => {
    const view = toolView(rule({ namespaces: ['far-*'] }), [long, short])
    expect(ways(view, 'far-home__a')).toEqual(['far/home__a'])
  })
})

const someTool = fc
  .tuple(
    fc.constantFrom('a', 'b', '_a'),
    fc.subarray(['x', 'y', 'z', SELF], { minLength: 1 }),
    fc.boolean(),
  )
  .map(([name, path, plain]) => (plain ? listed(name) : federated(name, path)))
const someSource = fc
  .tuple(
    fc.constantFrom('u1', 'u2', 'u3'),
    fc.array(someTool, { maxLength: 4 }),
    fc.constantFrom('n', 'n_', undefined),
  )
  .map(([upstream, tools, label]) =>
    label === undefined ? imported(upstream, tools) : own(upstream, label, tools),
  )
const sources = fc.array(someSource, { maxLength: 4 })

describe('any view', () => {
  test('law: names are unique and sorted, and the table is the list', () => {
    fc.assert(
      fc.property(sources, (all) => {
        const view = toolView(rule(), all)
        const found = names(view)
        expect(found).toEqual([...new Set(found)].toSorted())
        expect([...view.byName.keys()].toSorted()).toEqual(found)
        expect(view.items.every((tool) => view.byName.get(tool.entry.name) === tool)).toBe(true)
      }),
    )
  })

  test('law: a tool is there once, no way to it leads through this node, and the first is the shortest', () => {
    fc.assert(
      fc.property(sources, (all) => {
        const view = toolView(rule(), all)
        const keys = view.items.map(({ entry }) => toolKey(entry.id))
        expect(new Set(keys).size).toBe(keys.length)
        for (const { path, entry } of view.items) {
          expect(path.indexOf(SELF)).toBe(0)
          expect(path.lastIndexOf(SELF)).toBe(0)
          expect(path).toContain(entry.id.node)
          const upstreams = entry.candidates.map(({ upstream }) => upstream)
          expect(new Set(upstreams).size).toBe(upstreams.length)
        }
      }),
    )
  })

  test('law: the same configuration and lists make the same view', () => {
    fc.assert(
      fc.property(sources, (all) => {
        const view = toolView(rule(), all)
        const again = toolView(
          rule(),
          all.map((source) => ({ ...source, items: [...source.items] })),
        )
        expect(sameItems(view.items, again.items)).toBe(true)
        expect(again).toEqual(view)
      }),
    )
  })

  test('law: in whatever order links come up, the view is that of all of them in the end', () => {
    fc.assert(
      fc.property(sources, fc.array(fc.nat()), (all, order) => {
        const up = new Set<number>()
        let view = toolView(rule(), [])
        for (const turn of [...order.map((at) => at % (all.length || 1)), ...all.keys()]) {
          up.add(turn)
          // A link that is down has an empty list; its place among the sources is the operator's.
          view = toolView(
            rule(),
            all.map((source, at) => (up.has(at) ? source : { ...source, items: [] })),
          )
        }
        expect(view).toEqual(toolView(rule(), all))
      }),
    )
  })

  test('law: what is left out for its name is reported', () => {
    fc.assert(
      fc.property(sources, (all) => {
        const view = toolView(rule(), all)
        const shown = new Set(view.items.map(({ entry }) => toolKey(entry.id)))
        const reported = view.problems.filter(({ reason }) => reason.includes('is taken by'))
        const owned = new Set(
          all.flatMap(({ from, items }) =>
            from.kind === 'own'
              ? items
                  .filter(({ origin }) => origin?.path.includes(SELF) !== true)
                  .map(({ name }) =>
                    toolKey({ organisation: 'acme', node: SELF, namespace: from.namespace, name }),
                  )
              : [],
          ),
        )
        const missing = [...owned].filter((key) => !shown.has(key))
        expect(reported.length).toBeGreaterThanOrEqual(missing.length)
      }),
    )
  })
})

describe('whether two views are the same', () => {
  const docs = own('s', 'docs', [listed('a'), listed('b')])
  const view = toolView(rule(), [docs])

  test.each<[string, View]>([
    ['a tool more', toolView(rule(), [own('s', 'docs', [...docs.items, listed('c')])])],
    ['a tool less', toolView(rule(), [own('s', 'docs', docs.items.slice(1))])],
    [
      'another text',
      toolView(rule(), [own('s', 'docs', [listed('a', { title: 'A' }), ...docs.items.slice(1)])]),
    ],
    [
      'another namespace',
      toolView(rule({ names: { style: 'plain', maxLength: 48 } }), [own('s', 'x', docs.items)]),
    ],
    ['none', toolView(rule(), [])],
  ])('%s: they are not', (_, other) => {
    expect(sameItems(view.items, other.items)).toBe(false)
    expect(sameItems(other.items, view.items)).toBe(false)
  })

  test('a node is told of paths, so another one is another view', () => {
    const tool = federated('a', ['x'])
    const before = toolView(rule(), [imported('n', [tool])])
    const [only] = before.items
    if (only === undefined) throw new Error('no tool')
    const after = { ...before, items: [{ ...only, path: [SELF, 'p', 'x'] }] }
    expect(sameItems(before.items, after.items)).toBe(false)
  })

  test('other ways to a tool are nothing a caller sees', () => {
    const spare = own('spare', 'docs', [listed('a')])
    expect(sameItems(view.items, toolView(rule(), [docs, spare]).items)).toBe(true)
  })
})

describe('a tool for one kind of caller', () => {
  const output = { outputSchema: { type: 'array' }, _meta: { mine: 1 } }
  const view = toolView(rule(), [own('s', 'docs', [listed('a', output)])])
  const [tool] = view.items
  const text = (era: '2025' | '2026', forNode: boolean): Record<string, unknown> => {
    if (tool === undefined) throw new Error('no tool')
    return JSON.parse(
      writeViewItem(tool, {
        era,
        revision: era === '2025' ? '2025-11-25' : '2026-07-28',
        federated: forNode,
      }).toString(),
    ) as Record<string, unknown>
  }

  test('a client is not told where it lives, a node is', () => {
    expect(text('2026', false)).toMatchObject({ name: 'docs__a', _meta: { mine: 1 } })
    expect(text('2026', false)['_meta']).not.toHaveProperty([META.federation])
    expect(text('2026', true)['_meta']).toEqual({
      mine: 1,
      [META.federation]: {
        origin: ['acme', SELF, 'docs', 'a'],
        source: 's',
        namespace: 'docs',
        path: [SELF],
      },
    })
  })

  test('an output schema era 2025 cannot express stays in 2026', () => {
    expect(text('2025', false)).not.toHaveProperty('outputSchema')
    expect(text('2026', false)).toHaveProperty('outputSchema')
  })
})
