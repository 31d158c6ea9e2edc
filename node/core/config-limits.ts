import { IDENTITY_LIMITS, type IdentityLimitName } from './config-limits-identity.ts'

/** What a limit counts. */
export type LimitUnit = 'bytes' | 'milliseconds' | 'count'

/** One limit: its unit, default, bounds and reason. Text values are sizes and durations as in the file. */
export interface LimitSpec {
  readonly unit: LimitUnit
  readonly default: number | string
  readonly min: number | string
  readonly max: number | string
  readonly meaning: string
}

/** Name of a limit, as in the file. */
export type LimitName =
  | IdentityLimitName
  | 'bodyBytes'
  | 'headerBytes'
  | 'jsonDepth'
  | 'metaBytes'
  | 'nameBytes'
  | 'batchItems'
  | 'upstreamBodyBytes'
  | 'toolsPerUpstream'
  | 'listPagesPerUpstream'
  | 'toolBytes'
  | 'searchBytes'
  | 'uriBytes'
  | 'inputRounds'
  | 'inputTimeout'
  | 'parkedCalls'
  | 'requestStateBytes'
  | 'subscriptions'
  | 'eventBytes'
  | 'eventLifetime'
  | 'hopBudget'
  | 'quotaCallers'
  | 'sessionIdBytes'
  | 'sessionLifetime'
  | 'sessionIdle'
  | 'sessionsPerUpstream'
  | 'connections'
  | 'streams'
  | 'headersReadTimeout'
  | 'requestReadTimeout'
  | 'keepAlive'
  | 'links'
  | 'linkCalls'
  | 'linkCredentials'
  | 'connectTimeout'
  | 'listTimeout'
  | 'staleFor'
  | 'nameMemory'
  | 'shutdownGrace'

/** Every limit as a number: bytes for sizes, milliseconds for times, else a count. */
export type Limits = Readonly<Record<LimitName, number>>

/** The one table of limits: the schema, the documentation and the defaults come from it. */
export const LIMITS: Readonly<Record<LimitName, LimitSpec>> = {
  bodyBytes: {
    unit: 'bytes',
    default: '4MiB',
    min: '1KiB',
    max: '1GiB',
    meaning:
      'Body of one request from a client. Holds a call of 1 MiB with room to spare; it is buffered whole, so it bounds memory per request.',
  },
  headerBytes: {
    unit: 'bytes',
    default: '16KiB',
    min: '4KiB',
    max: '1MiB',
    meaning: 'All headers of one request from a client. The default of Node.js.',
  },
  jsonDepth: {
    unit: 'count',
    default: 64,
    min: 8,
    max: 1_000,
    meaning:
      'Nesting of arrays and objects in one request. Keeps recursive readers, here and upstream, off the end of their stack.',
  },
  metaBytes: {
    unit: 'bytes',
    default: '16KiB',
    min: '1KiB',
    max: '1MiB',
    meaning: '`params._meta` of one request, as JSON. It travels over every hop.',
  },
  nameBytes: {
    unit: 'bytes',
    default: 256,
    min: 128,
    max: '4KiB',
    meaning: 'The name in a call. Twice the longest name an endpoint can expose.',
  },
  batchItems: {
    unit: 'count',
    default: 50,
    min: 1,
    max: 1_000,
    meaning: 'Messages in one JSON-RPC batch (revision 2025-03-26 only).',
  },
  upstreamBodyBytes: {
    unit: 'bytes',
    default: '32MiB',
    min: '64KiB',
    max: '1GiB',
    meaning: 'One message from an upstream. Results are larger than calls.',
  },
  toolsPerUpstream: {
    unit: 'count',
    default: 10_000,
    min: 1,
    max: 100_000,
    meaning:
      'Tools taken from one upstream, and as many prompts, resources and templates; what comes after is dropped and reported.',
  },
  listPagesPerUpstream: {
    unit: 'count',
    default: 200,
    min: 1,
    max: 10_000,
    meaning: 'Pages read of one upstream list. Ends a cursor that never does.',
  },
  toolBytes: {
    unit: 'bytes',
    default: '256KiB',
    min: '1KiB',
    max: '16MiB',
    meaning:
      'One definition in a list (tool, prompt, resource, template, skill), as JSON; a larger one is dropped and reported.',
  },
  searchBytes: {
    unit: 'bytes',
    default: '128MiB',
    min: '1MiB',
    max: '64GiB',
    meaning:
      'Indexes kept for searching tools, over all endpoints with `tools: search`: about 25 MiB for 10 000 tools, one for each set of tools somebody sees. Beyond it those used longest ago go, and are made anew when they are searched again.',
  },
  uriBytes: {
    unit: 'bytes',
    default: '8KiB',
    min: 256,
    max: '64KiB',
    meaning: 'A resource URI or template in a request.',
  },
  inputRounds: {
    unit: 'count',
    default: 16,
    min: 1,
    max: 1_000,
    meaning:
      'How often one call may come back for more input. Ends a server that never has enough.',
  },
  inputTimeout: {
    unit: 'milliseconds',
    default: '10m',
    min: '1s',
    max: '24h',
    meaning:
      'Time a client has to answer what a server asks in the middle of a call; a person may have to be found. After it the call is cancelled. It does not count against the deadlines of the call.',
  },
  parkedCalls: {
    unit: 'count',
    default: 32,
    min: 1,
    max: 10_000,
    meaning:
      'Calls of one client to servers of the 2025 era that wait for its input (2026 era). One more is refused.',
  },
  requestStateBytes: {
    unit: 'bytes',
    default: '64KiB',
    min: '1KiB',
    max: '1MiB',
    meaning: 'The `requestState` of a retry. It grows by a third and about 200 bytes at each hop.',
  },
  subscriptions: {
    unit: 'count',
    default: 1_000,
    min: 1,
    max: 100_000,
    meaning:
      'Resources, or tasks, one session or listen may be subscribed to. More are not granted.',
  },
  eventBytes: {
    unit: 'bytes',
    default: '1MiB',
    min: '16KiB',
    max: '64MiB',
    meaning:
      'Messages of one event stream of the 2025 era kept for a client that comes back with Last-Event-ID. Beyond it the oldest go, and the stream cannot be resumed from before them.',
  },
  eventLifetime: {
    unit: 'milliseconds',
    default: '5m',
    min: '1s',
    max: '24h',
    meaning: 'How long a stream of the 2025 era that has ended or broken off can be resumed.',
  },
  hopBudget: {
    unit: 'count',
    default: 8,
    min: 1,
    max: 32,
    meaning:
      'Hops a request may take when it starts at this node; also the most it may have left when it arrives. Bounds the work of a loop that nobody detected.',
  },
  quotaCallers: {
    unit: 'count',
    default: 100_000,
    min: 100,
    max: 10_000_000,
    meaning:
      'Callers that one of `quotas` keeps count of, about 100 bytes each. Those who have not used it for so long that all of it is there again are forgotten first; beyond it also those who began longest ago, and they begin anew.',
  },
  sessionIdBytes: {
    unit: 'bytes',
    default: '4KiB',
    min: 256,
    max: '16KiB',
    meaning: 'A session id in a request. Bounds what is decrypted before the caller is known.',
  },
  sessionLifetime: {
    unit: 'milliseconds',
    default: '24h',
    min: '1m',
    max: '24d',
    meaning: 'Life of a session of the 2025 era from its start. After it the client starts anew.',
  },
  sessionIdle: {
    unit: 'milliseconds',
    default: '10m',
    min: '100ms',
    max: '24d',
    meaning:
      'Time without calls after which an upstream session or process that not all clients share (`isolate: session`, or clients that can be asked for input) is ended; the next call gets a new one. Also how long resource subscriptions of a session outlive its event stream.',
  },
  connections: {
    unit: 'count',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    meaning: 'Open TCP connections of clients. One more is closed at once, without an answer.',
  },
  sessionsPerUpstream: {
    unit: 'count',
    default: 100,
    min: 1,
    max: 100_000,
    meaning:
      'Sessions or processes that not all clients share (`isolate: session`, or clients that can be asked for input) that one upstream may have at once. One more is refused.',
  },
  streams: {
    unit: 'count',
    default: 1_000,
    min: 1,
    max: 1_000_000,
    meaning: 'Open streams for server messages (GET and listen) over all clients.',
  },
  headersReadTimeout: {
    unit: 'milliseconds',
    default: '10s',
    min: '1s',
    max: '10m',
    meaning: 'Time to receive the headers of a request. Frees the socket of a slow sender.',
  },
  requestReadTimeout: {
    unit: 'milliseconds',
    default: '30s',
    min: '1s',
    max: '1h',
    meaning:
      'Time to receive a whole request, headers included; never less than headersReadTimeout.',
  },
  keepAlive: {
    unit: 'milliseconds',
    default: '15s',
    min: '1s',
    max: '1h',
    meaning:
      'Interval of comments on an idle event stream. Below the idle timeouts of common proxies (30 s and more).',
  },
  links: {
    unit: 'count',
    default: 1_000,
    min: 1,
    max: 100_000,
    meaning:
      'WebSocket links that other nodes have open to this one. One more is refused, and that node goes on over HTTP.',
  },
  linkCalls: {
    unit: 'count',
    default: 4_096,
    min: 16,
    max: 1_000_000,
    meaning:
      'Requests, listens included, under way on one link of another node. The other node is told and refuses one more itself; a link that takes more all the same is closed.',
  },
  linkCredentials: {
    unit: 'count',
    default: 4_096,
    min: 16,
    max: 1_000_000,
    meaning:
      'Credentials presented on one link of another node. The other node is told and lets go of those used longest ago; a link that presents more all the same is closed.',
  },
  connectTimeout: {
    unit: 'milliseconds',
    default: '5s',
    min: '100ms',
    max: '10m',
    meaning: 'Time to open a connection to an upstream.',
  },
  listTimeout: {
    unit: 'milliseconds',
    default: '10s',
    min: '100ms',
    max: '1h',
    meaning: 'Time to read one upstream list, all pages. A slow upstream delays only its own part.',
  },
  staleFor: {
    unit: 'milliseconds',
    default: '60s',
    min: '100ms',
    max: '24h',
    meaning:
      'Time for which what an upstream listed stays listed while it is down. Calls fail at once meanwhile and may be tried again; after it the names are gone until the upstream is back.',
  },
  nameMemory: {
    unit: 'milliseconds',
    default: '24h',
    min: '1s',
    max: '24d',
    meaning:
      'Time for which a name an endpoint showed goes to nothing else after what it stood for is gone. What wants it is left out and reported: a name must not come to mean something else behind the back of those who use it.',
  },
  shutdownGrace: {
    unit: 'milliseconds',
    default: '10s',
    min: '0s',
    max: '1h',
    meaning: 'Time for running calls to end after a signal to stop.',
  },
  ...IDENTITY_LIMITS,
}
