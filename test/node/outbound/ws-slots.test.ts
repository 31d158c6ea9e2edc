// Which credentials the other end of a link is taken to know: a model of what it does with what it is sent.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Slots } from '../../../node/outbound/ws-slots.ts'
import type { LinkFrame } from '../../../protocol/link/frames.ts'

/** The other end: what stands in which slot. */
class Peer {
  readonly held = new Map<number, string>()
  most = 0

  take(frame: LinkFrame): void {
    if (frame.type === 'credential') this.held.set(frame.slot, frame.lines.join(' '))
    if (frame.type === 'release') this.held.delete(frame.slot)
    // The one of the opening is among those it counts.
    this.most = Math.max(this.most, this.held.size + 1)
  }
}

const stamps = Array.from({ length: 8 }, (_, index) => ({ index }))

test('what is found is what the other end holds, and it never holds more than it takes', () => {
  const step = fc.record({
    stamp: fc.constantFrom(...stamps),
    after: fc.constantFrom('use', 'forget'),
  })
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 6 }), fc.array(step), (capacity, steps) => {
      const peer = new Peer()
      const slots = new Slots({ capacity, stamp: undefined }, (frame) => peer.take(frame))
      for (const { stamp, after } of steps) {
        const slot = slots.find(stamp) ?? slots.present(stamp, [String(stamp.index)])
        expect(peer.held.get(slot.number)).toBe(String(stamp.index))
        if (after !== 'forget') continue
        slots.forget(slot)
        expect(slots.find(stamp)).toBeUndefined()
      }
      expect(peer.most).toBeLessThanOrEqual(capacity)
    }),
  )
})

test('that used longest ago gives its place', () => {
  const slots = new Slots({ capacity: 3, stamp: undefined }, () => undefined)
  const [a = {}, b = {}, c = {}] = stamps
  slots.present(a, [])
  slots.present(b, [])
  expect(slots.find(a)).toBeDefined()
  slots.present(c, [])
  expect([slots.find(a), slots.find(b)].map((slot) => slot !== undefined)).toEqual([true, false])
})

test('that of the opening is found by its stamp, until it is refused', () => {
  const [own = {}] = stamps
  const slots = new Slots({ capacity: 3, stamp: own }, () => undefined)
  expect(slots.find(own)).toMatchObject({ number: 0 })
  slots.forget(slots.first)
  expect(slots.find(own)).toBeUndefined()
  expect(slots.first.number).toBe(0)
})

test('a slot that was presented anew is not forgotten with the one before', () => {
  const [one = {}] = stamps
  const slots = new Slots({ capacity: 3, stamp: undefined }, () => undefined)
  const before = slots.present(one, [])
  slots.forget(before)
  const after = slots.present(one, [])
  slots.forget(before)
  expect(slots.find(one)).toBe(after)
})

test('what nobody knows the stamp of is presented for each request', () => {
  const slots = new Slots({ capacity: 3, stamp: undefined }, () => undefined)
  slots.present(undefined, [])
  expect(slots.find(undefined)).toBeUndefined()
})
