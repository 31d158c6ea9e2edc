// One node follows what another revokes.
import { expect, test, vi } from 'vitest'
import { RevocationPoll } from '../../../node/identity/revocation-poll.ts'
import { MemoryRevocations } from '../../../node/identity/service/revocations.ts'
import type { RevocationList } from '../../../protocol/token/revocation-list.ts'
import { SILENT } from '../../../node/core/logger.ts'

const OWN = 'https://id.example'
const OTHER = 'https://x.example'
const NOW = 1_000
const clock = (): number => NOW

type Ask = (cursor: string | undefined) => Promise<RevocationList | undefined>

function follower(ask: Ask): {
  readonly poll: RevocationPoll
  readonly revocations: MemoryRevocations
  readonly warned: string[]
} {
  const warned: string[] = []
  const revocations = new MemoryRevocations({ clock, capacity: 1_000 })
  const poll = new RevocationPoll({
    ask,
    heeds: (issuer) => issuer === OWN,
    revocations,
    interval: () => 60_000,
    clock,
    log: { ...SILENT, warn: (_, message) => void warned.push(message) },
  })
  return { poll, revocations, warned }
}

/** What a node tells of another's list, so many at a time. */
function teller(of: MemoryRevocations, asked: (string | undefined)[], most = 2): Ask {
  return (cursor) => {
    asked.push(cursor)
    return Promise.resolve(of.since(cursor, most))
  }
}

test('takes over all that is new, and asks from there on', async () => {
  const source = new MemoryRevocations({ clock, capacity: 1_000 })
  const asked: (string | undefined)[] = []
  const { poll, revocations } = follower(teller(source, asked))
  for (const id of ['a', 'b', 'c']) {
    source.revoke({ issuer: OWN, by: 'jti', id, until: NOW + 60 })
  }
  await poll.poll()
  for (const jti of ['a', 'b', 'c']) expect(revocations.isRevoked({ iss: OWN, jti })).toBe(true)
  expect(asked).toHaveLength(2)
  source.revoke({ issuer: OWN, by: 'txn', id: 't', until: NOW + 60 })
  await poll.poll()
  expect(revocations.isRevoked({ iss: OWN, jti: 'd', txn: 't' })).toBe(true)
  expect(asked[2]).toBe(source.since(undefined, 3).cursor)
  source.refuse(OWN, NOW + 60)
  await poll.poll()
  expect(revocations.isRevoked({ iss: OWN, jti: 'any' })).toBe(true)
  poll.close()
})

test('what is said of tokens of others is not listened to', async () => {
  const source = new MemoryRevocations({ clock, capacity: 1_000 })
  source.revoke({ issuer: OTHER, by: 'jti', id: 'a', until: NOW + 60 })
  source.refuse(OTHER, NOW + 60)
  const { poll, revocations } = follower(teller(source, []))
  await poll.poll()
  expect(revocations.isRevoked({ iss: OTHER, jti: 'a' })).toBe(false)
  poll.close()
})

test('remembers nothing for longer than a token can live', async () => {
  const source = new MemoryRevocations({ clock, capacity: 1_000 })
  source.revoke({ issuer: OWN, by: 'jti', id: 'a', until: 9e15 })
  const { poll, revocations } = follower(teller(source, []))
  await poll.poll()
  expect(revocations.since(undefined, 1).revoked).toMatchObject([{ until: NOW + 86_400 + 60 }])
  poll.close()
})

test('an outage is told of once, and what came meanwhile is heard of after it', async () => {
  const source = new MemoryRevocations({ clock, capacity: 1_000 })
  let isDown = true
  const { poll, revocations, warned } = follower((cursor) =>
    isDown ? Promise.reject(new Error('down')) : Promise.resolve(source.since(cursor, 10)),
  )
  await poll.poll()
  source.revoke({ issuer: OWN, by: 'sid', id: 's', until: NOW + 60 })
  await poll.poll()
  expect(warned).toHaveLength(1)
  isDown = false
  await poll.poll()
  expect(revocations.isRevoked({ iss: OWN, jti: 'a', sid: 's' })).toBe(true)
  poll.close()
})

test('a teller that never ends, or does not tell, keeps nobody busy', async () => {
  let asked = 0
  const endless = follower(() => {
    asked += 1
    return Promise.resolve({ revoked: [], refused: [], cursor: 'e.1', more: true })
  })
  await endless.poll.poll()
  expect(asked).toBe(1_000)
  const silent = follower(() => Promise.resolve(undefined))
  await silent.poll.poll()
  expect(silent.warned).toEqual([])
  for (const { poll } of [endless, silent]) poll.close()
})

test('waits by another interval as soon as that holds', async () => {
  vi.useFakeTimers()
  try {
    let interval = 300_000
    let asked = 0
    const poll = new RevocationPoll({
      ask: () => {
        asked += 1
        return Promise.resolve(undefined)
      },
      heeds: () => true,
      revocations: new MemoryRevocations({ clock, capacity: 10 }),
      interval: () => interval,
      clock,
      log: SILENT,
    })
    poll.start()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(asked).toBe(1)
    interval = 2_000
    poll.rearm()
    await vi.advanceTimersByTimeAsync(2_000)
    expect(asked).toBe(2)
    poll.close()
  } finally {
    vi.useRealTimers()
  }
})
