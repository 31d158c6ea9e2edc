import { describe, expect, test } from 'vitest'
import { READING_HINTS, UNKNOWN_HINTS } from '../../../protocol/policy/policy.ts'
import {
  levelField,
  placesField,
  policyField,
  rateLimitFields,
} from '../../../protocol/quota/fields.ts'
import { lintQuotas } from '../../../protocol/quota/lint.ts'
import {
  compileSubjects,
  concerns,
  METERED,
  takesPlace,
  type Quota,
} from '../../../protocol/quota/quota.ts'

const RATE = { count: 10, periodMs: 60_000, burst: 5 }

function quota(more: Partial<Quota> = {}): Quota {
  const plain = { name: 'q', for: ['*'], endpoints: ['*'], methods: undefined, kinds: {} } as const
  return { ...plain, per: 'caller', rate: RATE, ...more }
}

function methodsOf(limit: Quota, classes: readonly string[] = []): string[] {
  const about = { classes: new Set(classes), endpoint: 'main' }
  return [...METERED.keys(), 'ping', 'initialize', 'server/discover'].filter((method) =>
    concerns(limit, { ...about, method }),
  )
}

describe('a limit', () => {
  test('that names nothing is about all that is counted', () => {
    expect(methodsOf(quota())).toEqual([...METERED.keys()])
  })

  test.each([
    [['list', 'tasks/get'], 6],
    [['call'], 1],
    [['subscribe'], 3],
  ] as const)('of methods %j is about those', (methods, count) => {
    const found = methodsOf(quota({ methods }))
    expect(found).toHaveLength(count)
    const isNamed = (one: string): boolean =>
      methods.some((name) => name === one || name === METERED.get(one))
    expect(found.every(isNamed)).toBe(true)
  })

  test('is about its classes and endpoints alone', () => {
    expect(methodsOf(quota({ for: ['analyst'] }), ['admin'])).toEqual([])
    expect(methodsOf(quota({ for: ['analyst'] }), ['analyst'])).not.toEqual([])
    expect(methodsOf(quota({ endpoints: ['op*'] }))).toEqual([])
    expect(methodsOf(quota({ endpoints: ['ma*'] }))).not.toEqual([])
  })

  test('of capabilities is about the requests for them', () => {
    const tools = quota({
      kinds: { tools: [{ name: 'docs__*' }, { tag: 'safe', readOnly: true }] },
    })
    expect(methodsOf(tools)).toEqual(['tools/call'])
    expect(methodsOf(quota({ kinds: { prompts: [{ name: '*' }] } }))).toEqual([
      'prompts/get',
      'completion/complete',
    ])
    const isAbout = compileSubjects(tools, { safe: ['mail__*'] })
    const mail = { kind: 'tools', label: 'mail__send' } as const
    expect(isAbout?.({ kind: 'tools', label: 'docs__x', hints: UNKNOWN_HINTS })).toBe(true)
    expect(isAbout?.({ kind: 'prompts', label: 'docs__x', hints: READING_HINTS })).toBe(false)
    expect(isAbout?.({ ...mail, hints: UNKNOWN_HINTS })).toBe(false)
    expect(isAbout?.({ ...mail, hints: READING_HINTS })).toBe(true)
    expect(compileSubjects(quota(), {})).toBeUndefined()
  })

  test('counts a listen as open only where it is named, and a cancellation never', () => {
    expect(takesPlace(quota(), 'subscriptions/listen')).toBe(false)
    expect(takesPlace(quota({ methods: ['subscribe'] }), 'subscriptions/listen')).toBe(true)
    expect(takesPlace(quota({ methods: ['subscriptions/listen'] }), 'GET')).toBe(false)
    expect(takesPlace(quota({ methods: ['task'] }), 'tasks/cancel')).toBe(false)
    expect(takesPlace(quota(), 'tools/call')).toBe(true)
  })
})

describe('the fields of an answer', () => {
  test('are those of the draft', () => {
    const policy = [
      policyField({ name: 'calls', rate: { ...RATE, periodMs: 1_500 } }),
      placesField({ name: 'calls', concurrent: 4 }),
    ]
    const levels = [
      levelField({ name: 'calls', left: 3, moreIn: 1_000_001 }),
      levelField({ name: 'calls', left: 0 }),
    ]
    expect(rateLimitFields(policy.join(', '), levels.join(', '))).toEqual([
      'ratelimit-policy',
      '"calls";q=10;w=2, "calls.concurrent";q=4;qu="concurrent-requests"',
      'ratelimit',
      '"calls";r=3;t=2, "calls.concurrent";r=0',
    ])
    expect(rateLimitFields('', '')).toEqual([])
  })

  test('name no time where there is nothing to wait for', () => {
    expect(levelField({ name: 'a', left: 5, moreIn: 0 })).toBe('"a";r=5')
  })
})

describe('a remark', () => {
  const ground = { classes: [], endpoints: [{ name: 'main', namespaces: ['docs', 'x-*'] }] }
  const remarks = (more: Partial<Quota>): string[] =>
    lintQuotas([quota(more)], ground).map(({ path, message }) => `${path.join('.')}: ${message}`)

  test.each<[string, Partial<Quota>, RegExp]>([
    ['an endpoint that is not there', { endpoints: ['ops'] }, /^endpoints\.0: "ops" matches no/],
    [
      'names of no namespace',
      { kinds: { tools: [{ name: 'docs__a' }, { name: 'mail__*' }] } },
      /^tools\.1: "mail__\*" can match nothing/,
    ],
    [
      'tools that no request of the methods is about',
      { methods: ['list', 'task'], kinds: { tools: [{ name: '*' }] } },
      /^: can never match/,
    ],
    [
      'prompts beside tools, of calls',
      { methods: ['call'], kinds: { tools: [{}], prompts: [{ name: '*' }] } },
      /^prompts: can match nothing/,
    ],
    [
      'places nothing takes',
      { methods: ['tasks/cancel'], concurrent: 2 },
      /^concurrent: counts nothing/,
    ],
  ])('is made on %s', (_, more, expected) => {
    expect(remarks(more)).toEqual([expect.stringMatching(expected)])
  })

  test('is made on nothing that may be meant', () => {
    expect(remarks({ kinds: { tools: [{ name: 'x-1__a' }, { name: 'search_tools' }] } })).toEqual(
      [],
    )
    expect(remarks({ methods: ['list'], endpoints: ['m*'], concurrent: 1 })).toEqual([])
  })
})
