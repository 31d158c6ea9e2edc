// What a file shows to somebody, without any server.
import { describe, expect, test } from 'vitest'
import type { CapabilityKind } from '../../../protocol/capability.ts'
import type { AskedAbout } from '../../../node/control/asked-about.ts'
import type { Explanation, Explanations } from '../../../node/control/explain.ts'
import { explainFile, explainFileName } from '../../../node/control/explain-file.ts'
import { parseConfigText } from '../../../node/core/config-file.ts'

const FILE = `node: { name: edge, organisation: acme, state: memory }
issuer: {}
upstreams:
  files: { http: { url: 'http://127.0.0.1:1/mcp' } }
  hub: { node: { url: 'http://127.0.0.1:2/mcp/main', as: 'hub-{namespace}' } }
namespaces: { docs: { from: [files] } }
endpoints:
  main: { namespaces: [docs, 'hub-*'] }
  plain: { namespaces: [docs], names: plain }
clients: { analyst: { keys: ann }, admin: { keys: bob } }
tags: { risky: ['docs__write_*', 'mail__*'] }
visibility:
  - { for: admin, endpoints: [main] }
  - { for: analyst, namespaces: [docs], tools: { allow: ['docs__*'], deny: [{ tag: risky }] } }
  - { for: '*', endpoints: [main], namespaces: [hub-demo], tools: [hub-demo__echo, '*__ping'] }
  - { for: admin, endpoints: { deny: [plain] } }
expect:
  - { for: analyst, endpoint: main, sees: [docs__read], hides: [docs__write_file] }
`
const { config } = parseConfigText(FILE, 'edge.yaml', {})

function lines({ items }: Explanations): readonly string[] {
  return items.map(({ visible, kind, name, because }: Explanation) => {
    return `${visible ? 'sees' : 'hides'} ${kind} ${name}: ${because}`
  })
}

function all(asked: AskedAbout, endpoint: string, kinds?: readonly CapabilityKind[]): Explanations {
  return explainFile(config, { asked, endpoints: [endpoint], ...(kinds && { kinds }) })
}

const ANALYST = { classes: ['analyst'] }

describe('what the file itself names', () => {
  test('is explained name by name, and all else as a star', () => {
    expect(lines(all(ANALYST, 'main', ['tool']))).toEqual([
      'sees tool docs__ping: edge.yaml:14 allows it',
      'sees tool docs__read: edge.yaml:14 allows it',
      'hides tool docs__write_*: edge.yaml:14 denies the tool',
      'hides tool docs__write_file: edge.yaml:14 denies the tool',
      'sees tool docs__*: edge.yaml:14 allows it',
      'hides tool hub-*__ping: no rule allows the namespace',
      'hides tool hub-*__*: no rule allows the namespace',
      'sees tool hub-demo__echo: edge.yaml:15 allows it',
      'sees tool hub-demo__ping: edge.yaml:15 allows it',
      'hides tool hub-demo__*: no rule allows the tool',
    ])
  })

  test('at an endpoint without prefixes has none', () => {
    const found = lines(all(ANALYST, 'plain', ['tool']))
    expect(found).toContain('hides tool write_*: edge.yaml:14 denies the tool')
    expect(found.at(-1)).toBe('sees tool *: edge.yaml:14 allows it')
  })

  test('where a whole endpoint is denied, is hidden by that rule', () => {
    const reasons = new Set(
      all({ classes: ['admin'] }, 'plain').items.map(({ because }) => because),
    )
    expect([...reasons]).toEqual(['edge.yaml:16 denies the endpoint'])
  })

  test('with scopes that cover a part, says that they do not cover all', () => {
    const asked = { classes: ['analyst'], scopes: ['tool:docs/read'] }
    const found = lines(all(asked, 'main', ['tool']))
    expect(found).toContain('sees tool docs__read: edge.yaml:14 allows it')
    expect(found).toContain('hides tool docs__*: the scopes do not cover all of it')
    expect(found).toContain(
      'hides tool docs__ping: the scopes do not cover it: tool:docs/ping would',
    )
  })

  test('names the level, the rule and the hop', () => {
    const [first] = all(ANALYST, 'main', ['tool']).items
    expect(first).toMatchObject({
      level: 'capability',
      rule: { index: 1, place: 'edge.yaml:14' },
      hop: 'acme/edge',
    })
  })
})

function one(name: string, kinds?: readonly CapabilityKind[]): Explanations {
  const endpoints = ['main', 'plain']
  return explainFileName(config, { asked: ANALYST, endpoints, ...(kinds && { kinds }) }, name)
}

describe('one name', () => {
  test('is explained whether or not anything has it', () => {
    expect(lines(one('docs__write_all'))).toEqual([
      'hides tool docs__write_all: edge.yaml:14 denies the tool',
      // Without prefixes that is the whole name.
      'sees tool docs__write_all: edge.yaml:14 allows it',
    ])
    expect(lines(one('hub-demo__echo'))[0]).toBe('sees tool hub-demo__echo: edge.yaml:15 allows it')
  })

  test('of a namespace that is not offered is nowhere', () => {
    const { items, unlisted } = one('mail__send')
    expect(items.map(({ endpoint }) => endpoint)).toEqual(['plain'])
    expect(unlisted).toEqual([
      { endpoint: 'main', reasons: ['it offers no namespace that this could be in'] },
    ])
  })

  test('of a URI may be in any namespace', () => {
    const { items } = one('file:///a', ['resource'])
    expect(items.map(({ endpoint, namespace }) => `${endpoint} ${namespace}`)).toEqual([
      'main docs',
      'main hub-*',
      'main hub-demo',
      'plain docs',
    ])
  })
})

test('that rules go by what tools say of themselves is said', () => {
  const text = FILE.replace("tools: { allow: ['docs__*']", 'tools: { allow: [{ readOnly: true }]')
  const other = parseConfigText(text.replace('sees: [docs__read], ', ''), 'edge.yaml', {}).config
  const { notes } = explainFile(other, { asked: ANALYST, endpoints: ['main'] })
  expect(notes).toEqual([
    { endpoint: 'main', note: expect.stringContaining('say nothing') as string },
  ])
  expect(all(ANALYST, 'main').notes).toEqual([])
})

test('that an endpoint lists few of the tools it shows is said', () => {
  const text = FILE.replace(
    "namespaces: [docs, 'hub-*'] }",
    "namespaces: [docs, 'hub-*'], tools: search }",
  )
  const other = parseConfigText(text, 'edge.yaml', {}).config
  const { notes } = explainFile(other, { asked: ANALYST, endpoints: ['main', 'plain'] })
  expect(notes).toEqual([
    { endpoint: 'main', note: expect.stringContaining('tools: search') as string },
  ])
})
