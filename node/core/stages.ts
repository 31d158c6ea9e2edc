/**
 * The stages of a hop as types. Each is made by one function from the one before, so a stage that is left out does not
 * compile: `forward` takes only a `Delegated`, and only `exchange` makes one.
 */

import type { PublicCard } from '../../protocol/discovery/server-card.ts'
import type { CapabilityKind, ListKind } from '../../protocol/capability.ts'
import type { Fault } from '../../protocol/errors.ts'
import type { ClientCapabilities } from '../../protocol/client-capabilities.ts'
import type { HopTrail } from '../../protocol/federation.ts'
import type { ParamHeader } from '../../protocol/headers.ts'
import type { Span } from '../../protocol/json-bytes.ts'
import type { JsonObject, RpcNotification, RpcRequest } from '../../protocol/jsonrpc.ts'
import type { LogSeverity } from '../../protocol/log-level.ts'
import type { ToolId } from '../../protocol/names.ts'
import type { Hints } from '../../protocol/policy/policy.ts'
import type { Era } from '../../protocol/revisions.ts'
import type { CallScope } from './call-scope.ts'
import type { Authorization } from './delegation.ts'
import type { Principal } from './principal.ts'

/** What is known of a caller from the protocol; none of it is verified. */
export interface Caller {
  readonly era: Era
  readonly revision: string
  /** Of the 2025 session the request belongs to. */
  readonly session: string | undefined
  /** What it can be asked, and whether it is another node, which is told where tools come from. */
  readonly capabilities: ClientCapabilities
  /** The least severe log messages it wants; undefined in era 2026 for none, in era 2025 for what a server sends unasked. */
  readonly logLevel: LogSeverity | undefined
}

/** What a caller answered, as JSON text. */
export type CallerAnswer = { readonly result: Buffer } | { readonly error: Buffer }

/** Takes what a caller says to a question; `answered` comes once at most. */
export interface QuestionSink {
  answered(answer: CallerAnswer): void
  /** `notifications/progress` under the question's token, which is its id. */
  progress(notification: RpcNotification): void
}

/** A question of an upstream to the caller: `elicitation/create`, `sampling/createMessage`, `roots/list`, `ping`. */
export interface Question {
  readonly method: string
  /** The text of `params`, or undefined when it has none. `id` is that of the question, for a progress token. */
  readonly params: (id: string) => Buffer | undefined
}

/** A question under way. */
export interface Asked {
  /** Tells the caller that no answer is wanted any more; none is handed over. */
  cancel(reason: string): void
}

/**
 * Where the answer to one request goes. Messages arrive in the order they are given. `finish` is called once; what is
 * given after it, or after the caller has gone, is dropped.
 */
export interface Reply {
  /**
   * Sends a notification that belongs to the request; false asks to wait for `onDrain`. `progress` is that which it tells
   * of, where it is known for that.
   */
  notify(text: Buffer, progress?: number): boolean
  onDrain(listener: () => void): void
  /** Headers (names and values in turn) for the answer, where it has any and they have not gone out. Replaces earlier ones. */
  tell?(headers: readonly string[]): void
  /**
   * Sends the response; `errorCode` is the JSON-RPC code in it, if it is an error, and `refusal` why this node refused
   * the request, if it was this node. `complete`: as in {@link Returned}.
   */
  finish(text: readonly Buffer[], errorCode?: number, refusal?: Fault, complete?: boolean): void
  /**
   * Sends the caller a request on the stream of its own, which must be era 2025. Questions that are open when the reply
   * finishes are dropped without a word.
   */
  ask(question: Question, sink: QuestionSink): Asked
}

/** Size, origin, host and headers are checked, and the message is decoded. */
export interface Received {
  readonly endpoint: string
  readonly caller: Caller
  readonly request: RpcRequest
  readonly trail: HopTrail
  /** A header of the HTTP request by lower-case name; undefined over stdio. */
  readonly header: (name: string) => string | undefined
  /** Whether mirrored headers must agree with the body (Streamable HTTP of 2026 only). */
  readonly mirrored: boolean
  readonly reply: Reply
  readonly scope: CallScope
}

/** The caller is known. */
export interface Authenticated {
  readonly received: Received
  readonly principal: Principal
}

/** One way to a capability. */
export interface Candidate {
  /** Label of the upstream. */
  readonly upstream: string
  /** The name or URI there. */
  readonly name: string
  /** Whether it is taken from another node's namespaces, and not from a server of this node's own. */
  readonly imported: boolean
}

/** A capability as an endpoint shows it. */
export interface Entry {
  readonly kind: CapabilityKind
  /** Name of a tool or prompt, URI of a resource, or URI template. */
  readonly name: string
  readonly id: ToolId
  /** Label of the upstream it comes from at its origin. */
  readonly source: string
  readonly namespace: string
  readonly paramHeaders: readonly ParamHeader[]
  /** The one era whose callers can use it; undefined when all can. */
  readonly only?: Era | undefined
  /** What it does, as its origin says of a tool. */
  readonly hints: Hints
  /** In order of preference, never empty. */
  readonly candidates: readonly [Candidate, ...Candidate[]]
}

/** The target is known at this endpoint. */
export interface Resolved extends Authenticated {
  readonly entry: Entry
  /** Where its name or URI stands in the request. */
  readonly target: Span
}

/** What a retry goes on from, as it was sealed into the `requestState` of the answer before (MCP 2026-07-28, patterns/mrtr). */
export type Continuation =
  /** The upstream's own state, as the JSON text it sent. */
  | { readonly kind: 'relay'; readonly upstream: string; readonly inner: string }
  /** The call is made once more, as a server of era 2025 wants it after a URL elicitation. */
  | { readonly kind: 'again'; readonly upstream: string; readonly rounds: number }
  /** A call to a server of era 2025 that waits here for an answer. */
  | {
      readonly kind: 'parked'
      readonly upstream: string
      readonly id: string
      readonly round: number
    }

declare const visible: unique symbol
/** The caller may use it: the decision the list was built from. */
export interface Visible extends Resolved {
  readonly [visible]: true
}

declare const delegated: unique symbol
/** What is sent in the caller's place is settled, and it is no more than the caller had. */
export interface Delegated extends Visible {
  readonly [delegated]: true
  readonly candidate: Candidate
  readonly continuation: Continuation | undefined
  /** The trail the next hop gets: a smaller budget, this node in the path. */
  readonly onward: HopTrail
  /** Whose upstream session or child process it goes to. */
  readonly context: Context
  /** In whose name it is made; undefined where the upstream is not told. */
  readonly authorization: Authorization | undefined
}

/** Who shares an upstream session or child process: requests of equal keys. */
export interface Context {
  readonly key: string
  /** For whom: what requests of one `whose` can be asked may differ, and with it their keys. Empty: all who share. */
  readonly whose: string
  /** What the upstream is told it can ask: the `offered` text of the callers' capabilities. */
  readonly offered: string
  /** In whose name a session of it is opened; absent: in that of the node. */
  readonly authorization?: Authorization
}

/** The context of callers who share and cannot be asked. */
export const SHARED: Context = { key: '', whose: '', offered: '' }

/**
 * Whatever the node itself lists and watches on. Mostly that is the shared one; where a process holds the state of a
 * server, it is the process whose state most callers see.
 */
export const OWN: Context = { key: 'own', whose: '', offered: '' }

/** Whether a call that nothing came of has reached a server: none, or nobody knows. */
export type Fate = 'untaken' | 'unknown'

/** The answer to the caller, ready to send. */
export interface Returned {
  readonly text: readonly Buffer[]
  readonly errorCode: number | undefined
  /** A result that ends the call, without a question, a task, or what else differs from hop to hop; default: unknown. */
  readonly complete?: boolean
  /** Set where another node says that it got no answer. */
  readonly fate?: Fate
  /** How long the upstream may go on after it, with a task, milliseconds; default none. */
  readonly lingerMs?: number
}

/** What an endpoint says of itself to one caller in `initialize` and `server/discover`. */
export interface EndpointDescription {
  readonly name: string
  readonly title: string | undefined
  readonly instructions: string | undefined
  /** What is published of it. */
  readonly card?: PublicCard | undefined
  readonly names: 'prefixed' | 'plain'
  /** Settings of the extensions that what lies behind it serves, by name. */
  readonly extensions: JsonObject
  /** Whether it says the same to everybody. */
  readonly isPublic: boolean
  /** Settings of the tasks of 2025-11-25, if what lies behind it serves them. */
  readonly tasks: JsonObject | undefined
}

/** One page of a list as JSON text, in parts that are sent as they are. */
export interface ListPage {
  /** The members of the result that caching never touches: `"tools":[…]` and perhaps `"nextCursor"`. */
  readonly items: Buffer
  /** Milliseconds the caller may keep it. */
  readonly ttlMs: number
  readonly cacheScope: 'public' | 'private'
  /** For nodes: what this very list is called, and whether its items are left out because the node has them. */
  readonly view?: { readonly digest: string; readonly unchanged: boolean }
}

/** Which part of a list is asked for. */
export interface ListQuery {
  /** Undefined: the first page. */
  readonly cursor: string | undefined
  /** Digest of the list that the asker, a node, has: it need not be sent again. */
  readonly known?: string | undefined
}

/** Something that callers of an endpoint were told has changed. */
export type ChangeListener = (changed: ListKind) => void

/** Who is told of changes, and where. */
export interface Watcher {
  readonly endpoint: string
  readonly principal: Principal
  /** Another node, which may be shown more in a list than others are; default not. */
  readonly federated?: boolean
}

/** Resources somebody wants to hear of. */
export interface SubscriptionRequest {
  readonly uris: readonly string[]
  /** Gets the URI as it was asked for. */
  readonly updated: (uri: string) => void
}

/** Tasks somebody wants to hear of (SEP-2663). */
export interface TaskWatchRequest {
  /** As the caller knows them, each once. */
  readonly taskIds: readonly string[]
  /** Gets the id as it was asked for, and the `notifications/tasks` for the caller. */
  readonly changed: (taskId: string, message: Buffer) => void
}

/** A subscription that stands. */
export interface Subscribed {
  /** Those of the URIs or task ids that upstreams granted. */
  readonly granted: readonly string[]
  end(): void
}

/** What the inbound side is handed: all it can ask of the node. */
export interface Serving {
  /** Whether there is such an endpoint for anybody. */
  has(endpoint: string): boolean
  /** Whether there is an endpoint for a caller. For whom there is none it looks as if it did not exist. */
  admits(endpoint: string, principal: Principal): boolean
  /** What an endpoint says of itself; undefined when there is none, or none for this caller. */
  describe(endpoint: string, principal: Principal): EndpointDescription | undefined
  /** @throws Fault `bad_cursor` */
  list(request: Authenticated, kind: CapabilityKind, query: ListQuery): Promise<ListPage>
  /** Relays one request; the answer, also that it failed, goes to the reply. Never rejects. */
  call(request: Authenticated): Promise<void>
  /** What is decided here of something by name, for nodes that may ask that; undefined for all others. @throws Fault */
  explain(request: Authenticated): Promise<object | undefined>
  /** Which way a call of something would take from here, on the same terms. Nothing is called. @throws Fault */
  probe(request: Authenticated): Promise<object | undefined>
  /** Tells `listener` whenever what a caller sees at the endpoint has changed, until the returned function is called. */
  watch(watcher: Watcher, listener: ChangeListener): () => void
  /** Subscribes to resources. Resolves when upstreams have granted or refused, or take too long; never rejects. */
  subscribe(request: Authenticated, wanted: SubscriptionRequest): Promise<Subscribed>
  /** Watches tasks of the extension, on the same terms. */
  watchTasks(request: Authenticated, wanted: TaskWatchRequest): Promise<Subscribed>
  /** A 2025 session ended: what was held for it alone is let go. */
  endSession(session: string): void
  /** Ends what waits for another request of its caller: none will come. */
  close(): void
}
