import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../node/core/config-error.ts'
import { parseConfigText } from '../../../node/core/config-file.ts'

const HEAD = `node: { name: edge, organisation: acme }
upstreams: { files: { http: { url: 'https://files.example/mcp' } } }
namespaces: { docs: { from: [files] } }
endpoints: { main: { namespaces: [docs], auth: 'none' } }
clients: { analyst: { issuer: 'https://login.acme.example' } }
tags: { money: ['docs__pay*'] }
`

function read(text: string): ReturnType<typeof parseConfigText> {
  return parseConfigText(HEAD + text, 'b.yaml', {})
}

function problems(text: string): readonly string[] {
  try {
    read(text)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ line, path, message, hint }) => {
      const more = hint === undefined ? '' : `, ${hint}`
      return `${line} ${path.join('.')}: ${message}${more}`
    })
  }
}

/** What is doubtful in limits; the class and the tag of the head are not always named. */
function remarks(text: string): readonly string[] {
  return read(text)
    .warnings.filter(({ path }) => path[0] === 'quotas')
    .map(({ line, path, message }) => `${line} ${path.slice(1).join('.')}: ${message}`)
}

describe('limits', () => {
  test('are none by default', () => {
    expect(read('').config.quotas).toEqual([])
  })

  test('are read in the order of the file, each with its name and place', () => {
    const { config, warnings } = read(`quotas:
  calls: { for: '*', rate: 60/m }
  money:
    for: [analyst]
    endpoints: [main]
    methods: [call, tasks/get]
    tools: ['docs__a', { tag: money, readOnly: false }]
    per: all
    rate: 100/10s
    burst: 3
    concurrent: 2
`)
    const common = { endpoints: ['*'], methods: undefined, kinds: {}, per: 'caller' }
    expect(config.quotas).toEqual([
      {
        ...common,
        name: 'calls',
        for: ['*'],
        rate: { count: 60, periodMs: 60_000, burst: 60 },
        place: 'b.yaml:8',
      },
      {
        name: 'money',
        for: ['analyst'],
        endpoints: ['main'],
        methods: ['call', 'tasks/get'],
        kinds: { tools: [{ name: 'docs__a' }, { tag: 'money', readOnly: false }] },
        per: 'all',
        rate: { count: 100, periodMs: 10_000, burst: 3 },
        concurrent: 2,
        place: 'b.yaml:9',
      },
    ])
    // A class and a tag that only limits name are named.
    expect(warnings).toEqual([])
  })

  test.each([
    ['5/s', { count: 5, periodMs: 1_000 }],
    ['7/m', { count: 7, periodMs: 60_000 }],
    ['1/h', { count: 1, periodMs: 3_600_000 }],
    ['1000/d', { count: 1_000, periodMs: 86_400_000 }],
    ['3/90s', { count: 3, periodMs: 90_000 }],
  ])('a rate of %s', (rate, expected) => {
    const { config } = read(`quotas: { q: { for: '*', rate: ${rate} } }\n`)
    expect(config.quotas[0]?.rate).toEqual({ ...expected, burst: expected.count })
  })

  test.each<[string, string, string]>([
    [
      'of a class that is not there',
      `{ for: analist, rate: 1/m }`,
      '7 quotas.q.for: there is no class "analist", did you mean "analyst"?',
    ],
    [
      'of a tag that is not there',
      `{ for: '*', tools: [a, { tag: honey }], rate: 1/m }`,
      '7 quotas.q.tools.1: there is no tag "honey", did you mean "money"?',
    ],
    [
      'that limits nothing',
      `{ for: '*', tools: ['*'] }`,
      '7 quotas.q: limits nothing, add rate, concurrent, or both',
    ],
    [
      'of zero requests',
      `{ for: '*', rate: 0/m }`,
      '7 quotas.q.rate: must not be zero, what nobody may do is hidden by "visibility"',
    ],
    [
      'in no time',
      `{ for: '*', rate: 5/0s }`,
      '7 quotas.q.rate: must not be zero, what nobody may do is hidden by "visibility"',
    ],
    [
      'that is no rate',
      `{ for: '*', rate: 5 per minute }`,
      '7 quotas.q.rate: not a rate, write a whole number, a slash and a time, like "60/m", "5/s" or "100/10s"',
    ],
    ['of no place', `{ for: '*', concurrent: 0 }`, '7 quotas.q.concurrent: must be at least 1'],
    [
      'with a burst of nothing',
      `{ for: '*', concurrent: 1, burst: 2 }`,
      '7 quotas.q.burst: goes with a rate only',
    ],
    [
      'with a burst nobody lives to see again',
      `{ for: '*', rate: 1/d, burst: 400 }`,
      '7 quotas.q.burst: takes more than a year to be there again',
    ],
    [
      'of a method that is not counted',
      `{ for: '*', methods: [ping], rate: 1/m }`,
      '7 quotas.q.methods.0: must be',
    ],
    [
      'with an unknown key',
      `{ for: '*', rates: 1/m }`,
      '7 quotas.q.rates: unknown key, did you mean "rate"?',
    ],
  ])('%s are refused', (_, limit, expected) => {
    const found = problems(`quotas: { q: ${limit} }\n`)
    expect(found.some((one) => one.startsWith(expected))).toBe(true)
  })

  test('that are doubtful are remarked on, where they stand', () => {
    expect(
      remarks(`quotas:
  ops: { for: '*', endpoints: [ops], rate: 1/m }
  mail: { for: '*', tools: ['mail__*'], rate: 1/m }
  never:
    for: '*'
    methods: [list]
    tools: ['docs__*']
    rate: 1/m
`),
    ).toEqual([
      '8 ops.endpoints.0: "ops" matches no endpoint',
      '9 mail.tools.0: "mail__*" can match nothing: names are <namespace>__<name>, of the endpoints it is about',
      '10 never: can never match: no request of its methods is about what it names',
    ])
  })
})
