// An exchange in somebody's name, over a transport that does as the test says.
import { describe, expect, test } from 'vitest'
import type { Authorization } from '../../../node/core/delegation.ts'
import { AuthorizedExchange } from '../../../node/outbound/authorized-exchange.ts'
import type { ExchangeSink, Outcome } from '../../../node/outbound/http-target.ts'
import { Fault } from '../../../protocol/errors.ts'
import { readUpstreamMessage } from '../../../protocol/upstream-message.ts'

const ANSWER = readUpstreamMessage(Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}'))

class Stage {
  readonly sent: { lines: readonly string[]; sink: ExchangeSink; aborted: boolean }[] = []
  readonly heard: unknown[] = []
  readonly nonces: (string | undefined)[] = []
  readonly exchange: AuthorizedExchange

  constructor(lines: Authorization['lines'], again = true) {
    const authorization: Authorization = {
      lines,
      refused: ({ nonce }) => {
        this.nonces.push(nonce)
        return again
      },
    }
    const dispatch = (given: readonly string[], sink: ExchangeSink): AuthorizedExchange => {
      const attempt = { lines: given, sink, aborted: false }
      this.sent.push(attempt)
      return { abort: () => (attempt.aborted = true), resume: () => undefined } as never
    }
    this.exchange = new AuthorizedExchange(
      { authorization, method: 'POST', dispatch },
      {
        started: (status) => this.heard.push(status),
        message: (message) => this.heard.push(message) > 0,
        end: (outcome) => this.heard.push(outcome),
      },
    ).begin()
  }

  answer(at: number, status: number, headers: Record<string, string> = {}): void {
    const sink = this.sent[at]?.sink
    sink?.started?.(status, headers)
    sink?.message(ANSWER)
    sink?.end({ kind: 'done', status })
  }
}

const DONE: Outcome = { kind: 'done', status: 200 }

describe('an exchange in the name of somebody', () => {
  test('is sent at once where the token is at hand', () => {
    const stage = new Stage(() => ['authorization', 'DPoP a'])
    expect(stage.sent.map(({ lines }) => lines)).toEqual([['authorization', 'DPoP a']])
    stage.answer(0, 200)
    expect(stage.heard).toEqual([200, ANSWER, DONE])
  })

  test('waits for the token, and is not sent when nobody waits for it', async () => {
    const token = Promise.withResolvers<readonly string[]>()
    const [kept, dropped] = [new Stage(() => token.promise), new Stage(() => token.promise)]
    dropped.exchange.abort()
    expect([kept.sent, dropped.sent]).toEqual([[], []])
    token.resolve(['authorization', 'DPoP a'])
    await token.promise
    expect([kept.sent.length, dropped.sent.length]).toEqual([1, 0])
  })

  test.each(['at once', 'later'])(
    'ends without being sent where there is no token, %s',
    async (when) => {
      const refused = new Fault('delegation_refused', 'no')
      const stage = new Stage(() => {
        if (when === 'later') return Promise.reject(refused)
        throw refused
      })
      await Promise.resolve()
      await Promise.resolve()
      // The connection is as good as before, so the failure is none of the transport.
      expect(stage.heard).toEqual([{ kind: 'failed', fault: refused, unsent: false }])
      expect(stage.sent).toEqual([])
    },
  )

  test('that is refused once goes out again with another token, and nothing is heard of the first', () => {
    let count = 0
    const stage = new Stage(() => ['authorization', `DPoP ${(count += 1)}`])
    stage.answer(0, 401, { 'dpop-nonce': 'n' })
    expect([stage.heard, stage.nonces]).toEqual([[], ['n']])
    stage.answer(1, 200)
    expect(stage.sent.map(({ lines }) => lines[1])).toEqual(['DPoP 1', 'DPoP 2'])
    expect(stage.heard).toEqual([200, ANSWER, DONE])
  })

  test('attack 33: that is refused twice does not go out a third time', () => {
    const stage = new Stage(() => ['authorization', 'DPoP a'])
    stage.answer(0, 401)
    stage.answer(1, 401)
    expect(stage.sent).toHaveLength(2)
    expect(stage.heard).toEqual([401, ANSWER, { kind: 'done', status: 401 }])
  })

  test('that is refused where another would be no better is told so', () => {
    const stage = new Stage(() => ['authorization', 'DPoP a'], false)
    stage.answer(0, 401)
    expect([stage.sent.length, stage.heard[0]]).toEqual([1, 401])
  })

  test('that is withdrawn between two attempts does not go out again', () => {
    const stage = new Stage(() => ['authorization', 'DPoP a'])
    stage.sent[0]?.sink.started?.(401, {})
    stage.exchange.abort()
    expect(stage.sent[0]?.aborted).toBe(true)
    stage.sent[0]?.sink.end({ kind: 'done', status: 401 })
    expect(stage.sent).toHaveLength(1)
  })
})
