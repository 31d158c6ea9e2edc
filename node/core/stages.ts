/**
 * The stages of a hop as types. Each is made by one function from the one before, so a stage that is left out does not
 * compile: `forward` takes only a `Delegated`, and only `exchange` makes one.
 */

import type { HopTrail } from '../../protocol/federation.ts'
import type { ParamHeader } from '../../protocol/headers.ts'
import type { RpcRequest } from '../../protocol/jsonrpc.ts'
import type { ToolId } from '../../protocol/names.ts'
import type { Era } from '../../protocol/revisions.ts'
import type { CallScope } from './call-scope.ts'
import type { Principal } from './principal.ts'

/** What is known of a caller from the protocol; none of it is verified. */
export interface Caller {
  readonly era: Era
  readonly revision: string
  /** Of the 2025 session the request belongs to. */
  readonly session: string | undefined
  /** Whether it is another node, which is told where tools come from. */
  readonly federated: boolean
}

/**
 * Where the answer to one request goes. Messages arrive in the order they are given. `finish` is called once; what is
 * given after it, or after the caller has gone, is dropped.
 */
export interface Reply {
  /** Sends a notification that belongs to the request; false asks to wait for `onDrain`. */
  notify(text: Buffer): boolean
  onDrain(listener: () => void): void
  /** Sends the response; `errorCode` is the JSON-RPC code in it, if it is an error. */
  finish(text: readonly Buffer[], errorCode?: number): void
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

/** One way to a tool. */
export interface Candidate {
  /** Label of the upstream. */
  readonly upstream: string
  /** The tool's name there. */
  readonly name: string
}

/** A tool as an endpoint shows it. */
export interface ToolEntry {
  readonly name: string
  readonly id: ToolId
  readonly namespace: string
  readonly paramHeaders: readonly ParamHeader[]
  /** In order of preference, never empty. */
  readonly candidates: readonly [Candidate, ...Candidate[]]
}

/** The name is known at this endpoint. */
export interface Resolved extends Authenticated {
  readonly entry: ToolEntry
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
  /** The trail the next hop gets: a smaller budget, this node in the path. */
  readonly onward: HopTrail
  /** Whose upstream session or child process it goes to. */
  readonly context: string
}

/** The answer to the caller, ready to send. */
export interface Returned {
  readonly text: readonly Buffer[]
  readonly errorCode: number | undefined
}

/** What an endpoint says of itself in `initialize` and `server/discover`. */
export interface EndpointDescription {
  readonly name: string
  readonly title: string | undefined
  readonly instructions: string | undefined
}

/** One page of a list as JSON text, in parts that are sent as they are. */
export interface ListPage {
  /** The members of the result that caching never touches: `"tools":[…]` and perhaps `"nextCursor"`. */
  readonly items: Buffer
  /** Milliseconds the caller may keep it. */
  readonly ttlMs: number
  readonly cacheScope: 'public' | 'private'
}

/** What the inbound side is handed: all it can ask of the node. */
export interface Serving {
  describe(endpoint: string): EndpointDescription | undefined
  /** @throws Fault `bad_cursor` */
  listTools(request: Authenticated, cursor: string | undefined): Promise<ListPage>
  /** Relays one call; the answer, also that it failed, goes to the reply. Never rejects. */
  call(request: Authenticated): Promise<void>
  /** Tells `listener` whenever what a caller sees at the endpoint has changed, until the returned function is called. */
  watch(endpoint: string, listener: () => void): () => void
  /** A 2025 session ended: what was held for it alone is let go. */
  endSession(session: string): void
}
