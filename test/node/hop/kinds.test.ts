// Prompts, resources and templates in views: what they have in common with tools, and what is theirs alone.
import { describe, expect, test } from 'vitest'
import { itemsFor, buildView, sameItems, writeViewItem, type View } from '../../../node/hop/view.ts'
import type { CapabilityKind } from '../../../protocol/capability.ts'
import { exposeTemplate, exposeUri, type UriHome } from '../../../protocol/uris.ts'
import { federatedAs, imported, listed, listedAs, own, peerOf, rule, SELF } from './tools.ts'

const PLAIN = rule({ names: { style: 'plain', maxLength: 48 } })

function names(view: View): string[] {
  return view.items.map(({ entry }) => entry.name)
}

function ways(view: View): string[][] {
  return view.items.map(({ entry }) =>
    entry.candidates.map(({ upstream, name }) => `${upstream} ${name}`),
  )
}

function speaking(era: '2025' | '2026') {
  return { era, revision: era === '2025' ? '2025-11-25' : '2026-07-28' }
}

function text(view: View, era: '2025' | '2026' = '2026'): Record<string, unknown>[] {
  return view.items.map(
    (item) =>
      JSON.parse(writeViewItem(item, { ...speaking(era), federated: false }).toString()) as Record<
        string,
        unknown
      >,
  )
}

function homeAt(namespace: string, source: string): UriHome {
  return { organisation: 'acme', node: SELF, namespace, source }
}

const FAR: UriHome = { organisation: 'org', node: 'x', namespace: 'home', source: 'server' }

/** A resource or template as a node lists it whose way leads to the node x. */
function ofNode(
  kind: 'resource' | 'template',
  uri: string,
  path: readonly string[],
  shown = kind === 'resource' ? exposeUri(FAR, uri) : exposeTemplate(FAR, uri),
): ReturnType<typeof listedAs> {
  return federatedAs(kind, { shown, name: uri }, path)
}

describe('prompts', () => {
  test('are named like tools, and may have the name of one', () => {
    const sources = [own('s', 'docs', [listedAs('prompt', 'write'), listedAs('prompt', 'read')])]
    expect(names(buildView('prompt', rule(), sources))).toEqual(['docs__read', 'docs__write'])
    expect(names(buildView('prompt', PLAIN, sources))).toEqual(['read', 'write'])
  })

  test('row 20: of two upstreams with equal names are told apart by our labels', () => {
    const view = buildView('prompt', rule(), [
      own('s1', 'left', [listedAs('prompt', 'who')]),
      own('s2', 'right', [listedAs('prompt', 'who')]),
    ])
    expect(names(view)).toEqual(['left__who', 'right__who'])
  })

  test('keep all members but the name', () => {
    const more = { title: 'T', arguments: [{ name: 'a', required: true }], icons: [{ src: 'x:y' }] }
    const view = buildView('prompt', rule(), [own('s', 'docs', [listedAs('prompt', 'p', more)])])
    expect(text(view)).toEqual([{ name: 'docs__p', ...more }])
  })
})

describe.each([
  ['resource', exposeUri],
  ['template', exposeTemplate],
] as const)('%ss', (kind, expose) => {
  const key = kind === 'resource' ? 'uri' : 'uriTemplate'
  const uri = 'file:///a/b.md'

  test('are shown under where they live, and keep their other members', () => {
    const more = { name: 'b.md', mimeType: 'text/markdown', icons: [{ src: uri }] }
    const view = buildView(kind, rule(), [own('s', 'docs', [listedAs(kind, uri, more)])])
    expect(text(view)).toEqual([{ [key]: expose(homeAt('docs', 's'), uri), ...more }])
    expect(ways(view)).toEqual([[`s ${uri}`]])
  })

  test('row 20: of two upstreams with equal URIs stay apart, in one namespace too', () => {
    const view = buildView(kind, rule(), [
      own('s1', 'docs', [listedAs(kind, uri)]),
      own('s2', 'docs', [listedAs(kind, uri)]),
      own('s3', 'more', [listedAs(kind, uri)]),
    ])
    expect(new Set(names(view)).size).toBe(3)
    expect(ways(view).flat().toSorted()).toEqual([`s1 ${uri}`, `s2 ${uri}`, `s3 ${uri}`])
    expect(view.problems).toEqual([])
  })

  test('of a plain endpoint keep their URI; of two the later is dropped and reported', () => {
    const view = buildView(kind, PLAIN, [
      own('s1', 'docs', [listedAs(kind, uri)]),
      own('s2', 'docs', [listedAs(kind, uri)]),
    ])
    expect(ways(view)).toEqual([[`s1 ${uri}`]])
    expect(names(view)).toEqual([uri])
    const reason = `its URI ${uri} is taken by "${uri}" of upstream "s1"`
    expect(view.problems).toEqual([{ upstream: 's2', kind, name: uri, reason }])
  })

  test('of a node are shown as it shows them, and over several ways once', () => {
    const exposed = expose(FAR, uri)
    const view = buildView(kind, rule(), [
      imported('far', [ofNode(kind, uri, ['p', 'x'])]),
      imported('near', [ofNode(kind, uri, ['x'])]),
    ])
    expect(names(view)).toEqual([exposed])
    expect(ways(view)).toEqual([[`near ${exposed}`, `far ${exposed}`]])
  })

  test('of a node that shows them as they are get the URI that others give them', () => {
    const exposed = expose(FAR, uri)
    const plain = {
      ...imported('plain', [ofNode(kind, uri, ['x'], uri)]),
      peer: peerOf('x', 'plain'),
    }
    const view = buildView(kind, rule(), [
      plain,
      imported('exposing', [ofNode(kind, uri, ['q', 'x'])]),
    ])
    expect(names(view)).toEqual([exposed])
    expect(ways(view)).toEqual([[`plain ${uri}`, `exposing ${exposed}`]])
  })

  test('of a node that gives them the URI of something else are left out', () => {
    const other = expose({ ...FAR, node: 'victim' }, uri)
    for (const by of [rule(), PLAIN]) {
      const view = buildView(kind, by, [imported('n', [ofNode(kind, uri, ['x'], other)])])
      expect(view.items).toEqual([])
      expect(view.problems).toMatchObject([{ reason: 'its URI is not that of its origin' }])
    }
  })

  test('of a server that uses the URIs of nodes do not become those', () => {
    const exposed = expose(FAR, uri)
    const view = buildView(kind, rule(), [
      imported('n', [ofNode(kind, uri, ['x'])]),
      own('s', 'docs', [listedAs(kind, exposed)]),
    ])
    expect(view.items).toHaveLength(2)
    expect(ways(view).flat().toSorted()).toEqual([`n ${exposed}`, `s ${exposed}`])
    expect(view.byName.get(exposed)?.entry.candidates[0].upstream).toBe('n')
  })

  test('whose URI could not be asked for are left out and reported', () => {
    const long = `file:///${'é'.repeat(200)}`
    const sources = [own('s', 'docs', [listedAs(kind, long), listedAs(kind, 'x:y')])]
    const view = buildView(kind, rule({ uriBytes: 300 }), sources)
    expect(ways(view)).toEqual([['s x:y']])
    expect(view.problems).toMatchObject([{ name: long, reason: 'its URI is too long' }])
    expect(buildView(kind, rule(), sources).items).toHaveLength(2)
    const tooLong = listedAs(kind, `x:${'y'.repeat(8_191)}`)
    expect(buildView(kind, PLAIN, [own('s', 'docs', [tooLong])]).items).toEqual([])
  })

  test('beyond the hop budget are known as such', () => {
    const far = imported('n', [ofNode(kind, uri, ['p', 'x'])])
    const view = buildView(kind, rule({ hopBudget: 2 }), [far])
    expect(view.items).toEqual([])
    expect([...view.outOfReach.keys()]).toEqual([expose(FAR, uri)])
  })

  test('a node that changes how it shows URIs makes another view', () => {
    const item = ofNode(kind, uri, ['x'])
    const view = (uris: 'plain' | 'exposed'): View =>
      buildView(kind, rule(), [{ ...imported('n', [item]), peer: peerOf('x', uris) }])
    expect(sameItems(view('plain').items, view('exposed').items)).toBe(false)
    expect(sameItems(view('plain').items, view('plain').items)).toBe(true)
  })
})

describe('row 28: the URI of the app of a tool', () => {
  const app = 'ui://app/main.html'
  const tool = (): ReturnType<typeof listed> =>
    listed('a', { _meta: { ui: { resourceUri: app }, 'ui/resourceUri': app } })

  test('is that under which the resource is shown', () => {
    const tools = buildView('tool', rule(), [own('s', 'docs', [tool()])])
    const resources = buildView('resource', rule(), [own('s', 'docs', [listedAs('resource', app)])])
    const [shown] = names(resources)
    expect(shown).toMatch(/^ui:/)
    expect(text(tools)[0]?.['_meta']).toEqual({
      ui: { resourceUri: shown },
      'ui/resourceUri': shown,
    })
  })

  test('stays at a plain endpoint', () => {
    const tools = buildView('tool', PLAIN, [own('s', 'docs', [tool()])])
    expect(text(tools)[0]?.['_meta']).toEqual({ ui: { resourceUri: app }, 'ui/resourceUri': app })
  })
})

describe('a tool that must be called as a task', () => {
  const tools = [listed('a'), listed('task', { execution: { taskSupport: 'required' } })]
  const shownTo = (listedIn: '2025' | '2026', era: '2025' | '2026'): string[] => {
    const view = buildView('tool', PLAIN, [{ ...own('s', 'docs', tools), era: listedIn }])
    return itemsFor(view, speaking(era)).map(({ entry }) => entry.name)
  }

  test('of era 2025 is there for callers of that era alone', () => {
    expect(shownTo('2025', '2025')).toEqual(['a', 'task'])
    expect(shownTo('2025', '2026')).toEqual(['a'])
  })

  test('is not there for callers of a revision before tasks', () => {
    const view = buildView('tool', PLAIN, [{ ...own('s', 'docs', tools), era: '2025' }])
    const shown = itemsFor(view, { era: '2025', revision: '2025-06-18' })
    expect(shown.map(({ entry }) => entry.name)).toEqual(['a'])
  })

  test('where the word means nothing is there for those who do not know it', () => {
    expect(shownTo('2026', '2026')).toEqual(['a', 'task'])
    expect(shownTo('2026', '2025')).toEqual(['a'])
  })

  test('is one more reason for a view to be another', () => {
    const views = (['2025', '2026'] as const).map((era) =>
      buildView('tool', PLAIN, [{ ...own('s', 'docs', tools), era }]),
    )
    const [one, other] = views
    if (one === undefined || other === undefined) throw new Error('no views')
    expect(sameItems(one.items, other.items)).toBe(false)
  })
})

test.each<[CapabilityKind, string]>([
  ['prompt', 'p'],
  ['resource', 'x:y'],
  ['template', 'x:{y}'],
])('what an endpoint does not offer is not there: %s', (kind, name) => {
  const sources = [own('s', 'secret', [listedAs(kind, name)])]
  expect(buildView(kind, rule({ namespaces: ['docs'] }), sources).items).toEqual([])
  expect(buildView(kind, rule(), sources).items).toHaveLength(1)
})
