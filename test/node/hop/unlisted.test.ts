import { describe, expect, test } from 'vitest'
import { homeKey, type Home } from '../../../node/hop/homes.ts'
import type { Source, ViewRule } from '../../../node/hop/sources.ts'
import { findUnlisted, type Surroundings } from '../../../node/hop/unlisted.ts'
import { buildView } from '../../../node/hop/view.ts'
import { CAPABILITY_KINDS } from '../../../protocol/capability.ts'
import type { Listed } from '../../../protocol/listing.ts'
import { authorityOf, exposeTemplate, exposeUri, type UriHome } from '../../../protocol/uris.ts'
import { federated, federatedAs, imported, listedAs, own, peerOf, rule, SELF } from './tools.ts'

const PLAIN = rule({ names: { style: 'plain', maxLength: 48 } })
const FAR: UriHome = { organisation: 'org', node: 'x', namespace: 'home', source: 'server' }

function homeAt(namespace: string, source: string): UriHome {
  return { organisation: 'acme', node: SELF, namespace, source }
}

function around(
  by: ViewRule,
  sources: readonly Source[],
  more: Partial<Surroundings> = {},
): Surroundings {
  const views = CAPABILITY_KINDS.map((kind) =>
    buildView(
      kind,
      by,
      sources.map((source) => ({
        ...source,
        items: source.items.filter((item) => item.kind === kind),
      })),
    ),
  )
  const feeds = sources.flatMap(({ upstream, from }): [string, Home][] => {
    if (from.kind !== 'own') return []
    const { namespace } = from
    const home = homeAt(namespace, upstream)
    const way = { upstream, namespace, distance: 1, peer: undefined }
    return [[homeKey(authorityOf(home), upstream), { home, ways: [way] }]]
  })
  const templates = views[3]
  if (templates === undefined) throw new Error('no templates')
  return {
    names: by.names.style,
    own: new Map(feeds),
    views,
    templates,
    hasResources: () => true,
    ...more,
  }
}

function ways(surroundings: Surroundings, uri: string): string[] | undefined {
  return findUnlisted(surroundings, uri)?.candidates.map(
    ({ upstream, name, imported: foreign }) => `${foreign ? 'node' : 'server'} ${upstream} ${name}`,
  )
}

function templateOf(shown: string, path: readonly string[]): Listed {
  return federatedAs('template', { shown, name: 'x://{id}' }, path)
}

/** A node that shows URIs as they are, with a template. */
function plainNode(upstream: string, path: readonly string[]): Source {
  const peer = peerOf(path[0] ?? '', 'plain')
  return { ...imported(upstream, [templateOf('x://{id}', path)]), peer }
}

describe('an exposed URI', () => {
  const uri = 'file:///secret/plans.md'

  test('of a server that lists nothing leads to it', () => {
    const here = around(rule(), [own('s1', 'docs', []), own('s2', 'docs', [])])
    const exposed = exposeUri(homeAt('docs', 's2'), uri)
    expect(ways(here, exposed)).toEqual([`server s2 ${uri}`])
    expect(findUnlisted(here, exposed)).toMatchObject({
      kind: 'resource',
      name: exposed,
      id: { organisation: 'acme', node: SELF, namespace: 'docs', name: uri },
      source: 's2',
      namespace: 'docs',
    })
  })

  test('of a template leads to the expansion at its server', () => {
    const here = around(rule(), [own('s', 'docs', [])])
    const expanded = exposeTemplate(homeAt('docs', 's'), 'test://item/{id}').replace('{id}', '7')
    expect(ways(here, expanded)).toEqual(['server s test://item/7'])
  })

  test('of a node is known from anything that it lists from there, the nearest way first', () => {
    const here = around(rule(), [
      imported('far', [federated('tool', ['p', 'x'])]),
      imported('near', [federatedAs('prompt', { shown: 'home__p', name: 'p' }, ['x'])]),
    ])
    const exposed = exposeUri(FAR, uri)
    expect(ways(here, exposed)).toEqual([`node near ${exposed}`, `node far ${exposed}`])
  })

  test('is asked of the node it is from in its own form where that shows no other', () => {
    const source = { ...imported('x', [federated('t', ['x'])]), peer: peerOf('x', 'plain') }
    expect(ways(around(rule(), [source]), exposeUri(FAR, uri))).toEqual([`node x ${uri}`])
    // What lies behind that node is not its own.
    const through = { ...imported('p', [federated('t', ['p', 'x'])]), peer: peerOf('p', 'plain') }
    const exposed = exposeUri(FAR, uri)
    expect(ways(around(rule(), [through]), exposed)).toEqual([`node p ${exposed}`])
  })

  test.each<[string, UriHome]>([
    ['another node', { ...FAR, node: 'y' }],
    ['another organisation', { ...FAR, organisation: 'other' }],
    ['another namespace', { ...FAR, namespace: 'hidden' }],
    ['another server', { ...FAR, source: 'other' }],
  ])('of %s than what is listed leads nowhere', (_what, home) => {
    const here = around(rule(), [imported('n', [federated('t', ['x'])])])
    expect(ways(here, exposeUri(home, uri))).toBeUndefined()
    expect(ways(here, exposeUri(FAR, uri))).toHaveLength(1)
  })

  test('of a namespace that is not offered, or lies too far away, leads nowhere', () => {
    const sources = [imported('n', [federated('t', ['p', 'x'])])]
    const exposed = exposeUri(FAR, uri)
    expect(ways(around(rule({ hopBudget: 3 }), sources), exposed)).toHaveLength(1)
    expect(ways(around(rule({ hopBudget: 2 }), sources), exposed)).toBeUndefined()
    expect(ways(around(rule({ namespaces: ['docs'] }), sources), exposed)).toBeUndefined()
  })

  test('is not asked of an upstream that has no resources', () => {
    const sources = [own('s', 'docs', [])]
    const exposed = exposeUri(homeAt('docs', 's'), uri)
    expect(ways(around(rule(), sources, { hasResources: () => false }), exposed)).toBeUndefined()
  })

  test('is understood at a plain endpoint too', () => {
    const here = around(PLAIN, [own('s', 'docs', []), own('t', 'docs', [])])
    expect(ways(here, exposeUri(homeAt('docs', 's'), uri))).toEqual([`server s ${uri}`])
  })
})

test('any other URI leads nowhere where URIs are exposed', () => {
  const here = around(rule(), [own('s', 'docs', [listedAs('template', 'test://{id}')])])
  expect(ways(here, 'test://7')).toBeUndefined()
})

describe('at a plain endpoint', () => {
  test('a URI goes where a template leads', () => {
    const here = around(PLAIN, [
      own('s1', 'docs', [listedAs('template', 'one://{id}')]),
      own('s2', 'docs', [listedAs('template', 'two://{id}')]),
    ])
    expect(ways(here, 'two://7')).toEqual(['server s2 two://7'])
    expect(findUnlisted(here, 'two://7')).toMatchObject({
      kind: 'resource',
      name: 'two://7',
      id: { name: 'two://7' },
      source: 's2',
    })
    expect(ways(here, 'three://7')).toBeUndefined()
  })

  test('of the ways of a template those that call it the same are taken', () => {
    const exposing = imported('e', [templateOf(exposeTemplate(FAR, 'x://{id}'), ['e', 'x'])])
    const here = around(PLAIN, [plainNode('n', ['x']), exposing, plainNode('m', ['m', 'x'])])
    expect(ways(here, 'x://7')).toEqual(['node n x://7', 'node m x://7'])
  })

  test('a URI goes to the only server there is', () => {
    expect(ways(around(PLAIN, [own('s', 'docs', [])]), 'any:thing')).toEqual(['server s any:thing'])
    const two = [own('s', 'docs', []), own('t', 'docs', [])]
    expect(ways(around(PLAIN, two), 'any:thing')).toBeUndefined()
    const only = around(PLAIN, two, { hasResources: (upstream) => upstream === 't' })
    expect(ways(only, 'any:thing')).toEqual(['server t any:thing'])
  })

  test('a node is one only if it shows URIs as they are', () => {
    const plain = plainNode('n', ['x'])
    const exposing = { ...plain, peer: peerOf('x', 'exposed') }
    expect(ways(around(PLAIN, [plain]), 'any:thing')).toEqual(['node n any:thing'])
    expect(ways(around(PLAIN, [exposing]), 'any:thing')).toBeUndefined()
  })

  test('no more than so many templates are tried', () => {
    const nearly = Array.from({ length: 300 }, (_, index) =>
      listedAs('template', `x:{id}/${String(index).padStart(3, '0')}`),
    )
    const here = around(PLAIN, [own('s', 'docs', nearly), own('t', 'docs', [])])
    expect(ways(here, 'x:7/001')).toHaveLength(1)
    expect(ways(here, 'x:7/299')).toBeUndefined()
  })
})
