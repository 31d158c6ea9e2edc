import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { METRICS } from '../../../../node/core/metrics/table.ts'
import type { MetricSpec } from '../../../../node/core/metrics/spec.ts'
import { publishMetrics } from '../../../../node/core/metrics/publish.ts'
import { programEnvironment } from '../../../needs.ts'

const DOCS = new URL('../../../../docs/', import.meta.url)
const textOf = (path: string): string => readFileSync(new URL(path, DOCS), 'utf8')

/** Labels every series has besides its own. */
const FROM_PROMETHEUS: ReadonlySet<string> = new Set(['instance', 'job'])

/** What is wrong with a query: metrics and labels there are none of. */
function problemsOf(expr: string): string[] {
  const selectors = [...expr.matchAll(/\b((?:banyan|process|nodejs)_[a-z_]+)(?:\{([^}]*)\})?/g)]
  if (selectors.length === 0 && !expr.startsWith('up{')) return [`no metric in ${expr}`]
  return selectors.flatMap(([, name = '', matchers = '']) => {
    const spec = specOf(name)
    if (spec === undefined) return [`${name} is no metric`]
    const used = [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label)
    const known = new Set<string>([...spec.labels, ...FROM_PROMETHEUS])
    return used.filter((label) => !known.has(label)).map((label) => `${name} has no ${label}`)
  })
}

function specOf(name: string): MetricSpec | undefined {
  const table: Readonly<Record<string, MetricSpec>> = METRICS
  const whole = table[name]
  if (whole !== undefined && whole.type !== 'histogram') return whole
  const base = table[name.replace(/_(?:bucket|sum|count)$/, '')]
  return base?.type === 'histogram' && whole === undefined ? base : undefined
}

test('docs/metrics.md is the table: npm run schema renews it', () => {
  expect(textOf('metrics.md')).toBe(publishMetrics())
})

interface Panel {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[]
}

describe('the dashboard', () => {
  const board = JSON.parse(textOf('grafana/banyan.json')) as {
    readonly title: string
    readonly uid: string
    readonly schemaVersion: number
    readonly panels: readonly Panel[]
  }

  test('is one, whose panels have each their place', () => {
    expect(board).toMatchObject({ title: 'Banyan', uid: 'banyan-node', schemaVersion: 39 })
    const places = new Set<string>()
    for (const { id, type, gridPos, targets = [] } of board.panels) {
      const { x, y, w, h } = gridPos
      expect(x + w).toBeLessThanOrEqual(24)
      for (let column = x; column < x + w; column += 1) {
        for (let line = y; line < y + h; line += 1) {
          const place = `${column} ${line}`
          expect(places.has(place) ? `${id} lies on another at ${place}` : '').toBe('')
          places.add(place)
        }
      }
      expect(targets.length > 0).toBe(type !== 'row')
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length)
    }
    expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length)
  })

  test('asks for metrics and labels there are', () => {
    const exprs = board.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    expect(exprs.flatMap(problemsOf)).toEqual([])
    expect(exprs.length).toBeGreaterThan(50)
  })

  test('shows every metric of the table, but for what says when and what started', () => {
    const all = board.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join()
    const left = Object.keys(METRICS).filter((name) => !all.includes(name))
    expect(left.toSorted()).toEqual([
      'banyan_build_info',
      'banyan_upstream_info',
      'banyan_upstream_retry_seconds',
      'nodejs_heap_size_total_bytes',
      'process_start_time_seconds',
    ])
  })
})

describe('the alerts', () => {
  const rules = (
    parse(textOf('prometheus/alerts.yml')) as {
      groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[]
    }
  ).groups.flatMap((group) => group.rules)

  test('ask for metrics and labels there are, and say what to do', () => {
    expect(rules.flatMap(({ expr }) => problemsOf(expr))).toEqual([])
    for (const { annotations } of rules) {
      expect(Object.keys(annotations).toSorted()).toEqual(['description', 'summary'])
    }
  })

  test('pass promtool, where that is installed', () => {
    const env = programEnvironment()
    const file = new URL('prometheus/alerts.yml', DOCS).pathname
    const { error, status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], {
      env,
      encoding: 'utf8',
    })
    if (error !== undefined) return
    expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' })
  })
})

test('the reader of these tests finds what there is not', () => {
  expect(problemsOf('sum(banyan_made_up_total{endpoint="x"})')).toEqual([
    'banyan_made_up_total is no metric',
  ])
  expect(problemsOf('rate(banyan_refusals_total{tool="x"}[5m])')).toEqual([
    'banyan_refusals_total has no tool',
  ])
  expect(problemsOf('banyan_token_wait_seconds')).toEqual([
    'banyan_token_wait_seconds is no metric',
  ])
})
