// The parts of the console that only reckon: where things stand, what is drawn, and what is read.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

interface Place {
  readonly x: number
  readonly y: number
}

interface PictureNode {
  readonly id: string
  readonly name: string
  readonly organisation: string
  readonly state: string
  readonly self?: boolean
  readonly border?: boolean
}

interface PictureEdge {
  readonly from: string
  readonly to: string
  readonly state: string
  readonly label: string
}

interface Picture {
  readonly nodes: readonly PictureNode[]
  readonly edges: readonly PictureEdge[]
}

interface Modules {
  readonly Layout: new () => { place(picture: Picture): ReadonlyMap<string, Place> }
  readonly readMetrics: (text: string) => readonly { name: string; value: number }[]
  readonly sumOf: (samples: unknown, name: string, labels?: object) => number
  readonly trafficOf: (before: unknown, now: unknown, label: string, s: number) => object
  readonly pictureOf: (known: object) => Picture
  readonly readLog: (text: string) => readonly object[]
  readonly pictureAt: (
    events: unknown,
    count: number,
  ) => { picture: Picture; ways: ReadonlyMap<string, string> }
  readonly outcomeOf: (one: string, level: string, visible: boolean) => string
  readonly churnOf: (heard: unknown, now: number) => object
}

const PAGE = new URL('../../../node/control/console/', import.meta.url).href

async function load(name: string): Promise<Modules> {
  return (await import(`${PAGE}${name}.js`)) as Modules
}

function pictured(
  names: readonly string[],
  links: readonly (readonly [number, number])[],
): Picture {
  const nodes = names.map((id, i) => ({
    id,
    name: id,
    organisation: `o${i % 3}`,
    kind: 'node',
    state: 'up',
    self: i === 0,
  }))
  const edges = links.flatMap(([a, b]) => {
    const [from, to] = [names[a % names.length] ?? '', names[b % names.length] ?? '']
    return from === to ? [] : [{ id: `${from}>${to}`, from, to, state: 'up', label: '' }]
  })
  return { nodes, edges }
}

const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), {
  minLength: 2,
  maxLength: 40,
})
const links = fc.array(fc.tuple(fc.nat(40), fc.nat(40)), { maxLength: 60 })

test('the same picture stands at the same places, and nothing moves when more comes', async () => {
  const { Layout } = await load('layout')
  fc.assert(
    fc.property(names, links, fc.nat(), (all, some, at) => {
      const picture = pictured(all, some)
      const layout = new Layout()
      const first = new Map(layout.place(picture))
      expect(new Map(new Layout().place(picture))).toEqual(first)
      expect(first.size).toBe(all.length)
      const grown = pictured([...all, `new ${at}`], some)
      const then = layout.place(grown)
      for (const [id, place] of first) expect(then.get(id)).toEqual(place)
      expect(then.has(`new ${at}`)).toBe(true)
    }),
  )
})

test('no two things stand on each other', async () => {
  const { Layout } = await load('layout')
  fc.assert(
    fc.property(names, links, (all, some) => {
      const places = [...new Layout().place(pictured(all, some)).values()]
      for (const [i, a] of places.entries()) {
        for (const b of places.slice(i + 1))
          expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThan(40)
      }
    }),
  )
})

function exposition(count: number, sum: number): string {
  return `# HELP a words
# TYPE a counter
banyan_upstream_duration_seconds_count{upstream="a \\"b\\" \\\\"} ${count}
banyan_upstream_duration_seconds_sum{upstream="a \\"b\\" \\\\"} ${sum}
banyan_routes{state="selected"} 3
banyan_routes{state="stale"} 1
bare 2.5
`
}

test('what the node counts is read, and taken together', async () => {
  const { readMetrics, sumOf, trafficOf } = await load('metrics')
  const [before, now] = [readMetrics(exposition(2, 1)), readMetrics(exposition(12, 1.5))]
  expect([sumOf(now, 'banyan_routes'), sumOf(now, 'banyan_routes', { state: 'stale' })]).toEqual([
    4, 1,
  ])
  expect(sumOf(now, 'bare')).toBe(2.5)
  expect(trafficOf(before, now, 'a "b" \\', 5)).toEqual({ rate: 2, ms: 50 })
  expect(trafficOf(now, now, 'a "b" \\', 5)).toEqual({ rate: 0, ms: undefined })
})

const TOPOLOGY = {
  self: 'me',
  organisation: 'acme',
  gossip: true,
  members: [
    { id: 'me', name: 'edge', organisation: 'acme', status: 'drain', links: [], namespaces: [] },
  ],
  upstreams: ['up', 'suspect', 'down', 'up'].map((state, i) => ({
    label: `u${i}`,
    node: `n${i}`,
    name: `n${i}`,
    organisation: 'globex',
    state,
    epoch: 1,
    tells: true,
  })),
  downstreams: [],
  organisations: [],
}

test('a link that is idle is not one that is dead, and borders are seen by links over them', async () => {
  const { pictureOf } = await load('model')
  const traffic = { u0: { rate: 0, ms: undefined }, u3: { rate: 2, ms: 12.34 } }
  const upstreams = [{ label: 's', kind: 'stdio', phase: 'down', target: 'x' }]
  const { nodes, edges } = pictureOf({ topology: TOPOLOGY, upstreams, routes: [], traffic })
  expect(edges.map(({ to, state, label }) => [to, state, label])).toEqual([
    ['n0', 'idle', 'idle'],
    ['n1', 'suspect', 'suspect'],
    ['n2', 'down', 'down'],
    ['n3', 'up', '12.3 ms · 2.00/s'],
    ['upstream:s', 'down', 'down'],
  ])
  expect(nodes.map(({ name, border, state }) => [name, border, state])).toEqual([
    ['edge', true, 'drain'],
    ['n0', true, 'up'],
    ['n1', true, 'up'],
    ['n2', true, 'down'],
    ['n3', true, 'up'],
    ['s', undefined, 'down'],
  ])
})

test('a level that was decided at says what became of the others', async () => {
  const { outcomeOf } = await load('levels')
  const row = (level: string, visible: boolean): readonly string[] =>
    ['endpoint', 'namespace', 'capability'].map((one) => outcomeOf(one, level, visible))
  expect(row('caller', false)).toEqual(['skipped', 'skipped', 'skipped'])
  expect(row('endpoint', false)).toEqual(['denied', 'skipped', 'skipped'])
  expect(row('namespace', false)).toEqual(['passed', 'denied', 'skipped'])
  expect(row('capability', false)).toEqual(['passed', 'passed', 'denied'])
  expect(row('scopes', false)).toEqual(['passed', 'passed', 'passed'])
  for (const level of ['open', 'capability', 'scopes']) {
    expect(row(level, true)).toEqual(['passed', 'passed', 'passed'])
  }
})

test('a log that is none is refused by its line, and one is played up to a moment', async () => {
  const { readLog, pictureAt } = await load('replay')
  for (const [text, line] of [
    ['{"t":1,"type":"link"}\n\n{}', 3],
    ['nonsense', 1],
    ['{"t":"1","type":"link"}', 1],
    ['[]', 1],
    ['null', 1],
  ] as const) {
    expect(() => readLog(text)).toThrow(`line ${line} is no event of a lab`)
  }
  const events = readLog(`{"t":0,"node":"a","type":"link","peer":"b","up":true}
{"t":1,"node":"a","type":"route","key":"b x","path":["a","b"]}
{"t":2,"node":"b","type":"crash"}
{"t":3,"node":"a","type":"link","peer":"b","up":false}
{"t":3,"node":"a","type":"route","key":"b x","path":null}
`)
  const at = (count: number): unknown => {
    const { picture, ways } = pictureAt(events, count)
    return [
      picture.nodes.map(({ state }) => state),
      picture.edges.map(({ state }) => state),
      [...ways],
    ]
  }
  expect(at(0)).toEqual([['up', 'up'], ['none'], []])
  expect(at(2)).toEqual([['up', 'up'], ['up'], [['a → b x', 'a → b']]])
  expect(at(5)).toEqual([['up', 'down'], ['down'], []])
})

test('churn counts the last minute alone', async () => {
  const { churnOf } = await load('churn')
  const heard = [
    { at: 0, type: 'routes', changes: 1_000 },
    { at: 100_000, type: 'routes', changes: 120 },
    { at: 100_000, type: 'link', peer: 'a', up: false },
    { at: 110_000, type: 'link', peer: 'a', up: true },
    { at: 110_000, type: 'upstream', label: 'b', up: true },
    { at: 110_000, type: 'missed', events: 7 },
    { at: 110_000, type: 'lists' },
  ]
  expect(churnOf(heard, 120_000)).toEqual({
    rate: 2,
    changes: 120,
    turns: [
      ['link to a', 2],
      ['upstream b', 1],
    ],
    lists: 1,
    missed: 7,
  })
})
