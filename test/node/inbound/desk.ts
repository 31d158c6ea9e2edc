// The inbound side in front of a node that is not there: what it asks for is recorded, and the test decides the answer.
import { CallScope } from '../../../node/core/call-scope.ts'
import { LOCAL_CALLER, type Principal } from '../../../node/core/principal.ts'
import type { Limits } from '../../../node/core/config-limits.ts'
import { limitsSchema } from '../../../node/core/config-schema.ts'
import { SILENT } from '../../../node/core/logger.ts'
import type { Meter } from '../../../node/core/meter.ts'
import type {
  Authenticated,
  Caller,
  ChangeListener,
  EndpointDescription,
  Reply,
  Serving,
  Subscribed,
  SubscriptionRequest,
  TaskWatchRequest,
} from '../../../node/core/stages.ts'
import { Asks } from '../../../node/inbound/asks.ts'
import { Inflight } from '../../../node/inbound/inflight.ts'
import { runSessionRequest, type SessionParts } from '../../../node/inbound/legacy.ts'
import { answer } from '../../../node/inbound/methods.ts'
import { LocalSessionMemory } from '../../../node/inbound/session-memory.ts'
import { isLegacyRevision } from '../../../protocol/revisions.ts'
import { NO_CAPABILITIES, readClientCapabilities } from '../../../protocol/client-capabilities.ts'
import { readBody, type RpcMessage, type RpcRequest } from '../../../protocol/jsonrpc.ts'
import { isObject, type Id, type JsonObject } from '../../fixtures/wire.ts'

export const SESSION = 'session-1'

/** Keeps what is said to one caller. */
export class Heard implements Reply {
  readonly messages: JsonObject[] = []
  errorCode: number | undefined
  #blocked = false
  #drained: (() => void)[] = []
  #done = false

  get done(): boolean {
    return this.#done
  }

  /** The response. */
  get answer(): JsonObject {
    const found = this.messages.find(({ method }) => method === undefined)
    if (found === undefined) throw new Error('there is no answer')
    return found
  }

  get error(): JsonObject | undefined {
    const { error } = this.answer
    return isObject(error) ? error : undefined
  }

  /** From now on the caller does not keep up. */
  block(): void {
    this.#blocked = true
  }

  /** The caller has caught up. */
  drain(): void {
    this.#blocked = false
    for (const listener of this.#drained.splice(0)) listener()
  }

  notify(text: Buffer): boolean {
    if (this.#done) return true
    this.messages.push(JSON.parse(text.toString()) as JsonObject)
    return !this.#blocked
  }

  onDrain(listener: () => void): void {
    this.#drained.push(listener)
  }

  finish(text: readonly Buffer[], errorCode?: number): void {
    if (this.#done) throw new Error('answered twice')
    this.#done = true
    this.errorCode = errorCode
    this.messages.push(JSON.parse(Buffer.concat(text).toString()) as JsonObject)
  }

  ask(): never {
    throw new Error('nobody asks here')
  }
}

/** A subscription the test settles. */
export interface SettledByTest {
  grant(granted?: readonly string[]): Promise<void>
  readonly ended: boolean
}

export type AskedSubscription = SubscriptionRequest & SettledByTest

export type AskedTaskWatch = TaskWatchRequest & SettledByTest

/** What differs from a plain request. */
export interface DeskCall {
  readonly era?: '2025' | '2026'
  readonly revision?: string
  readonly capabilities?: object
  readonly id?: Id
  /** Default: whoever reaches a node without authentication. */
  readonly principal?: Principal
}

/** A message in the text of a body. */
export function read(message: object): RpcMessage {
  const text = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }))
  const body = readBody(text, { jsonDepth: 32, metaBytes: 10_000 })
  if (body.batch) throw new Error('a batch')
  return body.message
}

/** Takes requests as the transports do once they have read them. */
export class Desk {
  readonly asks: Asks = new Asks()
  readonly memory: LocalSessionMemory
  readonly parts: SessionParts
  description: EndpointDescription = {
    name: 'main',
    title: undefined,
    instructions: undefined,
    names: 'prefixed',
    isPublic: true,
    extensions: {},
    tasks: undefined,
  }
  /** Requests that were relayed. */
  readonly relayed: Authenticated[] = []
  /** Lists that were asked for, by kind. */
  readonly lists: string[] = []
  readonly watchers: Set<ChangeListener> = new Set()
  readonly subscriptions: AskedSubscription[] = []
  readonly taskWatches: AskedTaskWatch[] = []
  /** Messages to the session that belong to no request. */
  readonly told: JsonObject[] = []
  isHeard: boolean = true
  isOpen: boolean = true
  hasRoom: boolean = true
  meter: Meter | undefined

  constructor(limits: Partial<Limits> = {}) {
    const all = { ...limitsSchema.parse({}), ...limits }
    this.memory = new LocalSessionMemory({
      subscriptions: all.subscriptions,
      idleMs: 60_000,
      isHeard: () => this.isHeard,
    })
    this.parts = {
      serving: this.#serving(),
      identity: {
        serverInfo: { name: 'edge', version: '1' },
        federation: { version: 1, node: 'self', organisation: 'acme', name: 'edge' },
      },
      serverInfo: '{"name":"edge"}',
      hopBudget: 8,
      log: SILENT,
      open: () => this.isOpen,
      listens: new Map(),
      hasRoom: () => this.hasRoom,
      limits: all,
      memory: this.memory,
      tell: (session, message) => {
        if (session !== SESSION) throw new Error(`nobody is called ${session}`)
        this.told.push(JSON.parse(message.toString()) as JsonObject)
      },
      inflight: new Inflight(),
      meter: () => this.meter,
      asks: this.asks,
    }
  }

  /** Sends a request and gives what comes back, its run included. */
  send(
    method: string,
    params: object = {},
    plan: DeskCall = {},
  ): { heard: Heard; scope: CallScope; run: Promise<void> | undefined } {
    const { era = '2026', id = 1 } = plan
    const request = read({ id, method, params })
    if (request.kind !== 'request') throw new Error('no request')
    const heard = new Heard()
    const scope = new CallScope()
    const run =
      era === '2025'
        ? this.#ofSession(request, { heard, scope, plan })
        : answer(
            this.parts,
            { ...COMMON, caller: modernCaller(plan), request, reply: heard, scope },
            plan.principal ?? LOCAL_CALLER,
          )
    return { heard, scope, run }
  }

  /** Sends a request and waits for its answer. */
  async ask(method: string, params: object = {}, plan: DeskCall = {}): Promise<Heard> {
    const { heard, run } = this.send(method, params, plan)
    await run
    return heard
  }

  #ofSession(
    request: RpcRequest,
    { heard, scope, plan }: { heard: Heard; scope: CallScope; plan: DeskCall },
  ): Promise<void> | undefined {
    const { revision = '2025-11-25', capabilities = {} } = plan
    if (!isLegacyRevision(revision)) throw new Error('no revision of era 2025')
    const session = { key: SESSION, revision, capabilities: readClientCapabilities(capabilities) }
    const principal = plan.principal ?? LOCAL_CALLER
    const use = { endpoint: 'main', session, principal, header: () => undefined }
    return runSessionRequest(this.parts, use, { request, reply: heard, scope })
  }

  #serving(): Serving {
    return {
      has: () => true,
      admits: () => true,
      describe: () => this.description,
      list: (_call, kind) => {
        this.lists.push(kind)
        const items = Buffer.from(`"of":"${kind}"`)
        return Promise.resolve({ items, ttlMs: 5, cacheScope: 'private' })
      },
      call: (call) => {
        this.relayed.push(call)
        call.received.reply.finish([Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}')])
        return Promise.resolve()
      },
      explain: () => Promise.resolve(undefined),
      probe: () => Promise.resolve(undefined),
      watch: (_endpoint, listener) => {
        this.watchers.add(listener)
        return () => void this.watchers.delete(listener)
      },
      subscribe: (_call, wanted) => this.#subscribe(wanted),
      watchTasks: (_call, wanted) => this.#watchTasks(wanted),
      endSession: () => undefined,
      close: () => undefined,
    }
  }

  #subscribe(wanted: SubscriptionRequest): Promise<Subscribed> {
    const { promise, settled } = settledByTest(wanted.uris)
    this.subscriptions.push(Object.assign(settled, wanted))
    return promise
  }

  #watchTasks(wanted: TaskWatchRequest): Promise<Subscribed> {
    const { promise, settled } = settledByTest(wanted.taskIds)
    this.taskWatches.push(Object.assign(settled, wanted))
    return promise
  }
}

function settledByTest(all: readonly string[]): {
  promise: Promise<Subscribed>
  settled: SettledByTest
} {
  const { promise, resolve } = Promise.withResolvers<Subscribed>()
  let ended = false
  const end = (): void => {
    ended = true
  }
  const settled = {
    get ended() {
      return ended
    },
    grant: async (granted = all) => {
      resolve({ granted, end })
      // What waits for it goes on first.
      await new Promise(setImmediate)
    },
  }
  return { promise, settled }
}

const COMMON = {
  endpoint: 'main',
  trail: { budget: 8, path: [] },
  header: (): undefined => undefined,
  mirrored: true,
}

function modernCaller({ capabilities }: DeskCall): Caller {
  return {
    era: '2026',
    revision: '2026-07-28',
    session: undefined,
    capabilities:
      capabilities === undefined ? NO_CAPABILITIES : readClientCapabilities(capabilities),
    logLevel: undefined,
  }
}
