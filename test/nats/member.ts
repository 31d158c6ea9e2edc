// A node at a server that gives permissions, as a bare client of NATS: what it may say and hear, whatever its credential is.
import { connect, type Authenticator, type NatsConnection } from '@nats-io/transport-node'
import { expect, vi } from 'vitest'
import { inboxPrefix, recordSubject } from '../../topology/subjects.ts'

const UNTIL = { timeout: 10_000, interval: 20 }

export interface Member {
  readonly node: string
  readonly nats: NatsConnection
  /** What the server objected to so far. */
  readonly problems: readonly string[]
}

/** @throws Error when the server turns it away */
export async function member(
  url: string,
  node: string,
  authenticator: Authenticator,
): Promise<Member> {
  const nats = await connect({ servers: url, authenticator, inboxPrefix: inboxPrefix(node) })
  const problems: string[] = []
  void (async () => {
    for await (const status of nats.status()) {
      if (status.type === 'error') problems.push(status.error.message)
    }
  })()
  return { node, nats, problems }
}

/**
 * A member of `acme` publishes a record of another, to which the server must object, and then one of its own. Gives the
 * subjects that other hears of.
 */
export async function heardFrom(one: Member, other: Member): Promise<readonly string[]> {
  const heard: string[] = []
  other.nats.subscribe('banyan.v1.acme.rec.*', {
    callback: (_, { subject }) => void heard.push(subject),
  })
  await other.nats.flush()
  // The order of one connection is kept: whoever hears the second would have heard the first.
  one.nats.publish(recordSubject('acme', other.node), 'forged')
  const own = recordSubject('acme', one.node)
  one.nats.publish(own, 'own')
  await vi.waitFor(() => expect(heard).toContain(own), UNTIL)
  await vi.waitFor(() => expect(one.problems.join()).toMatch(/permissions violation/i), UNTIL)
  return heard
}
