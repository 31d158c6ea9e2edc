// The answer to one request on a link, and how much of it goes out while its caller takes no more.
import { expect, test } from 'vitest'
import { LinkReply } from '../../../node/inbound/link-reply.ts'
import { Fault } from '../../../protocol/errors.ts'
import type { LinkFrame } from '../../../protocol/link/frames.ts'

const TEN = Buffer.from('0123456789')

function reply(window = 25): {
  reply: LinkReply
  sent: LinkFrame[]
  over: () => number
  types: () => string[]
} {
  const sent: LinkFrame[] = []
  let ended = 0
  const made = new LinkReply({
    call: 3,
    window,
    maxBytes: 50,
    wire: { crowded: false, send: (frame) => sent.push(frame), onDrain: (listener) => listener() },
    challenge: () => ['www-authenticate', 'Bearer'],
    over: () => {
      ended += 1
    },
  })
  return { reply: made, sent, over: () => ended, types: () => sent.map(({ type }) => type) }
}

test('notifications beyond the window wait, in order, and the response behind them', () => {
  const { reply: one, types, over } = reply()
  expect([1, 2, 3, 4, 5].map(() => one.notify(TEN))).toEqual([true, true, false, false, false])
  one.finish([TEN])
  expect([types().length, over()]).toEqual([3, 0])
  one.more(10)
  expect(types()).toEqual(Array.from({ length: 4 }, () => 'notification'))
  one.more(25)
  expect(types().slice(4)).toEqual(['notification', 'response'])
  expect(over()).toBe(1)
})

test('whoever waits is told when there is room, and when it is over', () => {
  const { reply: one } = reply(10)
  const told: string[] = []
  one.notify(TEN)
  one.onDrain(() => told.push('room'))
  expect(told).toEqual([])
  one.more(10)
  one.notify(TEN)
  one.onDrain(() => told.push('over'))
  one.abandon()
  expect(told).toEqual(['room', 'over'])
})

test('a window is never more than was agreed on, whatever the caller says', () => {
  const { reply: one, types } = reply(10)
  one.more(0xffff_ffff)
  one.notify(TEN)
  one.notify(TEN)
  expect(types()).toEqual(['notification'])
})

test('an answer larger than the caller takes is not sent, and said to be so', () => {
  const { reply: one, sent } = reply()
  one.finish([Buffer.alloc(30), Buffer.alloc(30)])
  expect(sent).toMatchObject([{ type: 'response', oversized: true, body: Buffer.alloc(0) }])
})

test('a want of scope is a refusal with its challenge', () => {
  const { reply: one, sent } = reply()
  one.finish([TEN], -31_011, new Fault('insufficient_scope', 'more'))
  const lines = ['www-authenticate', 'Bearer']
  expect(sent).toEqual([{ type: 'refusal', call: 3, status: 403, lines }])
})

test('nothing is sent behind the end', () => {
  const { reply: one, sent, over } = reply()
  one.finish([TEN])
  one.finish([TEN])
  one.notify(TEN)
  one.refuse(new Fault('unauthenticated', 'late'))
  expect([sent.length, over()]).toEqual([1, 1])
})
