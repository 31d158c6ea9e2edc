import { expect, test } from 'vitest'
import { CallsByContext } from '../../../node/outbound/calls.ts'
import { DEAF } from './fake-connector.ts'

test('contexts without calls do not gather, those with calls stay', () => {
  const calls = new CallsByContext()
  const busy = calls.at('busy')
  busy.add(DEAF)
  const idle = calls.at('idle')
  const place = idle.add(DEAF)
  expect([calls.at('idle'), calls.size('idle')]).toEqual([idle, 1])
  idle.remove(place)
  for (let index = 0; index < 1_000; index += 1) calls.at(`context ${index}`)
  expect(calls.at('busy')).toBe(busy)
  expect(calls.at('idle')).not.toBe(idle)
  expect(calls.size('idle')).toBe(0)
})

test('all calls can go in any order', () => {
  const calls = new CallsByContext().at('')
  const takers = [1, 2, 3].map(() => ({ ...DEAF }))
  const [first, second, third] = takers.map((taker) => calls.add(taker))
  if (!first || !second || !third) throw new Error('unreachable')
  expect([calls.values(), calls.only]).toEqual([takers, undefined])
  calls.remove(second)
  calls.remove(first)
  expect(calls.only).toBe(takers[2])
  calls.remove(third)
  expect([calls.values(), calls.only, calls.size]).toEqual([[], undefined, 0])
})
