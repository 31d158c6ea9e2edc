import { expect, test } from 'vitest'
import { PipedCall } from '../../../node/outbound/piped-call.ts'
import { Fault } from '../../../protocol/errors.ts'
import { readUpstreamMessage, type UpstreamMessage } from '../../../protocol/upstream-message.ts'
import { Recorder } from '../../contract/recorder.ts'
import { objectAt } from '../../fixtures/wire.ts'

function progress(step: number, filler: string = ''): UpstreamMessage {
  const params = { progressToken: 1, progress: step, filler }
  const message = { jsonrpc: '2.0', method: 'notifications/progress', params }
  return readUpstreamMessage(Buffer.from(JSON.stringify(message)))
}

const RESPONSE = readUpstreamMessage(Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}'))
const FAULT = new Fault('upstream_unavailable', 'gone')

function steps({ notifications }: Recorder): unknown[] {
  return notifications.map((message) => objectAt(message, 'params')['progress'])
}

test('a slow caller gets what waited in order, the response last', () => {
  const sink = new Recorder()
  const call = new PipedCall(sink)
  sink.isFull = true
  for (const step of [1, 2, 3]) call.notification(progress(step))
  call.response(RESPONSE)
  expect([steps(sink), sink.endings]).toEqual([[1], []])
  call.resume()
  expect([steps(sink), sink.endings]).toEqual([[1, 2], []])
  sink.isFull = false
  call.resume()
  expect(steps(sink)).toEqual([1, 2, 3])
  expect(sink.endings).toHaveLength(1)
  call.resume()
  expect(sink.endings).toHaveLength(1)
})

test('what was answered before the loss is answered after it', () => {
  const sink = new Recorder()
  const call = new PipedCall(sink)
  sink.isFull = true
  call.notification(progress(1))
  call.response(RESPONSE)
  call.failed(FAULT, false)
  call.resume()
  expect(sink.endings).toMatchObject([{ response: { id: 1 } }])
})

test('a caller that never comes back costs a bounded amount: the oldest progress goes', () => {
  const sink = new Recorder()
  const call = new PipedCall(sink)
  sink.isFull = true
  for (let step = 1; step <= 100; step += 1) call.notification(progress(step, 'x'.repeat(10_000)))
  sink.isFull = false
  call.resume()
  const kept = steps(sink)
  expect(kept.length).toBeLessThan(30)
  expect([kept[0], kept[1], kept.at(-1)]).toEqual([1, 102 - kept.length, 100])
})

test('nothing is heard after it was dropped', () => {
  const sink = new Recorder()
  const call = new PipedCall(sink)
  sink.isFull = true
  call.notification(progress(1))
  call.notification(progress(2))
  call.response(RESPONSE)
  call.drop()
  call.resume()
  call.failed(FAULT, true)
  expect([steps(sink), sink.endings]).toEqual([[1], []])
})

test('it ends once', () => {
  const sink = new Recorder()
  const call = new PipedCall(sink)
  call.failed(FAULT, true)
  call.response(RESPONSE)
  call.notification(progress(1))
  expect(sink.endings).toEqual([{ fault: FAULT, unsent: true }])
})
