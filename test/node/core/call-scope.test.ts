import { describe, expect, test, vi } from 'vitest'
import { CallScope } from '../../../node/core/call-scope.ts'
import { Fault } from '../../../protocol/errors.ts'

const gone = new Fault('cancelled', 'the caller has gone')
const late = new Fault('upstream_timeout', 'too late')

describe('the life of a call', () => {
  test('it runs until it is ended', () => {
    const scope = new CallScope()
    const listener = vi.fn<(reason: Fault | undefined) => void>()
    scope.onEnd(listener)
    expect([scope.ended, scope.reason, listener.mock.calls]).toEqual([false, undefined, []])
  })

  test('an answer ends it without a reason', () => {
    const scope = new CallScope()
    const listener = vi.fn<(reason: Fault | undefined) => void>()
    scope.onEnd(listener)
    scope.finish()
    expect([scope.ended, scope.reason, listener.mock.calls]).toEqual([
      true,
      undefined,
      [[undefined]],
    ])
  })

  test('a stop ends it with one', () => {
    const scope = new CallScope()
    const listener = vi.fn<(reason: Fault | undefined) => void>()
    scope.onEnd(listener)
    scope.stop(gone)
    expect([scope.ended, scope.reason, listener.mock.calls]).toEqual([true, gone, [[gone]]])
  })

  test.each<[string, (scope: CallScope) => void, Fault | undefined]>([
    ['finish, then stop', (scope) => [scope.finish(), scope.stop(gone)], undefined],
    ['stop, then finish', (scope) => [scope.stop(gone), scope.finish()], gone],
    ['stop twice', (scope) => [scope.stop(gone), scope.stop(late)], gone],
  ])('%s: the first counts, and listeners hear it once', (_, end, reason) => {
    const scope = new CallScope()
    const heard: (Fault | undefined)[] = []
    scope.onEnd((why) => heard.push(why))
    end(scope)
    expect(heard).toEqual([reason])
    expect(scope.reason).toBe(reason)
  })

  test('who comes later hears it at once', () => {
    const scope = new CallScope()
    scope.stop(gone)
    const listener = vi.fn<(reason: Fault | undefined) => void>()
    scope.onEnd(listener)
    expect(listener.mock.calls).toEqual([[gone]])
  })

  test('listeners hear it in the order they came, those added on the way too', () => {
    const scope = new CallScope()
    const order: string[] = []
    scope.onEnd(() => {
      order.push('first')
      scope.onEnd(() => order.push('nested'))
    })
    scope.onEnd(() => order.push('second'))
    scope.finish()
    expect(order).toEqual(['first', 'nested', 'second'])
  })

  test('a listener that ends it again changes nothing', () => {
    const scope = new CallScope()
    scope.onEnd(() => scope.stop(late))
    scope.stop(gone)
    expect(scope.reason).toBe(gone)
  })
})
