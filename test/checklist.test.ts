// What a node between MCP clients and servers owes either side, row by row. Tests name the rows they show: "row 12: ...".
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** In brief, by number. */
const ROWS: Readonly<Record<number, string>> = {
  // Era and versions
  1: 'initialize and a 2026 request work on one URL, neither changes the state of the other',
  2: 'a 2026 request with an unknown version: 400, -32022, what is supported, the same id',
  3: 'unknown and removed methods in 2026: 404, -32601, the same id',
  4: 'without its _meta, version or capabilities: 400, -32602; without clientInfo: served',
  5: '2025: a missing version header is 2025-03-26, an unsupported one 400, batches only there',
  6: 'era probe: an error of 2026 never leads to initialize, anything else does',
  7: 'the era is found out again when the upstream is replaced by one of the other',
  8: 'all pairs of eras, and all mixtures along a chain, pass the same calls',
  // Headers and routing
  9: 'mirrored headers that are missing or differ: 400, -32020',
  10: 'header names without case, values with it, white space trimmed, the sentinel decoded',
  11: 'a renamed tool: the upstream sees its own name in body and header',
  12: 'unsafe names and URIs go upstream in sentinel form',
  13: 'x-mcp-header survives; Mcp-Param-* is checked inbound and made anew outbound',
  14: 'a tool with an invalid x-mcp-header is not republished, the others are, and it is logged',
  15: 'headers over the limit: 4xx before the body is parsed',
  16: 'mirrored headers count for nothing without a version that demands the comparison',
  // Lists, names, caching
  17: 'two connections see one list in one order, and no call changes it',
  18: 'what is listed depends on the authorisation, and never on clientInfo',
  19: 'what is hidden is unknown, and nothing goes upstream',
  20: 'equal names and URIs of two upstreams stay reachable, told apart by labels',
  21: 'exposed names keep charset and cap at every depth',
  22: 'a merged list: the narrowest scope, the least freshness, one scope on all pages',
  23: 'private results never cross authorisations, retries are never cached',
  24: 'list_changed evicts before it goes on',
  25: 'cursors are opaque and bound to the view; others get -32602',
  26: 'results of 2025 upstreams leave with resultType, ttlMs and cacheScope',
  27: 'a network $ref is never fetched, schema keywords pass unchanged',
  28: 'every URI in results can be read through the node',
  // Questions
  29: 'requestState comes back to the byte through N hops, sealed on the way',
  30: 'a state that was changed, expired, or is of another principal or request: no upstream call',
  31: 'capabilities sent upstream never exceed those of the caller',
  32: 'retries have new ids at each hop, parallel calls never mix states or answers',
  33: 'elicitation by a 2025 upstream in a 2026 call completes the same execution, once',
  34: 'input_required becomes requests on the stream of a 2025 caller; decline, cancel, loop cap',
  35: 'a parked call is cancelled after its time or with its caller, and nothing is left',
  36: 'input_required and task only where the method and the caller have them',
  37: '-32042 never reaches a 2026 caller, elicitationId always a 2025 one',
  // Subscriptions
  38: 'the acknowledgement comes first, once, honest, and in bounded time',
  39: 'subscriptionId is of the listen downstream; nothing that was not asked for',
  40: 'an upstream drops: listen again, tell of changes, the stream downstream stays open',
  41: 'subscriptions of both eras to one URI share one upstream, freed by the last',
  42: 'a node that shuts down answers each listen with a complete result',
  // Cancellation, progress, logs, streams
  43: 'who leaves in 2026 has cancelled, who leaves in 2025 has not',
  44: 'equal ids and progress tokens of two callers never collide',
  45: 'progress is monotonic and ends with the result; the hard timeout holds',
  46: 'no log message without a level, none on a listen; the filter holds over shared sessions',
  47: 'event streams are flushed, unbuffered, kept alive, and stay apart',
  48: 'resumption in 2025: unique event ids, the same stream only, retry honoured',
  // Authorisation
  49: 'tokens of another audience: 401; the bytes of a token appear nowhere else',
  50: '401 and 403 say where the metadata is, and all scopes of the call',
  51: 'the token upstream has its audience and no more scopes than either side grants',
  52: 'a refusal upstream becomes a challenge of our own, never a relayed one',
  53: 'the client role of authorisation, credentials by issuer, guarded URLs',
  54: 'enterprise-managed authorisation: no replay, bound pairs, no exchanged ID tokens',
  55: 'DPoP: wrong htu, reused jti, stale iat: 401; our own key upstream',
  56: 'sessions, handles and tasks are refused to another principal',
  57: 'a forged Origin or Host on loopback: 403 or another 4xx',
  // Tasks, extensions, stdio, custom transport
  58: 'task ids lead to their owner through N hops, authorised each time',
  59: 'an extension is advertised only if the path carries it',
  60: 'skills and cards keep their origin',
  61: 'stdio: only MCP on stdout, the end of stdin ends the child, crash and restart, never shared',
  62: 'a ws link passes the calls of HTTP, _meta intact, cancel by notification',
  // Federation
  63: 'loops are found and bounded, fan-out is not amplified',
  64: 'a dead or slow upstream costs its own part only',
  65: 'traceparent continues over all hops',
}

/** What there is not yet, so that nothing can show it. */
const NOT_YET: ReadonlyMap<number, string> = new Map([[62, 'links over WebSocket']])

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const CITED = /\brows? (\d+(?:, \d+)*):/g

function cited(): ReadonlySet<number> {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && file !== 'checklist.test.ts',
  )
  const texts = files.map((file) => readFileSync(join(FOLDER, file), 'utf8'))
  const lists = texts.flatMap((text) => [...text.matchAll(CITED)].map(([, rows]) => rows ?? ''))
  return new Set(lists.flatMap((rows) => rows.split(', ').map(Number)))
}

test('every row is shown by a test, but for those of what there is not yet', () => {
  const shown = cited()
  const missing = Object.keys(ROWS).filter(
    (row) => !shown.has(Number(row)) && !NOT_YET.has(Number(row)),
  )
  expect(missing).toEqual([])
})

test('no test names a row that is not there, or that waits', () => {
  const wrong = [...cited()].filter((row) => !(row in ROWS) || NOT_YET.has(row))
  expect(wrong).toEqual([])
})
