// What is made of runs that are over: intervals, comparisons and pictures.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseLabText } from '../../../node/main/lab-file.ts'
import { differenceInterval, meanInterval, meanOf } from '../../../topology/lab/bootstrap.ts'
import { compareRuns, type ComparedRun } from '../../../topology/lab/compare.ts'
import { graphSvg } from '../../../topology/lab/graph-svg.ts'
import { LabRun } from '../../../topology/lab/lab-run.ts'
import { readMetrics } from '../../../topology/lab/metric-rows.ts'
import { reportHtml } from '../../../topology/lab/report-html.ts'
import { spaceTimeSvg, type LabEvent } from '../../../topology/lab/space-time-svg.ts'
import { SeededRandom } from '../../../topology/sim/random.ts'

const sample = fc.array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 1, maxLength: 20 })
const seed = fc.nat()

function up(values: readonly number[]): number[] {
  return values.map((value) => value + 7)
}

describe('the bootstrap', () => {
  test('stays between the least and the most there is, and repeats from its seed', () => {
    fc.assert(
      fc.property(sample, seed, (values, of) => {
        const { high, low } = meanInterval(values, new SeededRandom(of))
        expect(low).toBeLessThanOrEqual(high)
        expect(low).toBeGreaterThanOrEqual(Math.min(...values))
        expect(high).toBeLessThanOrEqual(Math.max(...values))
        expect(meanInterval(values, new SeededRandom(of))).toEqual({ low, high })
      }),
      { numRuns: 40 },
    )
  })

  test('moves and grows with the sample', () => {
    fc.assert(
      fc.property(sample, seed, fc.integer({ min: -50, max: 50 }), (values, of, by) => {
        const { high, low } = meanInterval(values, new SeededRandom(of))
        const moved = meanInterval(
          values.map((value) => 2 * value + by),
          new SeededRandom(of),
        )
        expect(moved.low).toBeCloseTo(2 * low + by, 6)
        expect(moved.high).toBeCloseTo(2 * high + by, 6)
      }),
      { numRuns: 40 },
    )
  })

  test('of a difference is the same twice over for samples that are moved alike', () => {
    fc.assert(
      fc.property(sample, sample, seed, (before, after, of) => {
        const interval = differenceInterval(before, after, new SeededRandom(of))
        const moved = differenceInterval(up(before), up(after), new SeededRandom(of))
        expect(moved.low).toBeCloseTo(interval.low, 6)
        expect(moved.high).toBeCloseTo(interval.high, 6)
        const most = Math.max(...after) - Math.min(...before)
        expect(interval.high).toBeLessThanOrEqual(most)
      }),
      { numRuns: 40 },
    )
  })

  test('holds the true mean about as often as it says', () => {
    const random = new SeededRandom(5)
    let held = 0
    for (let round = 0; round < 100; round += 1) {
      const values = Array.from({ length: 30 }, () => random.next())
      const { high, low } = meanInterval(values, random)
      if (low <= 0.5 && 0.5 <= high) held += 1
    }
    expect(held).toBeGreaterThan(85)
    expect(held).toBeLessThan(100)
  })

  test('has nothing to say of nothing', () => {
    expect(() => meanInterval([], new SeededRandom(1))).toThrow(RangeError)
  })
})

const PAIR = `name: pair
organisations: { acme: {}, 'glo-bex': {} }
nodes:
  a: { upstreams: [b] }
  b: { organisation: glo-bex, role: border }
clients: { c: { at: a, calls: { rate: 5/s } } }
faults: [{ at: 5s, crash: { node: b, restart: 1s } }]
expect: [{ always: no-loops }, { eventually: converged, within: 1ms, after: crash }]
`

function play(of: number): ComparedRun & { readonly events: readonly LabEvent[]; csv: string } {
  const { lab } = parseLabText(PAIR, 'f', of)
  const [events, rows]: [LabEvent[], string[]] = [[], ['t,node,metric,value']]
  const run = new LabRun(lab, {
    event: (line) => void events.push(JSON.parse(line) as LabEvent),
    metric: (row) => void rows.push(row),
  })
  while (run.advance(1_000));
  return { seed: of, checks: run.results(), summary: run.summary(), events, csv: rows.join('\n') }
}

describe('comparing', () => {
  const runs = [1, 2, 3, 4].map(play)

  test('runs with themselves says that nothing differs, whatever their order', () => {
    const figures = compareRuns(runs, runs.toReversed())
    expect(figures.length).toBeGreaterThan(10)
    for (const { difference, interval } of figures) {
      expect(difference).toBe(0)
      expect(interval).toEqual({ low: 0, high: 0 })
    }
  })

  test('one run each gives no interval', () => {
    const [one, other] = [runs.slice(0, 1), runs.slice(1, 2)]
    expect(compareRuns(one, other).map(({ interval }) => interval)).not.toContainEqual(
      expect.anything(),
    )
  })

  test('what was added to each run is what they differ by, where seeds are the same', () => {
    const more = runs.map((run) => {
      const summary = { ...run.summary, routeChanges: run.summary.routeChanges + 3 }
      return { ...run, summary }
    })
    const found = compareRuns(runs, more).find(({ figure }) => figure === 'changes of ways')
    expect(found).toMatchObject({ difference: 3, interval: { low: 3, high: 3 } })
    expect(found?.a).toBe(meanOf(runs.map(({ summary }) => summary.routeChanges)))
    // Of other seeds nothing belongs together.
    const others = more.map((run) => ({ ...run, seed: run.seed + 100 }))
    expect(compareRuns(runs, others).length).toBe(compareRuns(runs, more).length)
  })
})

/** Elements that are opened and not closed, or the other way round. */
function unbalanced(xml: string): string[] {
  const open: string[] = []
  for (const [, closes, name = '', rest = ''] of xml.matchAll(/<(\/?)([a-zA-Z]+)([^>]*)>/g)) {
    if (closes === '/') {
      if (open.pop() !== name) return [name]
    } else if (!rest.endsWith('/')) open.push(name)
  }
  return open
}

describe('pictures', () => {
  const { checks, csv, events, summary } = play(1)
  const { lab } = parseLabText(PAIR, 'f')
  const graph = graphSvg(lab)
  const spaceTime = spaceTimeSvg(['a', 'b'], summary.duration, events)

  test('show all nodes, links, faults and events, and are well-formed', () => {
    expect(unbalanced(graph)).toEqual([])
    expect(unbalanced(spaceTime)).toEqual([])
    expect(graph.match(/marker-end/g)).toHaveLength(1)
    expect(graph).toContain('>glo-bex</text>')
    for (const word of ['crash b', 'restart b', '5.000 s: crash', 'link down']) {
      expect(spaceTime).toContain(word)
    }
  })

  test('stay bounded, and say what they leave out', () => {
    const nodes = Array.from({ length: 500 }, (_, at) => `n${at}`)
    const many = Array.from({ length: 20_000 }, (_, t) => ({ t, type: 'start', node: 'n0' }))
    const text = spaceTimeSvg(nodes, 20_000, many)
    expect(text).toContain('not drawn: 380 more nodes, 12000 later events')
    expect(text.length).toBeLessThan(2_000_000)
  })

  test('a report is one page that asks for nothing and runs nothing, whatever is written in it', () => {
    const facts = [['again', '<script>alert(1)</script>']] as const
    const bad = [{ ...checks[0], verdict: 'broken', what: '"><img src=x>' }] as typeof checks
    const metrics = readMetrics(csv)
    const html = reportHtml({
      facts,
      checks: [...checks, ...bad],
      summary,
      metrics,
      graph,
      spaceTime,
    })
    expect(html).not.toMatch(/<(?:script|img|link|iframe)|<[^>]+ (?:src|href)=/)
    expect(html).toContain('&lt;script&gt;')
    expect(html).toContain('<td class="broken">broken</td>')
    expect(html).toContain(spaceTime)
    expect(metrics.some(({ metric, node }) => metric === 'routes' && node === 'a')).toBe(true)
    expect(unbalanced(html.replace(/<!doctype html>|<meta[^>]*>/g, ''))).toEqual([])
  })
})
