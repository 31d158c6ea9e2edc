// Our reading of which era a request is of, against the one of the MCP SDK, over whatever fast-check makes up.
import { classifyInboundRequest } from '@modelcontextprotocol/server'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asFault } from '../../protocol/errors.ts'
import { HEADER } from '../../protocol/headers.ts'
import { readBody } from '../../protocol/jsonrpc.ts'
import { rescue } from '../../node/core/rescue.ts'
import { checkHeaders, isModern, modernCaller } from '../../node/inbound/modern.ts'
import { META, objectAt, type JsonObject } from '../fixtures/wire.ts'

type Outcome = 'legacy' | 'modern' | 'refused'

interface Inbound {
  readonly version: string | undefined
  readonly method: string | undefined
  readonly body: unknown
}

/** What the edge does with a POST, by the functions it does it with. */
function ours({ version, method, body }: Inbound): { outcome: Outcome; code?: number } {
  try {
    const read = readBody(Buffer.from(JSON.stringify(body)), { jsonDepth: 64, metaBytes: 16_384 })
    if (read.batch || read.message.kind === 'response') return { outcome: 'legacy' }
    const { message } = read
    if (!isModern(message, version)) return { outcome: 'legacy' }
    if (message.kind !== 'request') return { outcome: 'modern' }
    const headers: JsonObject = { [HEADER.protocolVersion]: version, [HEADER.method]: method }
    checkHeaders(message, (name) => headers[name] as string | undefined)
    modernCaller(message)
    return { outcome: 'modern' }
  } catch (error) {
    return { outcome: 'refused', code: rescue(asFault(error)).code }
  }
}

function theirs({ version, method, body }: Inbound): { outcome: Outcome; code?: number } {
  const found = classifyInboundRequest({
    httpMethod: 'POST',
    body,
    ...(version !== undefined && { protocolVersionHeader: version }),
    ...(method !== undefined && { mcpMethodHeader: method }),
  })
  return found.kind === 'reject'
    ? { outcome: 'refused', code: found.code }
    : { outcome: found.kind }
}

const VERSIONS = ['2026-07-28', '2025-11-25', '2025-03-26', '1999-01-01', '2027-01-01', 'x']
const someVersion = fc.constantFrom(...VERSIONS)
const someMethod = fc.constantFrom('tools/list', 'server/discover', 'initialize', 'ping', 'no/such')

const meta = fc.record(
  {
    [META.version]: fc.oneof(someVersion, fc.constantFrom(1, null)),
    [META.capabilities]: fc.constantFrom<unknown>({}, { roots: {} }, null, [], 'x'),
    progressToken: fc.constantFrom<unknown>('p', 1),
  },
  { requiredKeys: [] },
)

const params = fc.option(
  fc.record({ _meta: fc.oneof({ weight: 4, arbitrary: meta }, fc.constant(undefined)) }),
  { nil: undefined },
)

const message = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ jsonrpc: fc.constant('2.0'), id: id(), method: someMethod, params }),
  },
  { weight: 3, arbitrary: fc.record({ jsonrpc: fc.constant('2.0'), method: someMethod, params }) },
  fc.record({ jsonrpc: fc.constant('2.0'), id: id(), result: fc.constant({}) }),
)

function id(): fc.Arbitrary<unknown> {
  return fc.constantFrom<unknown>(1, 'a', 0, '')
}

const inbound: fc.Arbitrary<Inbound> = fc.record({
  version: fc.option(someVersion, { nil: undefined }),
  method: fc.option(someMethod, { nil: undefined }),
  // Through JSON, as both would get it.
  body: message.map((value) => JSON.parse(JSON.stringify(value)) as unknown),
})

interface Difference {
  readonly why: string
  readonly holds: (request: Inbound) => boolean
}

function facts({ body, version, method }: Inbound) {
  const of = body as JsonObject
  const stated = objectAt(objectAt(of, 'params'), '_meta')
  return {
    version,
    header: method,
    isRequest: 'id' in of && 'method' in of,
    isNotification: !('id' in of),
    method: of['method'],
    claim: stated[META.version],
    hasClaim: Object.hasOwn(stated, META.version),
    capabilities: stated[META.capabilities],
  }
}

const isDate = (text: unknown): boolean => typeof text === 'string' && text >= '2026-07-28'

/** Where we differ on purpose. One that explains nothing the others leave unexplained is stale. */
const DIFFERENCES: readonly Difference[] = [
  {
    why: 'required headers are checked in the same step; the SDK does so in a later one',
    holds: (request) => {
      const { isRequest, version, header, hasClaim } = facts(request)
      return (
        isRequest &&
        (hasClaim || isDate(version)) &&
        (version === undefined || header === undefined)
      )
    },
  },
  {
    why: 'a version nobody serves is refused in the same step; the SDK hands it on',
    holds: (request) => {
      const { isRequest, claim } = facts(request)
      return isRequest && typeof claim === 'string' && claim !== '2026-07-28'
    },
  },
  {
    why: 'Mcp-Method is held against the body before `_meta` is looked into, and for all requests of the era',
    holds: (request) => {
      const { isRequest, header, method, hasClaim, version } = facts(request)
      const isOther = header !== undefined && header !== method
      return isRequest && isOther && (hasClaim || isDate(version))
    },
  },
  {
    why: 'the version header is held against the body before `_meta` is looked into',
    holds: (request) => {
      const { isRequest, hasClaim, claim, version } = facts(request)
      return isRequest && hasClaim && version !== undefined && claim !== version
    },
  },
  {
    why: '`initialize` without a claim opens a session whatever the version header says: a handshake names its version in the body',
    holds: (request) => {
      const { isRequest, method, hasClaim, version } = facts(request)
      return isRequest && method === 'initialize' && !hasClaim && isDate(version)
    },
  },
  {
    why: '`initialize` with a claim is stateless, even with an unsound one: who makes a claim hears what is wrong with it',
    holds: (request) => {
      const { isRequest, method, hasClaim } = facts(request)
      return isRequest && method === 'initialize' && hasClaim
    },
  },
  {
    why: '`server/discover` exists in one era only, so that a bare one is told what it lacks',
    holds: (request) => {
      const { method, hasClaim, version } = facts(request)
      return method === 'server/discover' && !hasClaim && version === undefined
    },
  },
  {
    why: 'a revision that is no date is no later one; the SDK compares texts',
    holds: ({ version }) => version === 'x',
  },
  {
    why: 'a notification of the stateless era means nothing here and is taken whatever it says',
    holds: (request) => facts(request).isNotification,
  },
]

const known = (request: Inbound): boolean => DIFFERENCES.some(({ holds }) => holds(request))

const differs = (request: Inbound): boolean => {
  const [one, other] = [ours(request), theirs(request)]
  return one.outcome !== other.outcome || one.code !== other.code
}

describe('the era of a request', () => {
  it('is what the SDK takes it for, but for the differences that are meant', () => {
    fc.assert(
      fc.property(inbound, (request) => {
        fc.pre(!known(request))
        expect(ours(request)).toEqual(theirs(request))
      }),
      { numRuns: 3_000 },
    )
  })

  it.each(DIFFERENCES)('differs on purpose: $why', (difference) => {
    const others = DIFFERENCES.filter((one) => one !== difference)
    const alone = fc
      .sample(inbound, { numRuns: 20_000, seed: 7 })
      .filter((request) => difference.holds(request))
      .filter((request) => !others.some(({ holds }) => holds(request)))
    expect(alone.some(differs)).toBe(true)
  })

  it('of one that is served here is the one it is served in there', () => {
    const requests = fc
      .sample(inbound, { numRuns: 20_000, seed: 11 })
      .filter((request) => facts(request).isRequest)
      .map((request) => ({ request, here: ours(request).outcome, there: theirs(request).outcome }))
      .filter(({ here, there }) => here !== 'refused' && there !== 'refused')
    expect(requests.length).toBeGreaterThan(1_000)
    expect(requests.filter(({ here, there }) => here !== there)).toEqual([])
  })
})
