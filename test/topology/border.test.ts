// What organisations tell each other of themselves, and what of it is believed.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { thumbprint } from '../../node/identity/thumbprint.ts'
import { BorderDesk, SUMMARY_TIMING, type BorderParts } from '../../topology/border-desk.ts'
import { openRecord } from '../../topology/signed-record.ts'
import { SUMMARY_LIMITS, SummaryBook } from '../../topology/summary-book.ts'
import {
  openSummary,
  summarySealer,
  type SignedSummary,
  type Summary,
  type SummaryGroup,
} from '../../topology/summary.ts'

const WALL = Date.UTC(2026, 0, 1)

function keyOf(): { readonly key: KeyObject; readonly id: string } {
  const { privateKey } = generateKeyPairSync('ed25519')
  return { key: privateKey, id: thumbprint(privateKey.export({ format: 'jwk' })) }
}

const [acme, globex, stranger] = [keyOf(), keyOf(), keyOf()]

function summaryOf(border: string, change: Partial<Summary> = {}): Summary {
  return {
    organisation: 'globex',
    border,
    to: undefined,
    inc: WALL,
    seq: 1,
    issuedAt: WALL / 1_000,
    expiresAt: WALL / 1_000 + 3_600,
    groups: [{ namespace: 'public-a', revision: 'r1' }],
    ...change,
  }
}

function signed(
  by: { readonly key: KeyObject; readonly id: string },
  change: Partial<Summary> = {},
) {
  return summarySealer(by.key)(summaryOf(by.id, change))
}

let now: number
let groups: readonly SummaryGroup[]
let sent: { readonly to: string; readonly summary: Summary | undefined }[]
let published: SignedSummary[]
let changed: string[]

beforeEach(() => {
  now = 0
  groups = [{ namespace: 'public-a', revision: 'r1' }]
  sent = []
  published = []
  changed = []
})

function desk(change: Partial<BorderParts> = {}): BorderDesk {
  return new BorderDesk({
    self: { id: acme.id, organisation: 'acme', inc: WALL },
    timing: SUMMARY_TIMING,
    limits: SUMMARY_LIMITS,
    now: () => now,
    wall: () => WALL + now,
    seal: summarySealer(acme.key),
    open: openSummary,
    isBorder: (organisation, border) => organisation === 'globex' && border === globex.id,
    groups: () => groups,
    send: ({ id }, texts) =>
      sent.push(...texts.map((text) => ({ to: id, summary: openSummary(text)?.summary }))),
    changed: (organisation) => changed.push(organisation),
    ...change,
  })
}

function pass(one: BorderDesk, ms: number): void {
  const end = now + ms
  while (one.due <= end) {
    now = Math.max(now, one.due)
    one.wake()
  }
  now = end
}

const GLOBEX = { id: globex.id, organisation: 'globex' }

describe('what a border says', () => {
  test('is told to who connects, and again when what is exported changes, once for many changes', () => {
    const one = desk()
    one.connect(GLOBEX)
    expect(sent).toMatchObject([
      { to: globex.id, summary: { organisation: 'acme', border: acme.id, to: 'globex', groups } },
    ])
    pass(one, 60_000)
    expect(sent).toHaveLength(1)
    for (const revision of ['r2', 'r3', 'r4']) {
      groups = [{ namespace: 'public-a', revision }]
      one.changed()
    }
    pass(one, 4_000)
    expect(sent).toHaveLength(1)
    pass(one, 2_000)
    expect(sent.map(({ summary }) => summary?.groups[0]?.revision)).toEqual(['r1', 'r4'])
  })

  test('is not said again when nothing of it changed, until it is old', () => {
    const one = desk()
    one.connect(GLOBEX)
    one.changed()
    pass(one, SUMMARY_TIMING.refresh - 10_000)
    expect(sent).toHaveLength(1)
    pass(one, SUMMARY_TIMING.refresh + 20_000)
    expect(sent.length).toBeGreaterThan(1)
  })

  test('goes over a bus only where there is one, and is what all may know', () => {
    pass(desk(), 60_000)
    expect(published).toEqual([])
    const asked: (string | undefined)[] = []
    const one = desk({
      publish: (text) => published.push(text),
      groups: (to) => {
        asked.push(to)
        return groups
      },
    })
    pass(one, 1_000)
    expect(published).toHaveLength(1)
    expect(published[0]?.summary.to).toBeUndefined()
    expect(asked).toEqual([undefined])
    expect(one.pull().map((text) => openSummary(text)?.summary)).toMatchObject([{ groups }])
  })
})

describe('what a border believes', () => {
  test('over a link, of the one at its other end only', () => {
    const one = desk()
    one.onLink(GLOBEX, [
      signed(stranger).text,
      signed(globex, { organisation: 'initech' }).text,
      signed(globex, { to: 'initech' }).text,
      'nonsense',
    ])
    expect([...one.book.organisations()]).toEqual([])
    one.onLink(GLOBEX, [signed(globex).text])
    expect(one.book.of('globex')).toMatchObject([{ border: globex.id }])
    expect(changed).toEqual(['globex'])
  })

  test('over a bus, of those configuration takes for borders, under their own subject', () => {
    const one = desk()
    one.onBus('globex', stranger.id, signed(stranger).text)
    one.onBus('globex', globex.id, signed(stranger).text)
    one.onBus('globex', globex.id, signed(globex, { organisation: 'initech' }).text)
    one.onBus('acme', globex.id, signed(globex, { organisation: 'acme' }).text)
    expect([...one.book.organisations()]).toEqual([])
    one.onBus('globex', globex.id, signed(globex).text)
    expect(one.book.of('globex')).toHaveLength(1)
  })

  test('nothing of its own organisation, nothing older, nothing far ahead, nothing that is over', () => {
    const book = new SummaryBook('acme', SUMMARY_LIMITS)
    const put = (change: Partial<Summary>) => book.put(signed(globex, change), 0, WALL)
    expect(put({ organisation: 'acme' })).toBe(false)
    expect(put({ inc: WALL + 3 * 86_400_000 })).toBe(false)
    expect(put({ expiresAt: WALL / 1_000 - 3 * 86_400 })).toBe(false)
    expect(put({ seq: 2 })).toBe(true)
    expect(put({ seq: 1 })).toBe(false)
    expect(put({ seq: 2 })).toBe(false)
  })

  test('no more organisations and borders than it has room for', () => {
    const book = new SummaryBook('acme', { organisations: 2, borders: 1, ttl: 1_000 })
    const results = ['a', 'b', 'c'].map((organisation) =>
      book.put(signed(globex, { organisation }), 0, WALL),
    )
    expect(results).toEqual([true, true, false])
    expect(book.put(signed(stranger, { organisation: 'a' }), 0, WALL)).toBe(false)
    expect(book.refused).toBe(2)
    expect(book.expire(2_000)).toEqual(['a', 'b'])
    expect([...book.organisations()]).toEqual([])
  })

  test('a summary for a summary only', () => {
    expect(openRecord(signed(globex).text)).toBeUndefined()
    const { text } = signed(globex)
    expect(openSummary(`${text.slice(0, -4)}AAAA`)).toBeUndefined()
  })

  test('law: in whatever order summaries come, what stands is the same', () => {
    const all = [1, 2, 3].flatMap((seq) =>
      ['r1', 'r2'].map((revision) =>
        signed(globex, { seq, groups: [{ namespace: 'n', revision }] }),
      ),
    )
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (order) => {
        const book = new SummaryBook('acme', SUMMARY_LIMITS)
        for (const one of [...order, ...order]) book.put(one, 0, WALL)
        const lowest = all.slice(-2).toSorted((a, b) => (a.digest < b.digest ? -1 : 1))[0]
        expect(book.of('globex')).toEqual([lowest?.summary])
      }),
    )
  })
})
