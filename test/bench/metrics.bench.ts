// What it costs to count a call, and to trace one: one process, no network.
// `node test/bench/metrics.bench.ts`
import { readBody } from '../../protocol/jsonrpc.ts'
import { CallScope } from '../../node/core/call-scope.ts'
import { CallCounts } from '../../node/core/metrics/call-counts.ts'
import { LOCAL_CALLER } from '../../node/core/principal.ts'
import type { Authenticated, Received } from '../../node/core/stages.ts'
import { Tracer } from '../../node/core/trace/tracer.ts'

const ROUNDS = 200_000
const REPEATS = 5

const text = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{}}}'
const body = readBody(Buffer.from(text), { jsonDepth: 32, metaBytes: 10_000 })
if (body.batch || body.message.kind !== 'request') throw new Error('no request')
const request = body.message

function callOf(): Authenticated {
  const received = {
    endpoint: 'main',
    caller: { era: '2026', revision: '2026-07-28' },
    request,
    header: () => undefined,
    scope: new CallScope(),
  } as unknown as Received
  return { received, principal: LOCAL_CALLER }
}

const TO = { upstream: 'u', transport: 'http', kind: 'tool', name: 'fx__x', as: 'x' } as const

function once(counts: CallCounts): void {
  const call = callOf()
  counts.begin(call)
  const { scope } = call.received
  scope.run?.depart(TO)
  scope.run?.arrive(undefined)
  scope.finish()
}

function bare(): void {
  callOf().received.scope.finish()
}

/** Microseconds for one, the best of several rounds. */
function measure(work: () => void): number {
  let best = Infinity
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    const before = performance.now()
    for (let i = 0; i < ROUNDS; i += 1) work()
    best = Math.min(best, ((performance.now() - before) / ROUNDS) * 1_000)
  }
  return best
}

function traced(sample: number): CallCounts {
  let ids = 0
  const tracer = new Tracer({
    sample,
    tracesPerSecond: Infinity,
    sink: { take: () => undefined },
    now: () => performance.timeOrigin + performance.now(),
    random: Math.random,
    randomHex: (bytes) => (ids += 1).toString(16).padStart(bytes * 2, '0'),
  })
  return new CallCounts({ hasEndpoint: () => true, tracer })
}

const plain = new CallCounts({ hasEndpoint: () => true })
const [unrecorded, recorded] = [traced(0), traced(1)]

const none = measure(bare)
const lines: [string, number][] = [
  ['counted', measure(() => once(plain))],
  ['counted, and not recorded by the tracer', measure(() => once(unrecorded))],
  ['counted, and recorded as two spans', measure(() => once(recorded))],
]
for (const [name, microseconds] of lines) {
  process.stdout.write(`${name}: ${(microseconds - none).toFixed(2)} µs a call\n`)
}
