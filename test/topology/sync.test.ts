import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RecordDb } from '../../topology/record-db.ts'
import { Notary } from '../../topology/sim/notary.ts'
import type { SignedRecord } from '../../topology/signed-record.ts'
import { answerSync, SyncRound, type SyncReply, type SyncRequest } from '../../topology/sync.ts'
import { readSyncReply, readSyncRequest } from '../../topology/sync-wire.ts'
import { recordOf, signedRecords } from './records.ts'

class Party {
  readonly db = new RecordDb({ records: 100_000, ttl: 1_000 })
  readonly #texts: Map<string, SignedRecord>

  constructor(texts: Map<string, SignedRecord>, records: readonly SignedRecord[]) {
    this.#texts = texts
    this.take(records.map(({ text }) => text))
  }

  readonly take = (texts: readonly string[]): number =>
    texts.filter((text) => {
      const signed = this.#texts.get(text)
      return signed !== undefined && this.db.put(signed, 0) !== 'known'
    }).length
}

/** What goes over the wire must survive it. */
function sent<T>(value: T, read: (json: unknown) => T | undefined): T {
  const back = read(JSON.parse(JSON.stringify(value)))
  expect(back).toEqual(value)
  return value
}

/** One whole round; gives the requests. */
function round(asker: Party, answerer: Party): SyncRequest[] {
  const one = new SyncRound(asker.db, asker.take)
  const requests: SyncRequest[] = []
  let request: SyncRequest | undefined = one.start()
  while (request !== undefined) {
    requests.push(sent(request, readSyncRequest))
    const reply: SyncReply = answerSync(answerer.db, request, answerer.take)
    request = one.onReply(sent(reply, readSyncReply))
  }
  expect(one.done).toBe(true)
  return requests
}

describe('comparing notes', () => {
  test('law: after one round both have all that either had', () => {
    fc.assert(
      fc.property(signedRecords, signedRecords, (mine, theirs) => {
        const texts = new Map([...mine, ...theirs].map((signed) => [signed.text, signed]))
        const [a, b] = [new Party(texts, mine), new Party(texts, theirs)]
        const both = new Party(texts, [...mine, ...theirs])
        round(a, b)
        expect(a.db.tree.root()).toBe(both.db.tree.root())
        expect(b.db.tree.root()).toBe(both.db.tree.root())
        expect(round(a, b)).toHaveLength(1)
      }),
    )
  })

  test('thousands of records go page by page, in both directions', () => {
    const notary = new Notary()
    const long = 'x'.repeat(200)
    const all = Array.from({ length: 12_000 }, (_, at) =>
      notary.seal(recordOf(`node-${at}-${long}`.slice(0, 64), { name: long })),
    )
    const texts = new Map(all.map((signed) => [signed.text, signed]))
    const a = new Party(texts, all.slice(0, 9_000))
    const b = new Party(texts, all.slice(3_000))
    const requests = round(a, b)
    expect(a.db.size).toBe(12_000)
    expect(a.db.tree.root()).toBe(b.db.tree.root())
    expect(requests.length).toBeGreaterThan(3)
  })

  test('an answer that makes no sense ends the round, sooner or later', () => {
    const a = new Party(new Map(), [])
    const one = new SyncRound(a.db, a.take)
    one.start()
    let request = one.onReply({ buckets: Array.from({ length: 256 }, (_, at) => `no ${at}`) })
    let asked = 0
    while (request !== undefined) {
      asked += 1
      request = one.onReply({ records: ['nonsense'], need: ['nobody'], next: 0 })
    }
    expect(asked).toBeLessThanOrEqual(256)
  })

  test.each([
    [{ ask: 'root' }],
    [{ ask: 'records', buckets: [256], have: [] }],
    [{ ask: 'records', buckets: [1], have: [['bad id', 1, 1, '']] }],
    [{ ask: 'other' }],
    [null],
  ])('no question: %j', (value) => {
    expect(readSyncRequest(value)).toBeUndefined()
  })
})
