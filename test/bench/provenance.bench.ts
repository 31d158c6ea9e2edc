// What it costs to sign the result of a call, and to check it, against what the node does with a result anyway. One
// process, no network: `node test/bench/provenance.bench.ts`.
import { writeHopResponse } from '../../protocol/hop-response.ts'
import { memberOf } from '../../protocol/json-bytes.ts'
import { readBody } from '../../protocol/jsonrpc.ts'
import { argumentsDigest, resultDigest } from '../../protocol/provenance/result-form.ts'
import type { ExpectedResult } from '../../protocol/provenance/statements.ts'
import { readUpstreamMessage } from '../../protocol/upstream-message.ts'
import { OriginChecker } from '../../node/identity/provenance/checker.ts'
import { OriginSigner } from '../../node/identity/provenance/signer.ts'
import { SigningKey } from '../../node/identity/signing-key.ts'

const ROUNDS = 2_000
const REPEATS = 7

const key = SigningKey.generate()
const clock = (): number => 1_000
const signer = new OriginSigner({
  signer: () => 'https://c.example',
  keys: { signing: () => key },
  clock,
})
const signers = [
  { url: 'https://c.example', organisation: 'globex', keys: { find: () => key.public } },
]
const checker = new OriginChecker({ signers, clock, leeway: 30 })

const HOME = { organisation: 'globex', node: 'c', namespace: 'fx', source: 'files' }
const ID = { organisation: 'globex', node: 'c', namespace: 'fx', name: 'read' }
const NONCE = 'n'.repeat(22)

/** A result of about that many bytes: half of it text, half of it structured. */
function resultOf(bytes: number): Buffer {
  const rows = Array.from({ length: Math.ceil(bytes / 2 / 48) }, (_, index) => {
    return { id: index, name: `row ${index}`, ok: true, ratio: index / 8 }
  })
  const content = [{ type: 'text', text: 'a line of text\n'.repeat(bytes / 2 / 16) }]
  const result = { content, structuredContent: { rows }, isError: false }
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, result }))
}

const BODY = readBody(
  Buffer.from(
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"path":"/a/b","limit":10}}}',
  ),
  { jsonDepth: 32, metaBytes: 10_000 },
)

function callDigest(): string {
  if (BODY.batch || BODY.message.kind !== 'request') throw new Error('no request')
  const { raw, paramMembers } = BODY.message
  return argumentsDigest(raw, memberOf(paramMembers, 'arguments'))
}

function statementOf(raw: Buffer): Omit<ExpectedResult, 'txn'> {
  const result = resultDigest(readUpstreamMessage(raw), HOME)
  return { id: ID, source: HOME.source, arguments: callDigest(), result, nonce: NONCE }
}

/** Microseconds of CPU for one run, the best of several rounds. */
function cost(work: () => unknown): number {
  let best = Infinity
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    const before = process.cpuUsage()
    for (let round = 0; round < ROUNDS; round += 1) work()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / ROUNDS)
  }
  return best
}

function line(name: string, micros: number, plain: number): string {
  return `${name.padEnd(28)}${micros.toFixed(1).padStart(8)} µs${(micros / plain).toFixed(1).padStart(8)} ×\n`
}

for (const bytes of [1_024, 16_384]) {
  const raw = resultOf(bytes)
  const plain = cost(() =>
    writeHopResponse(readUpstreamMessage(raw), {
      callerId: 7,
      callerEra: '2026',
      serverInfo: '{"name":"node"}',
    }),
  )
  const signed = signer.result(statementOf(raw))
  const digest = cost(() => statementOf(raw))
  const attach = cost(() => signer.result(statementOf(raw)))
  const verify = cost(() => checker.result(signed, { ...statementOf(raw), txn: undefined }))
  process.stdout.write(
    [
      `result of ${raw.length} bytes\n`,
      line('  read and passed on', plain, plain),
      line('  canonical form, digests', digest, plain),
      line('  attach (ES256)', attach, plain),
      line('  verify (ES256)', verify, plain),
    ].join(''),
  )
}
