// What has changed is told in order, and once where the reader does not keep up.
import { expect, test } from 'vitest'
import { Announcements } from '../../../node/inbound/announcements.ts'
import { Heard } from './desk.ts'

function message(method: string): Buffer {
  return Buffer.from(JSON.stringify({ method }))
}

function methods(heard: Heard): unknown[] {
  return heard.messages.map(({ method }) => method)
}

test('nothing goes before the beginning, and what came twice meanwhile goes once', () => {
  const heard = new Heard()
  const announcements = new Announcements(heard, false)
  for (const about of ['a', 'b', 'a']) announcements.announce(about, message(about))
  expect(methods(heard)).toEqual([])
  announcements.begin(message('first'))
  announcements.announce('a', message('a'))
  expect(methods(heard)).toEqual(['first', 'a', 'b', 'a'])
})

test('a reader that does not keep up gets the rest when it has, each thing once', () => {
  const heard = new Heard()
  const announcements = new Announcements(heard, true)
  heard.block()
  for (let round = 0; round < 1_000; round += 1) {
    for (const about of ['a', 'b', 'c']) announcements.announce(about, message(about))
  }
  expect(methods(heard)).toEqual(['a'])
  heard.drain()
  expect(methods(heard)).toEqual(['a', 'b', 'c', 'a'])
  announcements.announce('b', message('b'))
  expect(methods(heard)).toHaveLength(5)
})

test('a reader that is full again right after the first of them is not sent more', () => {
  const heard = new Heard()
  const announcements = new Announcements(heard, false)
  for (const about of ['a', 'b']) announcements.announce(about, message(about))
  heard.block()
  announcements.begin(message('first'))
  expect(methods(heard)).toEqual(['first'])
  heard.drain()
  expect(methods(heard)).toEqual(['first', 'a', 'b'])
})
