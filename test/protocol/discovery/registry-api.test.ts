import { assert, integer, property, stringMatching, uniqueArray } from 'fast-check'
import { expect, test } from 'vitest'
import { answerRegistry, REGISTRY_PATH } from '../../../protocol/discovery/registry-api.ts'
import type { CardFacts } from '../../../protocol/discovery/server-card.ts'

function facts(name: string): CardFacts {
  return { card: { name, description: 'a server' }, version: '1.0.0', url: `https://x/mcp/${name}` }
}

const ALL = ['com.b/two', 'com.a/one', 'com.c/Three'].map(facts)

interface Page {
  readonly names: readonly string[]
  readonly next: string | undefined
}

function list(query: Record<string, string>, all = ALL): Page {
  const { status, body } = answerRegistry(all, REGISTRY_PATH, new URLSearchParams(query))
  expect(status).toBe(200)
  const { servers, metadata } = body as {
    servers: { server: { name: string } }[]
    metadata: { nextCursor?: string; count: number }
  }
  expect(metadata.count).toBe(servers.length)
  return { names: servers.map(({ server }) => server.name), next: metadata.nextCursor }
}

test.each([
  [{}, ['com.a/one', 'com.b/two', 'com.c/Three']],
  [{ search: 'THREE' }, ['com.c/Three']],
  [{ version: 'latest' }, ['com.a/one', 'com.b/two', 'com.c/Three']],
  [{ version: '2.0.0' }, []],
  [
    { updated_since: '2026-01-01T00:00:00Z', limit: '1000' },
    ['com.a/one', 'com.b/two', 'com.c/Three'],
  ],
])('%j lists %j', (query, names) => {
  expect(list(query)).toEqual({ names, next: undefined })
})

test('pages lead through all, each once', () => {
  const names = uniqueArray(stringMatching(/^[a-z]{1,4}\/[a-z]{1,4}$/), { maxLength: 20 })
  assert(
    property(names, integer({ min: 1, max: 7 }), (all, limit) => {
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = list({ limit: String(limit), ...(cursor && { cursor }) }, all.map(facts))
        expect(page.names.length).toBeLessThanOrEqual(limit)
        seen.push(...page.names)
        cursor = page.next
      } while (cursor !== undefined)
      expect(seen).toEqual(all.toSorted())
    }),
  )
})

const NO_QUERY = new URLSearchParams()

test.each([
  ['com.a%2Fone/versions/latest', 200],
  ['com.a%2Fone/versions/1.0.0', 200],
  ['com.a%2Fone/versions', 200],
  ['com.a%2Fone/versions/2.0.0', 404],
  ['com.a%2Fnone/versions/latest', 404],
  ['com.a/one/versions/latest', 404],
  ['%E0%A4%A/versions/latest', 404],
  ['com.a%2Fone', 404],
])('%s is answered with %i', (path, status) => {
  const answer = answerRegistry(ALL, `${REGISTRY_PATH}/${path}`, NO_QUERY)
  expect(answer.status).toBe(status)
  expect('error' in answer.body).toBe(status === 404)
})

test.each([{ limit: '0' }, { limit: 'ten' }, { limit: '-1' }, { updated_since: 'yesterday' }])(
  '%j is refused with words',
  (query) => {
    const { status, body } = answerRegistry(ALL, REGISTRY_PATH, new URLSearchParams(query))
    expect(status).toBe(400)
    expect(body).toEqual({ error: expect.stringContaining(Object.keys(query)[0] ?? '') })
  },
)
