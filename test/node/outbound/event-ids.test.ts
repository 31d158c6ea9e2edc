import { expect, test } from 'vitest'
import { EventIds } from '../../../node/outbound/event-ids.ts'

test('an id is new once', () => {
  const ids = new EventIds()
  expect(ids.last).toBeUndefined()
  expect(['a', 'b', 'a', 'c'].map((id) => ids.take(id))).toEqual([true, true, false, true])
  expect(ids.last).toBe('c')
})

test.each([
  ['that is empty', ''],
  ['that no header can carry', 'ü'],
  ['that ends a header', 'a\r\nx: y'],
  ['that is too long', 'x'.repeat(1_025)],
])('an id %s cannot be resumed from', (_, id) => {
  const ids = new EventIds()
  ids.take('a')
  expect(ids.take(id)).toBe(true)
  expect(ids.take(id)).toBe(true)
  expect(ids.last).toBeUndefined()
})

test('only so many ids are kept, the oldest go', () => {
  const ids = new EventIds()
  for (let index = 0; index < 1_500; index += 1) ids.take(`event-${index}`)
  expect([ids.take('event-1499'), ids.take('event-600')]).toEqual([false, false])
  expect(ids.take('event-0')).toBe(true)
})

test('the pause is the server’s, within bounds', () => {
  const ids = new EventIds()
  expect(ids.retryMs).toBeUndefined()
  const bounded = [0, 500, 999_999_999].map((milliseconds) => {
    ids.retry(milliseconds)
    return ids.retryMs
  })
  expect(bounded).toEqual([100, 500, 30_000])
})
