import { describe, expect, test } from 'vitest'
import { configuration } from './nodes.ts'
import { parseOptions } from './options.ts'
import { allGroups, choose, groupName } from './plan.ts'
import { figure, table } from './table.ts'

describe('the plan', () => {
  test('covers both eras, three payloads and three lists, every group under a name of its own', () => {
    const names = allGroups(false).map((group) => groupName(group))
    expect(names.toSorted()).toEqual([
      'call/2025/100B',
      'call/2025/1MiB',
      'call/2025/64KiB',
      'call/2026/100B',
      'call/2026/1MiB',
      'call/2026/64KiB',
      'list/2025/10',
      'list/2025/1000',
      'list/2025/5000',
      'list/2026/10',
      'list/2026/1000',
      'list/2026/5000',
    ])
  })

  test('a chosen cell brings along what it is compared with', () => {
    const chosen = choose(allGroups(false), 'call/2026/100B/hop3')
    expect(chosen.map((group) => group.routes)).toEqual([['direct', 'floor', 'hop3']])
  })

  test('nothing chosen is nothing measured', () => {
    expect(choose(allGroups(false), 'memory')).toEqual([])
  })
})

describe('the options', () => {
  test('default to the full run', () => {
    expect(parseOptions([])).toMatchObject({ rounds: 4, only: '', inFlight: 16, withSdk: false })
  })

  test('--quick is coarser, and --rounds wins over it', () => {
    expect(parseOptions(['--quick'])?.rounds).toBe(2)
    expect(parseOptions(['--quick', '--rounds', '7'])?.rounds).toBe(7)
  })

  test.each([['--rounds', '0'], ['--rounds', '1.5'], ['--in-flight', 'x'], ['--nonsense']])(
    'refuse %s %s',
    (...args) => {
      expect(() => parseOptions(args)).toThrow(TypeError)
    },
  )

  test('--help asks for nothing else', () => {
    expect(parseOptions(['--help'])).toBeUndefined()
  })
})

test('a node offers its servers and what it imports, each on a plain endpoint', () => {
  const plan = {
    name: 'hop2',
    servers: { own: 'http://127.0.0.1:1/2026/10' },
    parent: { url: 'http://127.0.0.1:2/mcp/main', namespaces: ['far'] },
  }
  expect(configuration(plan)).toMatchObject({
    upstreams: {
      own: { http: { url: 'http://127.0.0.1:1/2026/10' } },
      parent: { node: { url: 'http://127.0.0.1:2/mcp/main', as: '{namespace}' } },
    },
    namespaces: { own: { from: ['own'] } },
    endpoints: {
      main: { namespaces: ['own', 'far'] },
      own: { namespaces: ['own'], names: 'plain' },
      far: { namespaces: ['far'], names: 'plain' },
    },
  })
})

describe('tables', () => {
  test.each([
    [12_345.6, '12 346'],
    [123.4, '123'],
    [12.34, '12.3'],
    [1.234, '1.23'],
    [-2_000, '-2 000'],
    [Number.NaN, 'n/a'],
  ])('%d is written %s', (value, text) => {
    expect(figure(value)).toBe(text)
  })

  test('line up', () => {
    expect(table(['what', 'µs'], [['a', '1.00']]).split('\n')).toEqual([
      '| what |   µs |',
      '| ---- | ---: |',
      '| a    | 1.00 |',
    ])
  })
})
