import * as fc from 'fast-check'
import { Notary } from '../../topology/sim/notary.ts'
import type { NodeRecord } from '../../topology/record.ts'
import type { SignedRecord } from '../../topology/signed-record.ts'

export function recordOf(id: string, change: Partial<NodeRecord> = {}): NodeRecord {
  return {
    organisation: 'acme',
    id,
    inc: 1,
    seq: 1,
    issuedAt: 1_767_225_600,
    expiresAt: 1_767_830_400,
    status: 'up',
    urls: [],
    protocols: ['ws'],
    disclosure: 'full',
    links: [],
    namespaces: [],
    ...change,
  }
}

const notary = new Notary()

/** Records of a few nodes in a few versions, some of them in two minds. */
export const signedRecords: fc.Arbitrary<readonly SignedRecord[]> = fc.array(
  fc
    .record({
      id: fc.constantFrom('a', 'b', 'c'),
      inc: fc.integer({ min: 1, max: 2 }),
      seq: fc.integer({ min: 1, max: 3 }),
      left: fc.boolean(),
      twin: fc.boolean(),
    })
    .map(({ id, inc, seq, left, twin }) => {
      const record = recordOf(id, { inc, seq, status: left ? 'left' : 'up' })
      return twin ? notary.twin(record) : notary.seal(record)
    }),
  { maxLength: 30 },
)
