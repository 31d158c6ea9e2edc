import type { HopTrail } from '../federation.ts'
import type { LogSeverity } from '../log-level.ts'
import type { Body } from './body.ts'

/** The subprotocol two nodes agree on when a WebSocket is opened (RFC 6455 §1.9). */
export const LINK_PROTOCOL = 'banyan-link.v1'

/**
 * One message between the two ends of a link; protocol/link/README.md says how they go together. `caller` is the node that
 * opened the link, `server` the one whose endpoint it is.
 */
export type LinkFrame =
  | HelloFrame
  | ProofFrame
  | CredentialFrame
  | ReleaseFrame
  | RequestFrame
  | NotificationFrame
  | ResponseFrame
  | RefusalFrame
  | CancelFrame
  | WindowFrame
  | MeshFrame
  | GoawayFrame

/** Who somebody is, and what it takes: JSON, see hello.ts. The first frame of either end. */
export interface HelloFrame {
  readonly type: 'hello'
  readonly body: Buffer
}

/** The signature over both hellos. The second frame of either end. */
export interface ProofFrame {
  readonly type: 'proof'
  readonly body: Buffer
}

/** From the caller: what requests are made with that name the slot, until it is released or presented anew. */
export interface CredentialFrame {
  readonly type: 'credential'
  readonly slot: number
  /** Header lines of a GET of the endpoint, names and values in turn. */
  readonly lines: readonly string[]
}

/** From the caller: a slot is not used any more. */
export interface ReleaseFrame {
  readonly type: 'release'
  readonly slot: number
}

/** From the caller. */
export interface RequestFrame {
  readonly type: 'request'
  /** Of all frames about this request; not in use while the frame is sent. */
  readonly call: number
  readonly slot: number
  readonly method: string
  /** What `Mcp-Name` mirrors over HTTP. */
  readonly name: string | undefined
  /** Takes the place of what `_meta` says of it; undefined leaves that as it is. */
  readonly trail: HopTrail | undefined
  /** What a node that passes it on has to know of it; undefined where it has to read the body. */
  readonly told: Told | undefined
  /** Further header lines. */
  readonly lines: readonly string[]
  /** The JSON-RPC request. */
  readonly body: Body
}

/**
 * What stands in front of a request so that its body need not be read: it has a name, and its params say nothing of a
 * retry. Of capabilities and the log level it takes the place of what `_meta` says, which may be of another hop.
 */
export interface Told {
  /** Of the JSON-RPC request; an integer, for nodes give no others. */
  readonly id: number
  /** Whether there is a progress token. */
  readonly progress: boolean
  /** The least severe log messages that are wanted. */
  readonly logLevel: LogSeverity | undefined
  /** What the caller can be asked, as `ClientCapabilities.offered` says it. */
  readonly offered: string
}

/** From the server: a notification that belongs to a request. */
export interface NotificationFrame {
  readonly type: 'notification'
  readonly call: number
  /** The progress it tells of; undefined where it has to be read. */
  readonly progress: number | undefined
  readonly body: Buffer
}

/** From the server: the answer, which ends the call. */
export interface ResponseFrame {
  readonly type: 'response'
  readonly call: number
  /** The JSON-RPC code in it; undefined for a result. */
  readonly errorCode: number | undefined
  /** It is larger than what the caller takes, and not there. */
  readonly oversized: boolean
  /** A result the call ends with: no question and no task, so that there is nothing in it for a node to put another id on. */
  readonly complete: boolean
  readonly body: Body
}

/** From the server: what over HTTP would be a response with this status and these headers. It ends the call. */
export interface RefusalFrame {
  readonly type: 'refusal'
  readonly call: number
  /** 401 and 403: as over HTTP. 503: the request was not looked at, and can be sent elsewhere. */
  readonly status: number
  readonly lines: readonly string[]
}

/** From the caller: nobody waits any more. */
export interface CancelFrame {
  readonly type: 'cancel'
  readonly call: number
}

/** From the caller: it takes that many more bytes of notifications of a call. */
export interface WindowFrame {
  readonly type: 'window'
  readonly call: number
  readonly bytes: number
}

/** What nodes tell each other besides calls: JSON text. */
export interface MeshFrame {
  readonly type: 'mesh'
  readonly body: Buffer
}

/** From the server: it takes no more calls on this link, and finishes those it has. */
export interface GoawayFrame {
  readonly type: 'goaway'
}

/** Types by their byte. They never change their place. */
export const FRAME_TYPES: readonly LinkFrame['type'][] = [
  'hello',
  'proof',
  'credential',
  'release',
  'request',
  'notification',
  'response',
  'refusal',
  'cancel',
  'window',
  'mesh',
  'goaway',
]

/** Bytes before the fields of a type: type, flags, and the number of a call or slot. */
export const HEAD_BYTES = 6

/** Flags of a request. */
export const REQUEST = { named: 1, trailed: 2, told: 4, progress: 8 } as const
/** Flags of a notification. */
export const NOTIFICATION = { progress: 1 } as const
/** Flags of a response. */
export const RESPONSE = { error: 1, oversized: 2, complete: 4 } as const

/** Lengths that the envelope has room for. */
export const ROOM = {
  method: 0xff,
  name: 0xffff,
  path: 64,
  node: 64,
  lines: 0xff,
  offered: 0xffff,
  lineName: 0xff,
  lineValue: 0xffff,
} as const

/** A header name, lower-case (RFC 9110 §5.6.2), and a value without control characters. */
export const LINE_NAME: RegExp = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
export const LINE_VALUE: RegExp = /^[\x20-\x7e\x80-\xff\t]*$/
