import { describe, expect, test } from 'vitest'
import { Fault } from '../../../protocol/errors.ts'
import { readBody, type RpcRequest } from '../../../protocol/jsonrpc.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'
import type { CallFacts } from '../../../node/core/audit.ts'
import { lineHash, type AuditLine } from '../../../node/core/audit-chain.ts'
import type { AuditRecord } from '../../../node/core/audit-record.ts'
import { AuditTrail, LogSink, type AuditTrailOptions } from '../../../node/core/audit-trail.ts'
import { CallScope } from '../../../node/core/call-scope.ts'
import { SILENT } from '../../../node/core/logger.ts'
import { Limited } from '../../../node/core/meter.ts'
import type { Delegated } from '../../../node/core/stages.ts'
import { RefusalBudget, type Unwritten } from '../../../node/core/refusal-budget.ts'
import { callerOf } from './audit-records.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'

function trailTo(records: AuditRecord[], more: Partial<AuditTrailOptions> = {}): AuditTrail {
  return new AuditTrail({
    sink: { write: (record) => void records.push(record), close: () => Promise.resolve() },
    log: SILENT,
    node: 'acme/edge',
    policy: () => 'policy',
    subjectOf: ({ subject }) => `#${subject.length}`,
    refusalsPerSecond: 1_000,
    digests: false,
    ...more,
  })
}

function requestOf(params: object, id: number | string = 7): RpcRequest {
  const text = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })
  const body = readBody(Buffer.from(text), { jsonDepth: 64, metaBytes: 16_384 })
  if (body.batch || body.message.kind !== 'request') throw new TypeError('no request')
  return body.message
}

function receivedOf(params: object, id?: number | string): NonNullable<CallFacts['received']> {
  const request = requestOf(params, id)
  return { endpoint: 'main', request, header: () => undefined, scope: new CallScope() }
}

function oneOf(facts: CallFacts, more: Partial<AuditTrailOptions> = {}): AuditRecord {
  const records: AuditRecord[] = []
  trailTo(records, more).call(facts)
  const [record] = records
  if (record === undefined || records.length > 1) throw new Error('not one line')
  return record
}

function subjectOf(): never {
  throw new Error('out of order')
}

describe('the line of a call', () => {
  const params = {
    name: 'fx__echo',
    arguments: { secret: 'argument' },
    _meta: { traceparent: `00-${TRACE}-b7ad6b7169203331-01` },
  }

  test('says who, where from and what came of it, and no argument', () => {
    const fault = new Fault('unknown_tool', 'unknown tool: fx__echo')
    const target = { kind: 'tool', name: 'fx__echo' }
    const record = oneOf({ received: receivedOf(params), principal: callerOf(), target, fault })
    expect(record).toMatchObject({
      node: 'acme/edge',
      kind: 'call',
      decision: 'refused',
      reason: 'unknown_tool',
      trace: TRACE,
      endpoint: 'main',
      method: 'tools/call',
      tool: 'fx__echo',
      policy: 'policy',
      in: { subH: '#17', client: 'https://app.example/client.json', scope: ['ns:fx'], id: 7 },
    })
    expect(JSON.stringify(record)).not.toMatch(/alice|argument/)
  })

  test('a refusal of a token has its problem, one that is nobody’s fault has failed', () => {
    const refused = oneOf({ endpoint: 'main', fault: new TokenFault('revoked', 'it is over') })
    expect(refused).toMatchObject({ decision: 'refused', reason: 'revoked', endpoint: 'main' })
    const failed = oneOf({ fault: new Fault('upstream_timeout', 'too slow') })
    expect(failed).toMatchObject({ decision: 'failed', reason: 'upstream_timeout' })
  })

  test('what may be a credential under another name is not written down', () => {
    const key = 'k'.repeat(43)
    const fault = new Fault('unknown_tool', `unknown tool: ${key}`)
    const received = receivedOf({ name: key }, key)
    expect(
      JSON.stringify(oneOf({ received, target: { kind: 'tool', name: key }, fault })),
    ).not.toContain(key)
    const uri = { kind: 'resource', name: `https://x.example/a?key=${key}` }
    const short = new Fault('insufficient_scope', 'too little')
    expect(oneOf({ target: uri, fault: short }).tool).toBe('https://x.example/a')
  })

  test('digests are of the bytes, and only where they are asked for', () => {
    const received = receivedOf(params)
    const text = ['{"jsonrpc":"2.0","id":7,', '"result":{"content":[]}}'].map((part) =>
      Buffer.from(part),
    )
    const returned = { text, errorCode: undefined }
    const delegated = {
      received,
      candidate: { upstream: 'up' },
      entry: { name: 'fx__echo' },
    } as unknown as Delegated
    const facts = { received, delegated, returned }
    const record = oneOf(facts, { digests: true })
    expect(record.argsDigest).toBe(lineHash('{"secret":"argument"}'))
    expect(record.resultDigest).toBe(lineHash('{"content":[]}'))
    const plain = oneOf(facts)
    expect([plain.argsDigest, plain.resultDigest]).toEqual([undefined, undefined])
  })

  test('that cannot be made costs a line of the log and no call', () => {
    const told: unknown[] = []
    const log = { ...SILENT, error: (facts: object) => void told.push(facts) }
    trailTo([], { log, subjectOf }).call({ principal: callerOf() })
    expect(told).toHaveLength(1)
  })
})

describe('a flood of refusals', () => {
  test('costs a count each, and a line a second', async () => {
    const records: AuditRecord[] = []
    const trail = trailTo(records, { refusalsPerSecond: 10 })
    for (let i = 0; i < 5_000; i += 1) {
      trail.call({ endpoint: 'main', fault: new TokenFault('missing', 'nothing there') })
    }
    trail.exchange({ kind: 'unknown', decision: 'refused', reason: 'invalid_client' })
    trail.exchange({ kind: 'mint', decision: 'issued' })
    await trail.close()
    const counted = records.filter(({ kind }) => kind === 'refusals')
    const written = records.filter(
      ({ decision, kind }) => decision === 'refused' && kind === 'call',
    )
    expect(written.length).toBeGreaterThanOrEqual(20)
    expect(written.length).toBeLessThan(200)
    const missing = counted.find(({ reason }) => reason === 'missing')
    expect(written.length + (missing?.count ?? 0)).toBe(5_000)
    // What is issued is never counted only.
    expect(records.some(({ decision }) => decision === 'issued')).toBe(true)
  })

  test('of limits is told by the name of the limit, and costs no more than any other', async () => {
    const records: AuditRecord[] = []
    const trail = trailTo(records, { refusalsPerSecond: 1 })
    const facts = { quota: 'few', headers: [], data: {} }
    for (let count = 0; count < 9; count += 1) {
      trail.call({ endpoint: 'main', fault: new Limited('words', facts) })
    }
    expect(records.map(({ kind, decision, reason }) => [kind, decision, reason])).toEqual([
      ['call', 'limited', 'limit few'],
      ['call', 'limited', 'limit few'],
    ])
    await trail.close()
    expect(records.at(-1)).toMatchObject({ kind: 'refusals', reason: 'limit few', count: 7 })
  })

  test('is told by reason, of which there are a limited number', () => {
    let now = 0
    const told: Unwritten[] = []
    const budget = new RefusalBudget({
      perSecond: 1,
      now: () => now,
      tell: (unwritten) => told.push(...unwritten),
    })
    expect([budget.take('a'), budget.take('a'), budget.take('a')]).toEqual([true, true, false])
    now += 1_000
    expect([budget.take('b'), budget.take('b')]).toEqual([true, false])
    for (let i = 0; i < 1_000; i += 1) budget.take(`reason ${i}`)
    budget.flush()
    budget.flush()
    expect(told.length).toBeLessThanOrEqual(101)
    expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(1_002)
    expect(told[0]).toEqual({ reason: 'a', count: 1 })
  })
})

test('lines of the log are chained for as long as the process lives', () => {
  const lines: AuditLine[] = []
  const sink = new LogSink({ ...SILENT, info: ({ audit }) => void lines.push(audit as AuditLine) })
  const record = { ts: 't', node: 'n', kind: 'call', decision: 'allowed' } as const
  sink.write(record)
  sink.write(record)
  expect(lines.map(({ prev }) => prev)).toEqual(['', lineHash(JSON.stringify(lines[0]))])
})
