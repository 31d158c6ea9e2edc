// One node between a caller and a server, in all four pairs of eras.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callMatrix, erasOf, type MatrixSubject } from './call-matrix.ts'
import { callerOf, ERAS } from './caller.ts'
import { Mesh } from './mesh.ts'

describe.each(ERAS)('one node before a server of era %s', (upstreamEra) => {
  const mesh = new Mesh()
  let subject: MatrixSubject

  beforeAll(async () => {
    const fixture = await FixtureServer.start({ era: upstreamEra })
    const node = await mesh.front('front', fixture.url)
    subject = { fixture, nodes: [node], url: node.endpointUrl('main') }
  })

  afterAll(async () => {
    await mesh.close()
    await subject.fixture.close()
  })

  test('row 8: the link speaks the era of the server', () => {
    expect(erasOf(subject)).toEqual([upstreamEra])
  })

  for (const era of ERAS) {
    callMatrix(era, () => subject)

    test(`row 8: ${era} caller: the list is that of the server, under our names`, async () => {
      const caller = await callerOf(era, subject.url)
      const expected = subject.fixture.tools.names.map((name) => `fx__${name}`).toSorted()
      expect(await caller.names()).toEqual(expected)
      expect(subject.fixture.violations).toEqual([])
    })
  }
})
