// What is open when a configuration takes the place of another, and whose it was.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CallScope } from '../../../node/core/call-scope.ts'
import { LOCAL_CALLER, type Principal } from '../../../node/core/principal.ts'
import type { Watcher } from '../../../node/core/stages.ts'
import { endOutdated, type OpenParts } from '../../../node/inbound/outdated.ts'
import { LocalSessionMemory } from '../../../node/inbound/session-memory.ts'
import type { AccessClaims } from '../../../protocol/token/claims.ts'
import type { RawStream } from '../../fixtures/raw-client.ts'
import { SessionStreams } from './session-streams.ts'

const HOLDER: Principal = { ...LOCAL_CALLER, key: 'holder', claims: {} as AccessClaims }

describe('what is open', () => {
  let node: SessionStreams
  let stream: RawStream
  let memory: LocalSessionMemory
  let ended: string[]
  /** Whether a link of the holder was asked to go, for each time. */
  let left: boolean[]
  let scope: CallScope
  let listens: Map<CallScope, Watcher>
  let open: boolean

  beforeEach(async () => {
    node = await SessionStreams.start()
    stream = await node.get('a')
    memory = new LocalSessionMemory({ subscriptions: 3, idleMs: 1_000, isHeard: () => true })
    ended = []
    left = []
    open = true
    scope = new CallScope()
    listens = new Map([[scope, { endpoint: 'main', principal: HOLDER }]])
    const watcher = { endpoint: 'main', principal: HOLDER }
    const subscription = { watcher, granted: Promise.resolve(true), end: () => undefined }
    memory.hold('other', 'test://a', subscription)
  })
  afterEach(() => node.close())

  function end(stays: (who: Watcher) => boolean): void {
    const parts: Pick<OpenParts, 'serving' | 'sessions' | 'links'> = {
      serving: { has: () => open, admits: () => open },
      links: {
        leave: (which) => left.push(which({ endpoint: 'main', principal: HOLDER } as never)),
      },
      sessions: { end: ({ key }: { key: string }) => ended.push(key) } as never,
    }
    endOutdated({ ...parts, listens, streams: node.streams, memory }, stays)
  }

  test('stays where nothing is known to be missing', () => {
    end(() => true)
    expect([scope.ended, ended, memory.held, node.streams.size]).toEqual([false, [], 1, 1])
    expect(left).toEqual([false])
  })

  test('ends for callers who are outdated, and their sessions where these hold subscriptions', async () => {
    end(() => false)
    expect(scope.reason?.code).toBe('unauthenticated')
    expect(left).toEqual([true])
    expect([ended, memory.held, node.streams.size]).toEqual([['other'], 0, 0])
    expect(await stream.next()).toBeUndefined()
  })

  test('ends where the endpoint is not there for its caller any more', () => {
    open = false
    end(() => true)
    expect(scope.reason?.code).toBe('unknown_endpoint')
    expect(left).toEqual([true])
    expect(node.streams.size).toBe(0)
  })
})
