import { describe, expect, it } from 'vitest'
import { Fault } from '../../../protocol/errors.ts'
import { CallScope } from '../../../node/core/call-scope.ts'
import { Inflight } from '../../../node/inbound/inflight.ts'

describe('calls of sessions under way', () => {
  it('are found by session and id, and 1 is not "1"', () => {
    const inflight = new Inflight()
    const [number, text, other] = [new CallScope(), new CallScope(), new CallScope()]
    inflight.add('a', 1, number)
    inflight.add('a', '1', text)
    inflight.add('b', 1, other)
    expect(inflight.of('a', 1)).toEqual([number])
    expect(inflight.of('a', '1')).toEqual([text])
    expect(inflight.of('b', 1)).toEqual([other])
    expect(inflight.of('b', '1')).toEqual([])
  })

  it('that share an id are both meant by it, until each has ended', () => {
    const inflight = new Inflight()
    const [first, second] = [new CallScope(), new CallScope()]
    inflight.add('a', 1, first)
    inflight.add('a', 1, second)
    expect(inflight.of('a', 1)).toEqual([first, second])
    first.finish()
    expect(inflight.of('a', 1)).toEqual([second])
  })

  it('leave nothing behind, however they end', () => {
    const inflight = new Inflight()
    for (let id = 0; id < 1_000; id += 1) {
      const scope = new CallScope()
      inflight.add('a', id, scope)
      if (id % 2 === 0) scope.finish()
      else scope.stop(new Fault('cancelled', 'gone'))
    }
    const ended = new CallScope()
    ended.finish()
    inflight.add('a', 0, ended)
    expect(inflight.empty).toBe(true)
  })
})
