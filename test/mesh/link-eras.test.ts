// A chain of three hops in every mix of link eras, under callers of both.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import type { Era } from '../fixtures/wire.ts'
import { callMatrix, erasOf, type MatrixSubject } from './call-matrix.ts'
import { ERAS } from './caller.ts'
import { Mesh } from './mesh.ts'

const MIXES: readonly (readonly [Era, Era, Era])[] = ERAS.flatMap((outer) =>
  ERAS.flatMap((middle) => ERAS.map((inner) => [outer, middle, inner] as const)),
)

describe.each(MIXES)('three hops over links of eras %s, %s, %s', (...mix) => {
  const mesh = new Mesh()
  let subject: MatrixSubject

  beforeAll(async () => {
    const fixture = await FixtureServer.start({ era: mix[2] })
    const nodes = await mesh.chain(fixture.url, 3, mix)
    subject = { fixture, nodes, url: nodes[0]?.endpointUrl('main') ?? '' }
  })

  afterAll(async () => {
    await mesh.close()
    await subject.fixture.close()
  })

  test('row 8: each link speaks the era it is meant to', () => {
    expect(erasOf(subject)).toEqual(mix)
  })

  for (const era of ERAS) callMatrix(era, () => subject)
})
