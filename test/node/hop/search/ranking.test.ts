// How good the ranking is, on what people ask for and by itself: floors below which no change may fall.
import { describe, expect, test } from 'vitest'
import { toolCatalogue } from '../../../bench/search-catalogue.ts'
import { QUERIES, SERVERS } from './corpus.ts'
import { indexOf, type NamedTool } from './index-of.ts'

const TOOLS: readonly NamedTool[] = SERVERS.flatMap(({ namespace, tools }) =>
  tools.map((definition) => ({ namespace, definition })),
)

interface Quality {
  /** Share of the expected tools that are among the first five. */
  readonly recall: number
  /** Mean of 1/rank of the first expected one (MRR). */
  readonly reciprocal: number
}

function quality(tools: readonly NamedTool[]): Quality {
  const index = indexOf(tools)
  const names = tools.map(
    ({ namespace, definition }) => `${namespace}__${String(definition['name'])}`,
  )
  let [recall, reciprocal] = [0, 0]
  for (const { query, expected } of QUERIES) {
    const found = index.find(query).map((number) => names[number])
    const ranks = expected.map((name) => found.indexOf(name) + 1).filter((rank) => rank > 0)
    recall += ranks.filter((rank) => rank <= 5).length / expected.length
    if (ranks.length > 0) reciprocal += 1 / Math.min(...ranks)
  }
  return { recall: recall / QUERIES.length, reciprocal: reciprocal / QUERIES.length }
}

describe('the labelled set', () => {
  test('is large enough to mean something', () => {
    expect(TOOLS.length).toBeGreaterThanOrEqual(60)
    expect(QUERIES.length).toBeGreaterThanOrEqual(40)
    const names = new Set(
      TOOLS.map(({ namespace, definition }) => `${namespace}__${String(definition['name'])}`),
    )
    for (const { expected } of QUERIES) for (const name of expected) expect(names).toContain(name)
  })

  test('by itself: recall@5 and MRR', () => {
    const { recall, reciprocal } = quality(TOOLS)
    expect(recall).toBeGreaterThan(0.92)
    expect(reciprocal).toBeGreaterThan(0.91)
  })

  test('among 2 000 others', () => {
    const { recall, reciprocal } = quality([...toolCatalogue(2_000), ...TOOLS])
    expect(recall).toBeGreaterThan(0.89)
    expect(reciprocal).toBeGreaterThan(0.86)
  })
})
