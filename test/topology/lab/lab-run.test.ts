// Runs of labs: what faults do, that expectations can break, and that a run repeats.
import { readFile } from 'node:fs/promises'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseLabText } from '../../../node/main/lab-file.ts'
import { expandedText } from '../../../node/main/lab-outcome.ts'
import { FilterAudit, loopIn, VersionWatch } from '../../../topology/lab/always.ts'
import type { Sabotage } from '../../../topology/lab/build.ts'
import { LabRun } from '../../../topology/lab/lab-run.ts'
import type { LabSummary } from '../../../topology/lab/summary.ts'
import type { CheckResult } from '../../../topology/lab/verdict.ts'
import type { Route } from '../../../topology/route.ts'
import type { MeshSim } from '../../../topology/sim/mesh-sim.ts'

interface Result {
  readonly checks: readonly CheckResult[]
  readonly summary: LabSummary
  readonly events: readonly string[]
  readonly metrics: readonly string[]
}

function play(text: string, sabotage?: Sabotage): Result {
  const [events, metrics]: [string[], string[]] = [[], []]
  const sink = {
    event: (line: string) => void events.push(line),
    metric: (row: string) => void metrics.push(row),
  }
  const run = new LabRun(parseLabText(text, 'f').lab, sink, sabotage)
  while (run.advance(1_000));
  return { checks: run.results(), summary: run.summary(), events, metrics }
}

const MESH = `name: mesh
defaults: { node: { namespaces: 0 } }
nodes:
  a: { upstreams: [b, c] }
  b: { upstreams: [d] }
  c: { upstreams: [d] }
  d: { namespaces: [docs] }
`

function list(key: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${key}:\n${lines.map((line) => `  - ${line}\n`).join('')}`
}

/** A mesh of four, under faults and expectations. */
function mesh(faults: readonly string[], expects: readonly string[] = []): string {
  return `${MESH}${list('faults', faults)}${list('expect', expects)}`
}

function verdicts({ checks }: Result): string[] {
  return checks.map(({ verdict }) => verdict)
}

describe('faults', () => {
  test.each([
    ['{ at: 5s, crash: [b, c], for: 3s }', ['crash', 'restart'], ['link-down', 'route-lost']],
    [
      '{ at: 5s, crash: { node: d, restart: 3s, loseDisk: true } }',
      ['crash', 'restart'],
      ['route-lost'],
    ],
    ['{ at: 5s, cut: a->c, for: 30s }', ['cut', 'mend'], ['link-down', 'rerouted']],
    [
      '{ at: 5s, cut: { link: [b->d, c->d], way: back }, for: 30s }',
      ['cut', 'mend'],
      ['route-lost'],
    ],
    ['{ at: 5s, partition: [[a, b, c], [d]], for: 30s }', ['partition', 'heal'], ['route-lost']],
    ['{ at: 5s, bus: nats-lab, down: 5s }', ['bus-down', 'bus-up'], []],
    ['{ at: 5s, bus: nats-lab, drop: 50%, for: 5s }', ['bus-down', 'bus-up'], []],
    ['{ at: 5s, apart: a, for: 5s }', ['apart', 'back'], []],
    ['{ at: 5s, skew: { a: +5m, d: -1h } }', ['skew'], []],
    ['{ at: 5s, byzantine: { d: [equivocate] } }', ['byzantine'], ['twin-found']],
    ['{ at: 5s, byzantine: { d: [forge-record, replay] } }', ['byzantine'], ['record-refused']],
    ['{ at: 5s, publish: d }', ['publish'], []],
    ['{ at: 5s, withdraw: d, for: 5s }', ['withdraw', 'publish'], ['route-lost']],
    ['{ at: 5s, drain: b }', ['drain'], []],
    [
      '{ every: 2s, until: 9s, pick: random(node), crash: { restart: 500ms } }',
      ['crash', 'restart'],
      [],
    ],
    [
      '{ every: exp(2s), until: 20s, pick: random(link), cut: { way: forth }, for: 1s }',
      ['cut', 'mend'],
      [],
    ],
  ])('%s', (fault, triggers, seen) => {
    const expects = [
      ...['no-loops', 'no-dead-routes', 'filter-composition', 'versions-forward'].map(
        (what) => `always: ${what}`,
      ),
      ...['converged', 'agreed', 'silent'].map(
        (what) => `{ eventually: ${what}, within: 70s, after: ${triggers.at(-1)} }`,
      ),
      ...seen.map((what) => `sometimes: ${what}`),
    ]
    const result = play(mesh([fault], expects))
    expect(result.checks.filter(({ verdict }) => verdict !== 'ok')).toEqual([])
    const kinds = new Set(result.summary.faults.map((one) => one.fault))
    expect(kinds).toEqual(new Set(['start', ...triggers]))
  })

  test('healing ends everything that was done', () => {
    const result = play(
      mesh(
        [
          '{ at: 5s, cut: a->b }',
          '{ at: 6s, partition: [[a, b, c], [d]] }',
          '{ at: 7s, apart: a }',
          '{ at: 8s, bus: nats-lab, drop: 100% }',
          '{ at: 30s, heal: true }',
        ],
        ['{ eventually: converged, within: 60s, after: heal }'],
      ),
    )
    expect(verdicts(result)).toEqual(['ok'])
  })

  test('what is mended stays mended when the cut would have ended', () => {
    const { summary } = play(mesh(['{ at: 5s, cut: a->b, for: 9s }', '{ at: 7s, mend: a->b }']))
    expect(summary.faults.map(({ fault }) => fault)).toEqual(['start', 'cut', 'mend'])
  })
})

describe('clients', () => {
  test('calls follow the tables, and take another way when nothing can be sent on the first', () => {
    const text = mesh(
      ['{ at: 5s, partition: [[b], [a, c, d]], for: 20s }'],
      ['sometimes: failover-used'],
    )
    const { checks, summary } = play(`${text}clients: { one: { at: a, calls: { rate: 20/s } } }\n`)
    // Whichever of the two ways is the better one.
    const other = play(
      `${mesh(['{ at: 5s, partition: [[c], [a, b, d]], for: 20s }'], ['sometimes: failover-used'])}clients: { one: { at: a, calls: { rate: 20/s, mix: zipf } } }\n`,
    )
    expect([checks[0]?.verdict, other.checks[0]?.verdict]).toContain('ok')
    expect(summary.calls.asked).toBeGreaterThan(100)
    expect(summary.calls.answered + summary.calls.failed).toBeLessThanOrEqual(summary.calls.asked)
    expect(summary.calls.success).toBeGreaterThan(0.5)
  })

  test.each(['docs', 'papers'])('are answered over a border, by the name %s there', (as) => {
    const { summary } = play(`
name: border
seed: 1
duration: 10s
organisations:
  near: { import: [{ from: far, namespaces: [${as}] }] }
  far: { export: [{ to: near, namespaces: [docs], as: ${as} }] }
nodes:
  user: { organisation: near, namespaces: 0, upstreams: [gate] }
  gate: { organisation: far, role: border, namespaces: 0, upstreams: [home] }
  home: { organisation: far, namespaces: [docs, mail] }
clients: { one: { at: user, calls: { rate: 10/s } } }
`)
    expect(summary.calls).toMatchObject({ success: 1, failed: 0 })
    expect(summary.calls.answered).toBeGreaterThan(50)
  })
})

function routeOf(path: readonly string[], change: Partial<Route> = {}): Route {
  return {
    key: { origin: 'd', namespace: 'docs' },
    revision: 'r0',
    path: path.map((id) => ({ id, inc: 1, epoch: 1 })),
    organisations: ['lab'],
    cost: 0,
    tags: [],
    ...change,
  }
}

/** A mesh of one node that has a record of another. */
function storing(seq: number): MeshSim {
  const db = { nodes: () => ['b'], version: () => ({ inc: 1, seq }) }
  return { nodes: new Map([['a', { id: 'a', life: 1, speaker: { db } }]]) } as unknown as MeshSim
}

describe('expectations can break', () => {
  test('no-loops', () => {
    expect(loopIn('a', routeOf(['a', 'b', 'a']))).toContain('a node twice')
    expect(loopIn('a', routeOf(['a', 'b'], { organisations: ['x', 'y', 'x'] }))).toContain(
      'an organisation',
    )
    expect(loopIn('a', routeOf(['b', 'c']))).toContain('does not begin')
    expect(loopIn('a', routeOf(['a', 'b']))).toBeUndefined()
  })

  test('no-dead-routes: a node that waits before it chooses anew', () => {
    const text = mesh(
      Array.from({ length: 12 }, (_, at) => `{ at: ${10_100 + at * 5_000}ms, crash: d, for: 1s }`),
      ['always: no-dead-routes'],
    )
    expect(verdicts(play(text))).toEqual(['ok'])
    expect(verdicts(play(text, { tuning: { gather: 3_000 } }))).toEqual(['broken'])
  })

  const FILTERED = `name: filtered
organisations:
  acme: { import: [{ from: globex, namespaces: [docs] }] }
  globex: { export: [{ to: acme, namespaces: [docs, mail] }] }
nodes:
  a: { organisation: acme, namespaces: 0 }
  b: { organisation: acme, namespaces: [{ name: plans, tags: [internal] }, open] }
  g: { organisation: globex, namespaces: [docs, mail, secret] }
links: [a->g, { from: a, to: b, filter: { deny: { tag: internal } } }]
expect:
  - always: filter-composition
  - { eventually: converged, within: 5s }
`

  test('filter-composition: a node that takes, or offers, what it should not', () => {
    expect(verdicts(play(FILTERED))).toEqual(['ok', 'ok'])
    const greedy: Sabotage = {
      plan: (plan) => (plan.id === 'a' ? { ...plan, imports: [{ preference: 0 }] } : plan),
    }
    expect(verdicts(play(FILTERED, greedy))).toEqual(['broken', 'broken'])
    const open: Sabotage = {
      plan: (plan) => ({ ...plan, exports: [{ allow: true }], imports: [{ preference: 0 }] }),
    }
    expect(play(FILTERED, open).checks[0]?.what).toBeDefined()
  })

  test('filter-composition: tags that keep a route', () => {
    const audit = new FilterAudit(parseLabText(FILTERED, 'f').lab)
    expect(audit.objection(routeOf(['a', 'b'], { tags: ['no-export'] }))).toContain('no-export')
    const far = { tags: ['no-transit'], organisations: ['acme', 'globex', 'third'] }
    expect(audit.objection(routeOf(['a', 'g'], far))).toContain('no-transit')
    expect(audit.objection(routeOf(['a', 'g']))).toBeUndefined()
  })

  test('versions-forward', () => {
    const watch = new VersionWatch()
    expect([watch.look(storing(2)), watch.look(storing(3))]).toEqual([[], []])
    expect(watch.look(storing(2))).toEqual(['a went back to an older record of b'])
  })

  test('eventually: too soon, or never', () => {
    const soon = ['converged', 'agreed', 'silent'].map(
      (what) => `{ eventually: ${what}, within: 1ms, after: crash }`,
    )
    const result = play(mesh(['{ at: 5s, crash: d }'], soon))
    expect(verdicts(result)).toEqual(['broken', 'ok', 'broken'])
    const apart = mesh(
      ['{ at: 5s, apart: a }', '{ at: 5s, partition: [[a], [b, c, d]] }', '{ at: 6s, publish: d }'],
      ['{ eventually: agreed, within: 5s, after: publish }'],
    )
    expect(verdicts(play(apart))).toEqual(['broken'])
  })

  test('what never came about is unknown, and so is what was always disturbed', () => {
    const unknown = play(
      mesh(
        ['{ at: 5s, crash: b, for: 1s }'],
        [
          'sometimes: twin-found',
          '{ eventually: converged, after: heal }',
          '{ eventually: converged, within: 5s, after: crash }',
        ],
      ),
    )
    expect(verdicts(unknown)).toEqual(['unknown', 'unknown', 'unknown'])
    expect(unknown.checks.map(({ disturbed }) => disturbed)).toEqual([0, 0, 1])
  })
})

describe('a run', () => {
  const BUSY = `name: busy
generate: [{ shape: small-world, n: 12, k: 4, p: 0.2 }]
clients: { one: { at: n0, calls: { rate: 5/s, mix: zipf } } }
faults:
  - { every: exp(4s), until: 40s, pick: random(node), crash: { restart: 2s } }
  - { every: exp(4s), until: 40s, pick: random(link), cut: {}, for: 3s }
`

  test('law: repeats byte by byte from its seed, and from its expanded file', () => {
    fc.assert(
      fc.property(fc.nat(1_000), (seed) => {
        const text = `${BUSY}seed: ${seed}\n`
        const [one, other] = [play(text), play(text)]
        expect(other).toEqual(one)
        expect(play(expandedText(parseLabText(text, 'f'))).events).toEqual(one.events)
        expect(one.events.length).toBeGreaterThan(100)
      }),
      { numRuns: 5 },
    )
  })

  test('another seed makes another run', () => {
    expect(play(`${BUSY}seed: 1\n`).events).not.toEqual(play(`${BUSY}seed: 2\n`).events)
  })

  test('law: whatever happens at random, the mesh is right again afterwards', () => {
    fc.assert(
      fc.property(fc.nat(10_000), (seed) => {
        const expects = `expect:
  - always: no-loops
  - always: no-dead-routes
  - always: versions-forward
  - { eventually: converged, within: 200s, after: heal }
`
        const end = '  - { at: 50s, heal: true }\n'
        expect(verdicts(play(`${BUSY}${end}${expects}seed: ${seed}\n`))).not.toContain('broken')
      }),
      { numRuns: 5 },
    )
  })

  test('of a thousand nodes', async () => {
    const file = new URL('thousand.mesh.yaml', import.meta.url)
    const { checks, summary } = play(await readFile(file, 'utf8'))
    expect(summary.nodes).toBe(1_001)
    expect(checks.filter(({ verdict }) => verdict !== 'ok')).toEqual([])
  }, 120_000)
})
