// The nodes that may have what a node does not list: by names alone, and never one that could not.
import { assert, property, stringMatching } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { waysTo, type Way } from '../../../node/control/ways-to.ts'
import { parseConfig } from '../../../node/core/config.ts'
import { exportedNamespace, importedNamespace } from '../../../protocol/names.ts'

const url = 'http://127.0.0.1:2/mcp/main'
const config = parseConfig({
  node: { name: 'edge', organisation: 'acme', state: 'memory' },
  upstreams: {
    files: { http: { url: 'http://127.0.0.1:1/mcp' } },
    hub: { node: { url, as: 'hub-{namespace}', import: ['public-*'] } },
    flat: { node: { url, as: 'f-{namespace}' } },
  },
  namespaces: { docs: { from: ['files'] } },
  endpoints: {
    main: { namespaces: ['docs', 'hub-*', 'f-mail'] },
    plain: { namespaces: ['f-mail'], names: 'plain' },
  },
})

function told({ label, question: { namespace, name } }: Way): string {
  return `${label} ${namespace} ${name}`
}

describe('a name that is not listed', () => {
  test.each<[string, readonly string[]]>([
    ['hub-public-a__x', ['hub public-a x']],
    // From there it is not imported.
    ['hub-secret__x', []],
    ['f-mail__send', ['flat mail send']],
    ['f-other__x', []],
    // A server of this node's own hides nothing.
    ['docs__x', []],
    ['other__x', []],
    ['nothing', []],
  ])('%s may be at %j', (name, found) => {
    const ways = waysTo(config, 'main', { name })
    expect(ways.map(told)).toEqual(found)
    expect(ways.every(({ namespace }) => name.startsWith(`${namespace}__`))).toBe(true)
  })

  test('without prefixes is of the one namespace', () => {
    expect(waysTo(config, 'plain', { name: 'send', kind: 'prompt' })).toMatchObject([
      { label: 'flat', question: { kind: 'prompt', namespace: 'mail', name: 'send' } },
    ])
  })

  test('that is a URI may be at every node, as it is', () => {
    const ways = waysTo(config, 'main', { name: 'file:///a' })
    expect(ways.map(({ label }) => label).toSorted()).toEqual(['flat', 'hub'])
    expect(ways[0]?.question).toEqual({ name: 'file:///a' })
  })

  test('that another node asks for is asked for by what that is called here', () => {
    expect(waysTo(config, 'main', { namespace: 'f-mail', name: 'send' })).toMatchObject([
      { label: 'flat', question: { namespace: 'mail', name: 'send' } },
    ])
  })
})

const word = stringMatching(/^[a-z0-9-]{1,8}$/)

test('law: an imported namespace leads back to what it was made of', () => {
  assert(
    property(word, word, word, word, (before, after, label, namespace) => {
      const as = `${before}{upstream}${after}{namespace}${before}`
      expect(exportedNamespace(as, label, importedNamespace(as, label, namespace))).toBe(namespace)
      expect(exportedNamespace(`${as}{namespace}`, label, namespace)).toBeUndefined()
    }),
  )
})
