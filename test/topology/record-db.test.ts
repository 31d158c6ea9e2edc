import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RecordDb } from '../../topology/record-db.ts'
import { Notary } from '../../topology/sim/notary.ts'
import type { SignedRecord } from '../../topology/signed-record.ts'
import { compareVersions } from '../../topology/version.ts'
import { recordOf, signedRecords } from './records.ts'

const LIMITS = { records: 100, ttl: 1_000 }

function filled(records: readonly SignedRecord[], limits: Partial<typeof LIMITS> = {}): RecordDb {
  const db = new RecordDb({ ...LIMITS, ...limits })
  for (const signed of records) db.put(signed, 0)
  return db
}

function contents(db: RecordDb): Record<string, string[]> {
  const nodes = [...db.nodes()].toSorted()
  return Object.fromEntries(nodes.map((id) => [id, db.texts(id).map(({ text }) => text)]))
}

describe('what was heard of nodes', () => {
  test('law: order, repetition and splitting make no difference', () => {
    fc.assert(
      fc.property(signedRecords, fc.array(fc.nat(1_000)), (records, order) => {
        const shuffled = records.toSorted(
          (a, b) => (order[records.indexOf(a)] ?? 0) - (order[records.indexOf(b)] ?? 0),
        )
        const expected = contents(filled(records))
        expect(contents(filled(shuffled))).toEqual(expected)
        expect(contents(filled([...records, ...shuffled]))).toEqual(expected)
        const half = filled(records.slice(0, records.length >> 1))
        const joined = [...half.nodes()].flatMap((id) => half.texts(id))
        expect(contents(filled([...shuffled, ...joined]))).toEqual(expected)
      }),
    )
  })

  test('law: roots are equal exactly if contents are', () => {
    fc.assert(
      fc.property(signedRecords, signedRecords, (a, b) => {
        const [one, other] = [filled(a), filled(b)]
        const same = JSON.stringify(contents(one)) === JSON.stringify(contents(other))
        expect(one.tree.root() === other.tree.root()).toBe(same)
        expect(one.tree.size).toBe(one.size)
      }),
    )
  })

  test('law: versions never go back, and a node that left comes back by something newer only', () => {
    fc.assert(
      fc.property(signedRecords, (records) => {
        const db = new RecordDb(LIMITS)
        for (const signed of records) {
          const { id } = signed.record
          const before = db.version(id)
          const had = db.get(id)
          db.put(signed, 0)
          const after = db.version(id)
          if (before === undefined || after === undefined) continue
          expect(compareVersions(after, before)).toBeGreaterThanOrEqual(0)
          const returned = had?.status === 'left' && db.get(id)?.status === 'up'
          expect(returned && compareVersions(after, before) === 0).toBe(false)
        }
      }),
    )
  })

  test('two texts of one version count for nothing, and are kept as proof until something newer comes', () => {
    const notary = new Notary()
    const [one, other] = [notary.seal(recordOf('a')), notary.twin(recordOf('a'))]
    const db = filled([one])
    expect(db.get('a')).toBeDefined()
    expect(db.put(other, 0)).toBe('twin')
    expect(db.put(other, 0)).toBe('known')
    expect(db.get('a')).toBeUndefined()
    expect(db.texts('a')).toHaveLength(2)
    expect(db.put(notary.seal(recordOf('a', { seq: 2 })), 0)).toBe('newer')
    expect(db.get('a')?.seq).toBe(2)
  })

  test('a record nobody renews goes, and nothing as old comes back', () => {
    const notary = new Notary()
    const db = filled([notary.seal(recordOf('a', { seq: 5 })), notary.seal(recordOf('b'))])
    db.put(notary.seal(recordOf('b', { seq: 2 })), 900)
    expect(db.expire(1_001)).toEqual(['a'])
    expect(db.expire(1_001)).toEqual([])
    expect(db.get('a')).toBeUndefined()
    expect(db.put(notary.seal(recordOf('a', { seq: 5 })), 1_001)).toBe('known')
    expect(db.put(notary.seal(recordOf('a', { seq: 4 })), 1_001)).toBe('older')
    expect(db.get('a')).toBeUndefined()
    expect(db.put(notary.seal(recordOf('a', { seq: 6 })), 1_001)).toBe('newer')
    expect(db.get('a')?.seq).toBe(6)
  })

  test('a full memory takes no new nodes, counts them, and still hears of those it knows', () => {
    const notary = new Notary()
    const db = filled([notary.seal(recordOf('a'))], { records: 1 })
    expect(db.put(notary.seal(recordOf('b')), 0)).toBe('full')
    expect(db.refused).toBe(1)
    expect(db.put(notary.seal(recordOf('a', { seq: 2 })), 0)).toBe('newer')
  })
})
