import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import {
  connect,
  credsAuthenticator,
  nkeyAuthenticator,
  nkeys,
  RequestError,
  TimeoutError,
  tokenAuthenticator,
  wsconnect,
  type Authenticator,
  type ConnectionOptions,
  type Msg,
  type NatsConnection,
  type Status,
} from '@nats-io/transport-node'
import type { NodeId } from '../protocol/federation.ts'
import type { BorderListener, Bus, BusListener } from './bus.ts'
import type { SyncOutcome } from './bus-state.ts'
import { MAX_RECORD_CHARS } from './record.ts'
import { RecordInbox } from './record-inbox.ts'
import type { SignedRecord } from './signed-record.ts'
import {
  borderOfSubject,
  inboxPrefix,
  nodeOfSubject,
  recordSubject,
  recordSubjects,
  SUMMARY_SUBJECTS,
  summaryPullSubject,
  summarySubject,
  SYNC_QUEUE,
  syncSubject,
} from './subjects.ts'
import { MAX_SUMMARY_CHARS, openSummary, type SignedSummary } from './summary.ts'
import type { SyncRequest } from './sync.ts'
import { readSyncReply, readSyncRequest } from './sync-wire.ts'

/** How a node proves itself to a NATS server. */
export type NatsCredentials =
  | { readonly kind: 'nkey'; readonly seed: string }
  /** Text of a `.creds` file: a user JWT and its seed. */
  | { readonly kind: 'creds'; readonly text: string }
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string }

/** Paths of PEM files. */
export interface NatsTls {
  /** Certificates the server's is checked against; default: those of the system. */
  readonly ca?: string | undefined
  /** This node's own certificate and key, where the server asks for one. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

export interface NatsSettings {
  /** URLs, of one scheme. `tls:` and `wss:` are encrypted or not at all. */
  readonly servers: readonly string[]
  readonly organisation: string
  readonly id: NodeId
  readonly credentials?: NatsCredentials | undefined
  /** Given: what is not encrypted is no server. Not for `wss:`, which goes by the certificates of the system. */
  readonly tls?: NatsTls | undefined
  /** Nodes of the organisation, about: the more there are, the more they spread when they all come back at once. */
  readonly nodes: number
  readonly timing: NatsTiming
  /** From 0 up to 1. */
  readonly random: () => number
}

/** Milliseconds. */
export interface NatsTiming {
  /** Between pings; two without an answer, and the connection is given up. */
  readonly ping: number
  /** Before a next attempt to connect, and up to as much again. */
  readonly retry: number
  /** For a connection to come about, and for an answer of another node. */
  readonly patience: number
}

export const NATS_TIMING: NatsTiming = { ping: 5_000, retry: 250, patience: 5_000 }

const MAX_PING_OUT = 2
const MAX_JITTER_MS = 5_000
const JITTER_PER_NODE_MS = 5
/** After being turned away, so that a wrong key is no storm. */
const TURNED_AWAY_MS = 10_000
/** Records verified in one go: about 4 ms. */
const SLICE = 20
/** Summaries taken of one answer. */
const MAX_PULLED = 16
const INBOX_NODES = 100_000
/** How long closing waits for what was published, ms. */
const LAST_WORDS_MS = 250

/**
 * The bus over a NATS server (core publish and subscribe, at most once). It never fails for good: a server that is not
 * there, or turns the node away, is tried again until `close`.
 */
export function openNatsBus(settings: NatsSettings, listener: BusListener): Bus {
  return new NatsBus(settings, listener)
}

/** A key pair a node proves itself to a NATS server with. */
export function newUserKey(): { readonly seed: string; readonly nkey: string } {
  const pair = nkeys.createUser()
  return { seed: Buffer.from(pair.getSeed()).toString(), nkey: pair.getPublicKey() }
}

class NatsBus implements Bus {
  #settings: NatsSettings
  readonly #listener: BusListener
  readonly #inbox = new RecordInbox(INBOX_NODES)
  #connection: NatsConnection | undefined
  #isConnected = false
  #closed = false
  #retry: NodeJS.Timeout | undefined
  #slice: NodeJS.Immediate | undefined

  constructor(settings: NatsSettings, listener: BusListener) {
    this.#settings = settings
    this.#listener = listener
    void this.#dial()
  }

  readonly publish = ({ record, text }: SignedRecord): void => {
    // What is published while the connection is down would vanish, or wait without bound.
    if (!this.#isConnected) return
    this.#connection?.publish(recordSubject(this.#settings.organisation, record.id), text)
  }

  readonly sync = async (request: SyncRequest): Promise<SyncOutcome> => {
    const connection = this.#connection
    if (connection === undefined || !this.#isConnected) return 'lost'
    const { organisation, timing } = this.#settings
    try {
      const subject = syncSubject(organisation)
      const options = { timeout: timing.patience }
      const message = await connection.request(subject, JSON.stringify(request), options)
      return readSyncReply(parse(message)) ?? 'lost'
    } catch (error) {
      if (error instanceof RequestError && error.isNoResponders()) return 'alone'
      if (!(error instanceof TimeoutError)) this.#problem(error)
      return 'lost'
    }
  }

  readonly publishSummary = ({ summary, text }: SignedSummary): void => {
    if (!this.#isConnected) return
    this.#connection?.publish(summarySubject(summary.organisation, summary.border), text)
  }

  readonly pullSummaries = async (organisation: string): Promise<void> => {
    const connection = this.#connection
    if (connection === undefined || !this.#isConnected) return
    try {
      const options = { timeout: this.#settings.timing.patience }
      const message = await connection.request(summaryPullSubject(organisation), '', options)
      for (const text of readPulled(parse(message))) {
        const border = openSummary(text)?.summary.border
        if (border !== undefined) this.#listener.border?.summary(organisation, border, text)
      }
    } catch (error) {
      const isSilent = error instanceof RequestError || error instanceof TimeoutError
      if (!isSilent) this.#problem(error)
    }
  }

  readonly useServers = (servers: readonly string[]): void => {
    this.#settings = { ...this.#settings, servers }
    this.#connection?.setServers([...servers])
  }

  readonly close = async (): Promise<void> => {
    this.#closed = true
    clearTimeout(this.#retry)
    clearImmediate(this.#slice)
    // An attempt that hangs must hold up nobody: what it still brings it closes itself.
    const connection = this.#connection
    if (this.#isConnected && connection !== undefined) await lastWords(connection)
    await connection?.close()
    this.#turn(false)
  }

  /** Attempts to connect until it worked once; from there on the client sees to it. */
  async #dial(): Promise<void> {
    try {
      const connection = await dial(this.#settings)
      if (this.#closed) {
        await connection.close()
        return
      }
      this.#connection = connection
      this.#subscribe(connection)
      this.#turn(true)
      void this.#follow(connection)
    } catch (error) {
      if (this.#closed) return
      this.#problem(error)
      this.#redial(isTurnedAway(error) ? TURNED_AWAY_MS : this.#settings.timing.retry)
    }
  }

  #redial(wait: number): void {
    const spread = wait * (1 + this.#settings.random())
    this.#retry = setTimeout(() => void this.#dial(), spread)
    this.#retry.unref()
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) this.#onStatus(status)
    this.#turn(false)
    if (!this.#closed) this.#redial(TURNED_AWAY_MS)
  }

  #onStatus(status: Status): void {
    const { type } = status
    if (type === 'disconnect' || type === 'staleConnection') this.#turn(false)
    if (type === 'reconnect') this.#turn(true)
    if (type === 'error') this.#problem(status.error)
    if (type === 'slowConsumer') this.#problem(new Error('this node takes records too slowly'))
  }

  #turn(connected: boolean): void {
    if (this.#isConnected === connected) return
    this.#isConnected = connected
    this.#listener.connected(connected)
  }

  #subscribe(connection: NatsConnection): void {
    const { organisation } = this.#settings
    connection.subscribe(recordSubjects(organisation), {
      callback: (error, message) => {
        if (error === null) this.#onRecord(message)
      },
    })
    connection.subscribe(syncSubject(organisation), {
      queue: SYNC_QUEUE,
      callback: (error, message) => {
        if (error === null) this.#onSync(message)
      },
    })
    const { border } = this.#listener
    if (border !== undefined) this.#subscribeBorder(connection, border)
  }

  #subscribeBorder(connection: NatsConnection, border: BorderListener): void {
    connection.subscribe(SUMMARY_SUBJECTS, {
      callback: (error, message) => {
        const of = error === null ? borderOfSubject(message.subject) : undefined
        if (of === undefined || message.data.length > MAX_SUMMARY_CHARS) return
        border.summary(of.organisation, of.border, message.string())
      },
    })
    connection.subscribe(summaryPullSubject(this.#settings.organisation), {
      queue: SYNC_QUEUE,
      callback: (error, message) => {
        if (error === null) message.respond(JSON.stringify(border.pull()))
      },
    })
  }

  #onRecord(message: Msg): void {
    const id = nodeOfSubject(message.subject)
    if (id === undefined || message.data.length > MAX_RECORD_CHARS) return
    this.#inbox.put(id, message.string())
    this.#slice ??= setImmediate(() => this.#work())
  }

  /** Looks at some of what came, and lets others have their turn. */
  #work(): void {
    this.#slice = undefined
    for (const [id, text] of this.#inbox.take(SLICE)) this.#listener.record(id, text)
    if (this.#inbox.size > 0) this.#slice = setImmediate(() => this.#work())
  }

  #onSync(message: Msg): void {
    const request = readSyncRequest(parse(message))
    if (request !== undefined) message.respond(JSON.stringify(this.#listener.sync(request)))
  }

  #problem(error: unknown): void {
    // Messages of the client name servers, subjects and operations, never credentials.
    this.#listener.problem(error instanceof Error ? error.message : 'the bus failed')
  }
}

/** What was published gets out, if that takes no more than a moment. */
async function lastWords(connection: NatsConnection): Promise<void> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(late.resolve, LAST_WORDS_MS, undefined)
  await Promise.race([connection.flush(), late.promise]).catch(() => undefined)
  clearTimeout(timer)
}

/** The client has one transport for TCP and another for WebSocket. */
function dial(settings: NatsSettings): Promise<NatsConnection> {
  const isWeb = settings.servers.some((url) => /^wss?:/.test(url))
  return isWeb ? wsconnect(optionsOf(settings)) : connect(optionsOf(settings))
}

function isEncrypted({ servers, tls }: NatsSettings): boolean {
  return tls !== undefined || servers.every((url) => /^(?:tls|wss):/.test(url))
}

function tlsOf({ servers, tls }: NatsSettings): Pick<ConnectionOptions, 'tls'> {
  const isDemanded = tls !== undefined || servers.some((url) => url.startsWith('tls:'))
  if (!isDemanded) return {}
  const { ca, cert, key } = tls ?? {}
  // The client hands on what it does not know itself.
  const handedOn = { checkServerIdentity: identityCheck(servers) }
  return {
    tls: {
      ...handedOn,
      ...(ca !== undefined && { caFile: ca }),
      ...(cert !== undefined && { certFile: cert }),
      ...(key !== undefined && { keyFile: key }),
    },
  }
}

/**
 * Node takes a server that is dialled by its address for `localhost` (it has no name to say in TLS): its certificate must be
 * for one of the addresses that are configured.
 */
export function identityCheck(servers: readonly string[]): typeof checkServerIdentity {
  const hosts = servers.map((url) => new URL(url).hostname.replace(/^\[|\]$/g, ''))
  const addresses = hosts.filter((host) => isIP(host) !== 0)
  return (host, certificate) => {
    const problem = checkServerIdentity(host, certificate)
    if (host !== 'localhost' || problem === undefined) return problem
    const isKnown = addresses.some((one) => checkServerIdentity(one, certificate) === undefined)
    return isKnown ? undefined : problem
  }
}

function optionsOf(settings: NatsSettings): ConnectionOptions {
  const { credentials, id, nodes, servers, timing } = settings
  const jitter = Math.min(MAX_JITTER_MS, Math.max(timing.retry, JITTER_PER_NODE_MS * nodes))
  return {
    servers: [...servers],
    name: id,
    noEcho: true,
    inboxPrefix: inboxPrefix(id),
    timeout: timing.patience,
    maxReconnectAttempts: -1,
    reconnectTimeWait: timing.retry,
    reconnectJitter: jitter,
    reconnectJitterTLS: jitter,
    ignoreAuthErrorAbort: true,
    pingInterval: timing.ping,
    maxPingOut: MAX_PING_OUT,
    // A server of the cluster that is named by another server may be on another machine.
    ignoreClusterUpdates: !isEncrypted(settings),
    ...tlsOf(settings),
    ...(credentials !== undefined && authenticationOf(credentials)),
  }
}

function authenticationOf(
  credentials: NatsCredentials,
): { authenticator: Authenticator } | { user: string; pass: string } {
  switch (credentials.kind) {
    case 'nkey':
      return { authenticator: nkeyAuthenticator(Buffer.from(credentials.seed)) }
    case 'creds':
      return { authenticator: credsAuthenticator(Buffer.from(credentials.text)) }
    case 'token':
      return { authenticator: tokenAuthenticator(credentials.token) }
    case 'password':
      return { user: credentials.user, pass: credentials.password }
    default:
      return credentials satisfies never
  }
}

function isTurnedAway(error: unknown): boolean {
  return error instanceof Error && /authori[sz]ation|authentication/i.test(error.message)
}

/** Summaries in an answer: a few at most. */
function readPulled(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return []
  return value.slice(0, MAX_PULLED).filter((one): one is string => typeof one === 'string')
}

function parse(message: Msg): unknown {
  try {
    return message.json()
  } catch {
    return undefined
  }
}
