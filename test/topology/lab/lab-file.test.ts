// Lab files: what they mean, and where they are wrong.
import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { stringify } from 'yaml'
import { describe, expect, test } from 'vitest'
import { parseLabText, publishLabSchema } from '../../../node/main/lab-file.ts'
import { expandedText } from '../../../node/main/lab-outcome.ts'
import { doubtfulLinks } from '../../../topology/lab/check-lab.ts'
import { dotOf, readShape } from '../../../topology/lab/describe.ts'
import type { Lab } from '../../../topology/lab/lab.ts'
import {
  readArrow,
  readDuration,
  readPause,
  readRate,
  readShare,
  readShift,
} from '../../../topology/lab/units.ts'

function parse(text: string): Lab {
  return parseLabText(text, 'f.mesh.yaml').lab
}

function errorOf(text: string): string {
  try {
    parse(text)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  throw new Error('nothing is wrong with it')
}

const TWO = 'name: two\nnodes: { a: {}, b: {} }\nlinks: [a->b]\n'

describe('what is wrong, and where', () => {
  test.each([
    ['name: x\nnodse: {}\n', 'f.mesh.yaml:2:1 nodse: unknown key, did you mean "nodes"?'],
    ['nodes: { a: {} }\n', 'f.mesh.yaml:1:1 name: is missing'],
    ['name: x\n', 'f.mesh.yaml:1:1 has no nodes'],
    ['name: x\nname: y\n', 'f.mesh.yaml:2:1 the key is in the table twice'],
    ['name: x\nnodes: { a: { upstreams: [b] } }\n', 'f.mesh.yaml:2:27 nodes.a.upstreams[0]'],
    ['name: x\nnodes: { a: {} }\nlinks:\n  - a->b\n', '4:5 links[0]: there is no node "b"'],
    [`${TWO}faults:\n  - { at: 3, heal: true }\n`, '5:11 faults[0].at: must be text, not a number'],
    [`${TWO}faults:\n  - { at: 3x, heal: true }\n`, '5:11 faults[0].at: is no duration'],
    [`${TWO}faults: [{ at: 1s }]\n`, 'does not do one thing'],
    [`${TWO}faults: [{ at: 1s, heal: true, drain: a }]\n`, 'does not do one thing'],
    [`${TWO}faults: [{ heal: true }]\n`, 'needs either "at" or "every"'],
    [`${TWO}faults: [{ at: 1s, from: 2s, heal: true }]\n`, '"from" and "until" go with "every"'],
    [`${TWO}faults: [{ at: 1s, for: 2s, heal: true }]\n`, '"for" does not go with heal'],
    [`${TWO}faults: [{ at: 1s, crash: c }]\n`, 'there is no node "c"'],
    [`${TWO}faults: [{ at: 1s, cut: b->a }]\n`, 'there is no link "b->a"'],
    [`${TWO}faults: [{ at: 1s, bus: x, down: 1s }]\n`, 'faults[0].bus: there is no bus "x"'],
    [`${TWO}faults: [{ at: 1s, bus: nats-lab }]\n`, 'a bus needs either "down" or "drop"'],
    [`${TWO}faults: [{ at: 1s, crash: { restart: 1s } }]\n`, 'nothing is picked'],
    [`${TWO}faults: [{ at: 1s, pick: random(link), drain: picked }]\n`, 'does not go with drain'],
    [`${TWO}faults: [{ at: 1s, pick: random(node), drain: a }]\n`, 'is of no use'],
    [`${TWO}expect: [{ always: no-lops }]\n`, 'did you mean "no-loops"?'],
    [`${TWO}expect: [{ always: no-loops, within: 1s }]\n`, 'go with "eventually"'],
    [`${TWO}expect: [{ within: 1s }]\n`, 'needs one of always, eventually, sometimes'],
    [`${TWO}clients: { c: { at: d, calls: { rate: 1/s } } }\n`, 'clients.c.at: there is no node'],
    [`${TWO}generate: [{ shape: ring, n: 2 }]\n`, '4:12 generate[0]: ring needs n from 3'],
    [`${TWO}generate: [{ shape: line, n: 2, organisation: o }]\n`, 'there is no organisation "o"'],
    ['name: x\nnodes: { a: {} }\nlinks: [a->a]\n', 'leads from a node to itself'],
    ['name: x\nnodes: { a: {}, b: {} }\nlinks: [a->b, a->b]\n', 'there is a link "a->b" already'],
    ['name: x\nnodes: { n0: {} }\ngenerate: [{ shape: line, n: 1 }]\n', 'a node "n0" already'],
  ])('%j', (text, message) => {
    expect(errorOf(text)).toContain(message)
  })

  test('a border where nothing may pass is doubtful', () => {
    const text = `name: x
organisations: { acme: { import: [{ from: globex }] }, globex: {} }
nodes: { a: { organisation: acme }, g: { organisation: globex } }
links: [a->g]
`
    expect(doubtfulLinks(parse(text))).toEqual([
      'nothing passes a->g: globex exports nothing to acme',
    ])
  })
})

describe('what a file means', () => {
  test('defaults, counts and rules', () => {
    const lab = parse(`name: x
defaults: { link: { latency: 40ms, loss: 1% }, node: { namespaces: 2, tools: 7 } }
organisations: { acme: { export: [{ namespaces: ['public-*'], as: pub }] }, globex: { gossip: off } }
nodes:
  a: { role: border }
  b: { organisation: globex, namespaces: [docs, { name: mail, tags: [x], service: post }] }
links: [{ from: a, to: b, latency: 3ms, filter: { deny: { tag: internal } } }]
`)
    expect(lab.nodes.get('a')?.namespaces.map(({ name, count }) => [name, count])).toEqual([
      ['ns1', 7],
      ['ns2', 7],
    ])
    expect(lab.nodes.get('b')?.namespaces[1]).toMatchObject({ tags: ['x'], service: 'post' })
    expect(lab.links[0]).toMatchObject({ latency: 3, jitter: 2, loss: 0.01 })
    expect(lab.organisations.get('globex')?.gossip).toBeUndefined()
    expect(lab.organisations.get('acme')).toMatchObject({
      gossip: 'nats-acme',
      exports: [{ namespaces: ['public-*'], as: 'pub', allow: true }],
    })
  })

  test('law: an expanded file is read as the same lab', () => {
    const shapes = fc.constantFrom(
      'tree:2,2',
      'scale-free:12,2',
      'small-world:10,4,0.3',
      'clos:2,3,2',
    )
    fc.assert(
      fc.property(shapes, fc.nat(1_000), (shape, seed) => {
        const text = stringify({ name: 'x', seed, generate: [readShape(shape)] })
        const loaded = parseLabText(text, 'f')
        expect(parseLabText(expandedText(loaded), 'g').lab).toEqual(loaded.lab)
      }),
      { numRuns: 40 },
    )
  })

  test('a graph has a box for each organisation', () => {
    const dot = dotOf(parse(TWO))
    expect(dot).toContain('subgraph "cluster_lab"')
    expect(dot).toContain('"a" -> "b"')
  })

  test('mesh.schema.json is what the schema says: run "node node/main/schema.ts" when not', () => {
    const file = new URL('../../../mesh.schema.json', import.meta.url)
    expect(readFileSync(file, 'utf8')).toBe(publishLabSchema())
  })
})

describe('quantities', () => {
  test('law: durations are read as they are written', () => {
    fc.assert(
      fc.property(fc.nat(100_000), (ms) => {
        expect(readDuration(`${ms}ms`)).toBe(ms)
        expect(readShift(`-${ms}s`)).toBe(ms === 0 ? -0 : -ms * 1_000)
      }),
    )
  })

  test('others', () => {
    expect([readDuration('1.5s'), readDuration('5'), readDuration('5 s')]).toEqual([
      1_500,
      undefined,
      undefined,
    ])
    expect([readShift('+5m'), readShare('1%'), readShare('101%')]).toEqual([
      300_000,
      0.01,
      undefined,
    ])
    expect([readRate('5/s'), readRate('30/m'), readRate('0/s')]).toEqual([5, 0.5, undefined])
    expect(readPause('exp(30s)')).toEqual({ mean: 30_000, random: true })
    expect(readArrow('a -> b')).toEqual({ from: 'a', to: 'b' })
    expect(() => readShape('tree:3')).toThrow('tree is written tree:k,depth')
    expect(() => readShape('treee:3,2')).toThrow('is no shape')
  })
})
