import { readFile } from 'node:fs/promises'
import { NATS_TIMING, openNatsBus, type NatsCredentials } from '../../../topology/bus-nats.ts'
import type { Bus, BusListener } from '../../../topology/bus.ts'
import type { GossipCredentials, GossipSettings } from '../../core/config-gossip-types.ts'

/** Who is on the bus. */
export interface BusMember {
  readonly organisation: string
  readonly id: string
  /** Nodes of the organisation, about. */
  readonly nodes: number
}

/** Opens the bus of the configuration; undefined where there is none. @throws Error of the system for a file of it */
export async function openBus(
  { nats, credentials, tls }: GossipSettings,
  member: BusMember,
  listener: BusListener,
): Promise<Bus | undefined> {
  if (nats.length === 0) return undefined
  const settings = {
    ...member,
    servers: nats,
    credentials: credentials && (await revealed(credentials)),
    tls,
    timing: NATS_TIMING,
    random: Math.random,
  }
  return openNatsBus(settings, listener)
}

async function revealed(credentials: GossipCredentials): Promise<NatsCredentials> {
  switch (credentials.kind) {
    case 'nkey':
      return { kind: 'nkey', seed: credentials.seed.reveal() }
    case 'creds':
      return { kind: 'creds', text: await readFile(credentials.file, 'utf8') }
    case 'password':
      return { kind: 'password', user: credentials.user, password: credentials.password.reveal() }
    case 'token':
      return { kind: 'token', token: credentials.token.reveal() }
    default:
      return credentials satisfies never
  }
}
