import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { Exposition } from '../../../../node/core/metrics/exposition.ts'
import { BOUNDS, Histogram } from '../../../../node/core/metrics/histogram.ts'
import { classOf, classText, COUNTED_METHODS } from '../../../../node/core/metrics/methods.ts'
import { LABELS } from '../../../../node/core/metrics/spec.ts'
import { METRIC_GROUPS, METRICS } from '../../../../node/core/metrics/table.ts'
import { parseExposition, valueOf } from './parse-exposition.ts'

describe('the text that is scraped', () => {
  test('any value of a label is read back as it was', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.double({ min: 0, noNaN: true }),
        (label, value) => {
          const out = new Exposition()
          out.set('banyan_quota_refusals_total', value, label)
          const read = parseExposition(out.text())
          expect(valueOf(read, 'banyan_quota_refusals_total', { quota: label })).toBe(value)
        },
      ),
    )
  })

  test('a histogram is cumulative, and counts each duration once', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1, max: 1_000, noNaN: true })), (durations) => {
        const histogram = new Histogram()
        for (const one of durations) histogram.observe(one)
        const out = new Exposition()
        out.histogram('banyan_token_wait_seconds', histogram)
        const family = parseExposition(out.text()).get('banyan_token_wait_seconds')
        for (const { name, labels, value } of family?.samples ?? []) {
          if (!name.endsWith('_bucket')) continue
          const bound = Number(labels['le']?.replace('Inf', 'Infinity'))
          expect(value).toBe(durations.filter((one) => one <= bound).length)
        }
        expect(family?.samples.length).toBe(BOUNDS.length + 3)
      }),
    )
  })

  test('of states exactly one holds', () => {
    const out = new Exposition()
    out.states('banyan_bus_state', { all: ['lost', 'live'], now: 'live' })
    const read = parseExposition(out.text())
    expect(valueOf(read, 'banyan_bus_state', { state: 'live' })).toBe(1)
    expect(valueOf(read, 'banyan_bus_state', { state: 'lost' })).toBe(0)
  })

  test.each([
    ['no line feed at the end', 'x 1'],
    ['a sample without its family', 'x 1\n'],
    ['a family twice', '# HELP x a\n# TYPE x gauge\nx 1\n# HELP x a\n# TYPE x gauge\nx 1\n'],
    ['a series twice', '# HELP x a\n# TYPE x gauge\nx{a="1"} 1\nx{a="1"} 2\n'],
    ['a quote that is not escaped', '# HELP x a\n# TYPE x gauge\nx{a="""} 1\n'],
    [
      'a histogram that shrinks',
      '# HELP x a\n# TYPE x histogram\nx_bucket{le="1"} 2\nx_bucket{le="+Inf"} 1\nx_sum 1\nx_count 1\n',
    ],
  ])('the reader of these tests refuses %s', (_, text) => {
    expect(() => parseExposition(text)).toThrow(
      /line feed|family before|twice|no label|without end|no histogram/,
    )
  })
})

describe('the table', () => {
  test('names follow the conventions, and every label has its bound', () => {
    const used = new Set<string>()
    const endings = { counter: /_total$/, histogram: /_seconds$/, gauge: /(?<!_total)$/ }
    for (const [name, { type, help, labels }] of Object.entries(METRICS)) {
      expect(name).toMatch(/^(banyan|process|nodejs)_[a-z_]+$/)
      expect(name).toMatch(endings[type])
      expect(help).toMatch(/^[^\n\\]+\.$/)
      for (const label of labels) used.add(label)
    }
    expect([...used].toSorted()).toEqual(Object.keys(LABELS).toSorted())
  })

  test('its parts are all of it', () => {
    const grouped = Object.values(METRIC_GROUPS).flatMap((group) => Object.keys(group))
    expect(grouped).toEqual(Object.keys(METRICS))
  })

  test('a class of requests stands for one method, era and transport', () => {
    const seen = new Set<number>()
    for (const method of COUNTED_METHODS) {
      for (const era of ['2025', '2026'] as const) {
        for (const arrival of ['http', 'websocket', 'stdio'] as const) {
          const of = classOf(method, era, arrival)
          expect(classText(of)).toEqual([method, era, arrival])
          seen.add(of)
        }
      }
    }
    expect(seen.size).toBe(COUNTED_METHODS.length * 6)
    expect(classText(classOf('made/up', '2026', 'http'))[0]).toBe('other')
  })
})
