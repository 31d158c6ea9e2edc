// A lab file as configurations of real nodes.
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../../node/core/config.ts'
import { parseLabText } from '../../../node/main/lab-file.ts'
import type { Lab } from '../../../topology/lab/lab.ts'
import { nodeConfigs, unrealIn, type LabSurroundings } from '../../../topology/lab/node-configs.ts'

const ID = 'A'.repeat(43)

const AROUND: LabSurroundings = {
  place: (node) => ({ listen: '127.0.0.1:0', state: `/state/${node}`, id: ID }),
  server: (node, namespace) => ({ http: { url: `http://localhost/${node}/${namespace}` } }),
  linkUrl: (from, to) => `http://localhost/${from}/${to}`,
  nats: () => 'nats://localhost:4222',
}

const TEXT = `name: borders
organisations:
  acme: { gossip: off, import: [{ from: globex, preference: 5, behind: ['*'] }, { deny: true }] }
  globex: { gossip: bus, export: [{ to: acme, namespaces: [docs], transit: true }, { deny: true }] }
nodes:
  a: { organisation: acme, namespaces: 0, upstreams: [g] }
  h: { organisation: globex, namespaces: [inner] }
  g: { organisation: globex, namespaces: [{ name: docs, tags: [open] }, mail] }
links:
  - { from: a, to: h, cost: 7, filter: { deny: { tag: secret, namespace: 'x*' } } }
  - g->h
`

function parse(text: string): Lab {
  return parseLabText(text, 'f.mesh.yaml').lab
}

function configsOf(text: string): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  return nodeConfigs(parse(text), AROUND)
}

describe('configurations of the nodes of a lab', () => {
  test('say what the file says of nodes, links, policies and prices', () => {
    const { a, g } = Object.fromEntries(configsOf(TEXT))
    expect(a).toEqual({
      node: { name: 'a', organisation: 'acme', listen: '127.0.0.1:0', state: '/state/a' },
      limits: { hopBudget: 16 },
      namespaces: {},
      tags: {},
      endpoints: { main: { namespaces: ['*'] } },
      upstreams: {
        g: { node: { url: 'http://localhost/a/g', as: '{namespace}' } },
        h: { node: { url: 'http://localhost/a/h', as: '{namespace}' } },
      },
      gossip: {
        members: 'first-use',
        disclose: 'full',
        imports: [
          { peer: ID, tags: ['secret'], deny: true },
          { peer: ID, namespaces: ['x*'], deny: true },
          { from: 'globex', behind: ['*'], preference: 5 },
          { deny: true },
        ],
        exports: [],
        links: { g: 1, h: 7 },
      },
    })
    expect(g).toMatchObject({
      upstreams: { 'of-docs': { http: { url: 'http://localhost/g/docs' } } },
      namespaces: { docs: { from: ['of-docs'] }, mail: { from: ['of-mail'] } },
      tags: { open: ['docs__*'] },
      gossip: {
        nats: 'nats://localhost:4222',
        exports: [
          { to: 'acme', namespaces: ['docs'], allow: true, transit: true },
          { allow: false },
        ],
      },
    })
  })

  test('are ones that nodes take', () => {
    for (const config of configsOf(TEXT).values()) {
      expect(() => parseConfig(config, { env: {} })).not.toThrow()
    }
  })

  test('keep namespaces of one name apart', () => {
    const { a } = Object.fromEntries(
      configsOf('name: l\nnodes: { a: { upstreams: [b] }, b: {} }\n'),
    )
    expect(a).toMatchObject({ upstreams: { b: { node: { as: '{upstream}-{namespace}' } } } })
  })

  test('need the id of a node that a filter is for', () => {
    const around = { ...AROUND, place: () => ({ listen: 'x:0', state: 'memory' }) }
    expect(() => nodeConfigs(parse(TEXT), around)).toThrow('the id of h')
  })
})

test('what real nodes cannot do is said, and where', () => {
  expect(unrealIn(parse(TEXT))).toEqual([])
  const text = `name: odd
organisations: { acme: { export: [{ as: other }] } }
nodes: { A_1: { namespaces: [{ name: docs, service: s }, 'ä'] } }
`
  expect(unrealIn(parse(text)).map(({ path }) => path.join('.'))).toEqual([
    'organisations.acme.export',
    'nodes.A_1',
    'nodes.A_1.namespaces.docs',
    'nodes.A_1.namespaces.ä',
  ])
})
