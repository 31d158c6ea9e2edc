import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Sealer } from '../../../node/core/seal.ts'
import {
  SHARED,
  type Asked,
  type Caller,
  type Continuation,
  type Delegated,
  type Question,
  type QuestionSink,
  type Reply,
  type Returned,
  type Visible,
} from '../../../node/core/stages.ts'
import type { Upstream } from '../../../node/hop/exchange.ts'
import { forward, type ForwardParts } from '../../../node/hop/forward.ts'
import type { CallLanding } from '../../../node/hop/landing.ts'
import { ParkedCalls } from '../../../node/hop/parked-calls.ts'
import { RequestStates } from '../../../node/hop/request-state.ts'
import { TaskIds } from '../../../node/hop/task-ids.ts'
import type { Connection, FrameSink, OutFrame } from '../../../node/outbound/connection.ts'
import { readClientCapabilities } from '../../../protocol/client-capabilities.ts'
import { Fault } from '../../../protocol/errors.ts'
import { readUpstreamMessage } from '../../../protocol/upstream-message.ts'
import { NO_REPLY, visible, type CallPlan } from './calls.ts'

const ALL = readClientCapabilities({
  elicitation: { form: {}, url: {} },
  sampling: {},
  roots: {},
})

interface Sent {
  readonly frame: OutFrame
  readonly sink: FrameSink
  readonly cancelled: string[]
}

/** An upstream that is up, and does what the test says. */
class FakeUpstream {
  readonly sent: Sent[] = []
  readonly era: '2025' | '2026'

  constructor(era: '2025' | '2026') {
    this.era = era
  }

  get upstream(): Upstream {
    const connection = {
      era: this.era,
      meta: () => '',
      wantLogs: () => undefined,
      server: { capabilities: {}, name: 'fake', federation: undefined },
      send: (frame: OutFrame, sink: FrameSink) => {
        const cancelled: string[] = []
        this.sent.push({ frame, sink, cancelled })
        return { cancel: (reason: string) => cancelled.push(reason), resume: () => undefined }
      },
    } as unknown as Connection
    const link = {
      label: 'files',
      inFlight: 0,
      enter: () => () => undefined,
      current: () => connection,
    }
    return {
      link: link as unknown as Upstream['link'],
      kind: 'http',
      isolate: 'principal',
      timeout: 1_000,
      maxTimeout: 1_000,
      concurrency: 10,
      delegator: undefined,
    }
  }

  get last(): Sent {
    const last = this.sent.at(-1)
    if (last === undefined) throw new Error('nothing was sent')
    return last
  }

  params(): Record<string, unknown> {
    const { params } = JSON.parse(this.last.frame.body.toString()) as {
      params: Record<string, unknown>
    }
    return params
  }

  respond(body: object): void {
    const text = JSON.stringify({ jsonrpc: '2.0', id: this.last.frame.id, ...body })
    this.last.sink.response(readUpstreamMessage(Buffer.from(text)))
  }

  /** Asks in the middle of the call; what is answered is added to the list it gives. */
  ask(id: number, method: string, params: object): unknown[] {
    const answers: unknown[] = []
    const text = JSON.stringify({ jsonrpc: '2.0', id, method, params })
    this.last.sink.request(readUpstreamMessage(Buffer.from(text)), (answer) => {
      answers.push(JSON.parse(answer.toString()))
    })
    return answers
  }
}

const secret = randomBytes(32)

function partsOf(
  more: Partial<ForwardParts> = {},
): ForwardParts & { parked: ParkedCalls<CallLanding> } {
  const lifetimeMs = 60_000
  return {
    serverInfo: '{"name":"node"}',
    states: new RequestStates({
      sealer: new Sealer(secret, 'state'),
      lifetimeMs,
      maxBytes: 65_536,
    }),
    tasks: new TaskIds(new Sealer(secret, 'task'), 8_192),
    inputRounds: 3,
    names: () => 'plain',
    catalogue: { findResource: () => undefined, sightOf: () => undefined },
    inputTimeoutMs: 60_000,
    ...more,
    parked: new ParkedCalls<CallLanding>(2),
  }
}

const MODERN: Partial<Caller> = { era: '2026', revision: '2026-07-28', capabilities: ALL }

function delegate(plan: CallPlan, continuation?: Continuation): Delegated {
  const one: Visible = visible(plan)
  const [candidate] = one.entry.candidates
  const onward = { budget: 7, path: ['self'] }
  return { ...one, candidate, continuation, onward, context: SHARED } as unknown as Delegated
}

function read({ text }: Returned): { readonly result: Record<string, unknown> } {
  return JSON.parse(Buffer.concat(text).toString()) as ReturnType<typeof read>
}

/** The retry of a request: with its state, and answers to what was asked. */
function retry(parts: ForwardParts, returned: Returned, answers: object): Delegated {
  const requestState = read(returned).result['requestState']
  const params = { name: 'docs__a', requestState, inputResponses: answers }
  const plan = { params, caller: MODERN }
  return delegate(plan, parts.states.open(visible(plan)))
}

describe('a 2025 upstream that asks a 2026 caller', () => {
  test('row 33: the retry completes the same execution, once', async () => {
    const fake = new FakeUpstream('2025')
    const parts = partsOf()
    const first = forward(parts, fake.upstream, delegate({ caller: MODERN }))
    const answers = fake.ask(9, 'elicitation/create', { message: 'who?', elicitationId: 'x' })
    const asked = await first
    expect(read(asked).result).toMatchObject({
      resultType: 'input_required',
      inputRequests: { 'input-1': { method: 'elicitation/create', params: { message: 'who?' } } },
    })
    expect(JSON.stringify(read(asked).result)).not.toContain('elicitationId')
    expect(parts.parked.size).toBe(1)

    const answer = { action: 'accept', content: { name: 'me' } }
    const second = forward(parts, fake.upstream, retry(parts, asked, { 'input-1': answer }))
    expect(answers).toEqual([{ jsonrpc: '2.0', id: 9, result: answer }])
    fake.respond({ result: { content: [] } })
    expect(read(await second).result).toMatchObject({ resultType: 'complete', content: [] })
    expect(fake.sent).toHaveLength(1)
    expect(parts.parked.size).toBe(0)
  })

  test('row 30: a state works once, and only in its round', async () => {
    const fake = new FakeUpstream('2025')
    const parts = partsOf()
    const first = forward(parts, fake.upstream, delegate({ caller: MODERN }))
    fake.ask(1, 'elicitation/create', { message: '1' })
    const asked = await first
    const again = forward(
      parts,
      fake.upstream,
      retry(parts, asked, { 'input-1': { action: 'accept' } }),
    )
    const late = retry(parts, asked, { 'input-1': { action: 'decline' } })
    expect(() => forward(parts, fake.upstream, late)).toThrow('requestState')
    fake.ask(2, 'elicitation/create', { message: '2' })
    const askedAgain = await again
    expect(() => forward(parts, fake.upstream, late)).toThrow('requestState')
    expect(Object.keys(read(askedAgain).result['inputRequests'] as object)).toEqual(['input-2'])
  })

  test('what is asked together is put together; what is not answered is asked again', async () => {
    const fake = new FakeUpstream('2025')
    const parts = partsOf()
    const first = forward(parts, fake.upstream, delegate({ caller: MODERN }))
    const one = fake.ask(1, 'elicitation/create', { message: '1' })
    const two = fake.ask(2, 'roots/list', {})
    const asked = await first
    expect(Object.keys(read(asked).result['inputRequests'] as object)).toHaveLength(2)
    const half = await forward(
      parts,
      fake.upstream,
      retry(parts, asked, { 'input-2': { roots: [] }, other: {} }),
    )
    expect(two).toMatchObject([{ id: 2, result: { roots: [] } }])
    expect(Object.keys(read(half).result['inputRequests'] as object)).toEqual(['input-1'])
    const rest = forward(
      parts,
      fake.upstream,
      retry(parts, half, { 'input-1': { action: 'cancel' } }),
    )
    expect(one).toMatchObject([{ id: 1, result: { action: 'cancel' } }])
    fake.respond({ result: {} })
    expect(read(await rest).result['resultType']).toBe('complete')
  })

  test('row 31: a question the caller did not declare is refused at the upstream', async () => {
    const fake = new FakeUpstream('2025')
    const caller = { ...MODERN, capabilities: readClientCapabilities({ elicitation: {} }) }
    const call = forward(partsOf(), fake.upstream, delegate({ caller }))
    expect(fake.ask(1, 'sampling/createMessage', {})).toMatchObject([
      { id: 1, error: { code: -32601 } },
    ])
    expect(fake.ask(2, 'elicitation/create', { mode: 'url' })).toMatchObject([{ error: {} }])
    fake.respond({ result: { content: [] } })
    expect(read(await call).result['resultType']).toBe('complete')
  })

  test('an answer that comes while nobody is there waits for the retry', async () => {
    const fake = new FakeUpstream('2025')
    const parts = partsOf()
    const asked = await parkedCall(fake, parts)
    fake.respond({ result: { content: ['late'] } })
    const second = forward(parts, fake.upstream, retry(parts, asked, { 'input-1': {} }))
    expect(read(await second).result['content']).toEqual(['late'])
    expect(parts.parked.size).toBe(0)
  })

  test('a failure that comes while nobody is there waits for the retry', async () => {
    const fake = new FakeUpstream('2025')
    const parts = partsOf()
    const asked = await parkedCall(fake, parts)
    fake.last.sink.failed(fault(), false)
    const second = forward(parts, fake.upstream, retry(parts, asked, { 'input-1': {} }))
    await expect(second).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(parts.parked.size).toBe(0)
  })

  test('a call whose answer comes with its question is not parked', async () => {
    const fake = new FakeUpstream('2025')
    const parts = partsOf()
    const first = forward(parts, fake.upstream, delegate({ caller: MODERN }))
    fake.ask(1, 'elicitation/create', { message: '1' })
    fake.respond({ result: { content: ['done'] } })
    expect(read(await first).result['content']).toEqual(['done'])
    await Promise.resolve()
    expect(parts.parked.size).toBe(0)
  })

  test('a call whose caller leaves with the question is not parked', async () => {
    const fake = new FakeUpstream('2025')
    const parts = partsOf()
    const call = delegate({ caller: MODERN })
    const first = forward(parts, fake.upstream, call)
    fake.ask(1, 'elicitation/create', { message: '1' })
    call.received.scope.stop(new Fault('cancelled', 'gone'))
    await expect(first).rejects.toMatchObject({ code: 'cancelled' })
    expect(parts.parked.size).toBe(0)
  })

  test('a retry whose caller has gone again gives the call up, and parks nothing', async () => {
    const fake = new FakeUpstream('2025')
    const parts = partsOf()
    const first = forward(parts, fake.upstream, delegate({ caller: MODERN }))
    fake.ask(1, 'elicitation/create', { message: '1' })
    fake.ask(2, 'elicitation/create', { message: '2' })
    const second = retry(parts, await first, { 'input-1': { action: 'accept' } })
    second.received.scope.stop(new Fault('cancelled', 'gone'))
    const answer = forward(parts, fake.upstream, second)
    await expect(answer).rejects.toMatchObject({ code: 'cancelled' })
    expect([parts.parked.size, fake.last.cancelled.length]).toEqual([0, 1])
  })

  test('row 36: it is not asked in methods that cannot ask, nor without end', async () => {
    const fake = new FakeUpstream('2025')
    const ref = { type: 'ref/prompt', name: 'p' }
    const completion = { method: 'completion/complete', params: { ref }, caller: MODERN }
    const parts = partsOf()
    const call = forward(parts, fake.upstream, delegate(completion))
    expect(fake.ask(1, 'elicitation/create', {})).toMatchObject([{ error: { code: -32601 } }])
    fake.respond({ result: { completion: { values: [] } } })
    expect(read(await call).result['resultType']).toBe('complete')

    let asking = forward(parts, fake.upstream, delegate({ caller: MODERN }))
    for (let round = 1; round <= 3; round += 1) {
      fake.ask(round, 'elicitation/create', { message: 'again' })
      const answers = { [`input-${round}`]: { action: 'accept' } }
      asking = forward(parts, fake.upstream, retry(parts, await asking, answers))
    }
    fake.ask(4, 'elicitation/create', { message: 'again' })
    await expect(asking).rejects.toMatchObject({ code: 'upstream_protocol' })
    expect(parts.parked.size).toBe(0)
  })

  test('a question that cannot be read is answered with an error, and the call goes on', async () => {
    const fake = new FakeUpstream('2025')
    const call = forward(partsOf(), fake.upstream, delegate({ caller: MODERN }))
    const answers: string[] = []
    const head = '{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"'
    for (const bad of [Buffer.from('\\x'), Buffer.from([0xff, 0xfe])]) {
      const text = Buffer.concat([Buffer.from(head), bad, Buffer.from('"}}')])
      fake.last.sink.request(readUpstreamMessage(text), (answer) => answers.push(String(answer)))
    }
    expect(answers.map((text) => JSON.parse(text) as object)).toMatchObject([
      { id: 1, error: {} },
      { id: 1, error: {} },
    ])
    fake.respond({ result: { content: [] } })
    expect(read(await call).result['resultType']).toBe('complete')
  })

  test('row 35: more than a caller may have parked are cancelled at the upstream', async () => {
    const fake = new FakeUpstream('2025')
    const parts = partsOf()
    const calls = [1, 2, 3].map((id) => {
      const call = forward(parts, fake.upstream, delegate({ caller: MODERN }))
      fake.ask(id, 'elicitation/create', { message: '1' })
      return call
    })
    await expect(calls[2]).rejects.toMatchObject({ code: 'overloaded' })
    expect(fake.last.cancelled).toHaveLength(1)
    expect(parts.parked.size).toBe(2)
  })

  test('row 35: a caller that never comes back: the upstream is told, and nothing is left', async () => {
    const fake = new FakeUpstream('2025')
    const parts = partsOf({ inputTimeoutMs: 0 })
    const first = forward(parts, fake.upstream, delegate({ caller: MODERN }))
    fake.ask(1, 'elicitation/create', { message: '1' })
    const asked = await first
    await expect.poll(() => parts.parked.size).toBe(0)
    expect(fake.last.cancelled).toHaveLength(1)
    expect(() => forward(parts, fake.upstream, retry(parts, asked, {}))).toThrow('requestState')
  })

  test('a node that closes tells the upstream that nobody waits, and keeps nothing', async () => {
    const fake = new FakeUpstream('2025')
    const parts = partsOf()
    const first = forward(parts, fake.upstream, delegate({ caller: MODERN }))
    fake.ask(1, 'elicitation/create', { message: '1' })
    await first
    parts.parked.close()
    expect(fake.last.cancelled).toHaveLength(1)
    expect(parts.parked.size).toBe(0)
  })

  test('row 37: a demand to visit a URL does not reach a method that cannot ask', async () => {
    const fake = new FakeUpstream('2025')
    const ref = { type: 'ref/prompt', name: 'p' }
    const completion = { method: 'completion/complete', params: { ref }, caller: MODERN }
    const call = forward(partsOf(), fake.upstream, delegate(completion))
    const elicitations = [
      { mode: 'url', elicitationId: 'e', url: 'https://x.example', message: '' },
    ]
    fake.respond({ error: { code: -32042, message: 'first', data: { elicitations } } })
    await expect(call).rejects.toMatchObject({ code: 'upstream_protocol' })
  })

  test('row 37: a demand to visit a URL becomes a question, and the retry is a new call', async () => {
    const fake = new FakeUpstream('2025')
    const parts = partsOf()
    const first = forward(parts, fake.upstream, delegate({ caller: MODERN }))
    const elicitations = [
      { mode: 'url', elicitationId: 'e', url: 'https://x.example', message: 'go' },
    ]
    fake.respond({ error: { code: -32042, message: 'first', data: { elicitations } } })
    const asked = await first
    expect(read(asked).result['inputRequests']).toEqual({
      'input-1': {
        method: 'elicitation/create',
        params: { mode: 'url', url: 'https://x.example', message: 'go' },
      },
    })
    const second = forward(
      parts,
      fake.upstream,
      retry(parts, asked, { 'input-1': { action: 'accept' } }),
    )
    expect(fake.sent).toHaveLength(2)
    expect(fake.params()).not.toHaveProperty('requestState')
    expect(fake.params()).not.toHaveProperty('inputResponses')
    fake.respond({ result: { content: [] } })
    expect(read(await second).result['resultType']).toBe('complete')

    const caller = { ...MODERN, capabilities: readClientCapabilities({ elicitation: {} }) }
    const other = forward(parts, fake.upstream, delegate({ caller }))
    fake.respond({ error: { code: -32042, message: 'first', data: { elicitations } } })
    await expect(other).rejects.toMatchObject({ code: 'missing_capability' })
  })
})

/** A call that waits for the answer to one question. */
function parkedCall(fake: FakeUpstream, parts: ForwardParts): Promise<Returned> {
  const first = forward(parts, fake.upstream, delegate({ caller: MODERN }))
  fake.ask(1, 'elicitation/create', { message: '1' })
  return first
}

function fault(): Fault {
  return new Fault('upstream_unavailable', 'gone')
}

/** A caller of era 2025: what it is asked is kept, and answered by the test. */
class OldCaller {
  readonly asked: { question: Question; sink: QuestionSink; cancelled: string[] }[] = []
  readonly caller: Partial<Caller> = { capabilities: ALL }

  get reply(): Reply {
    return {
      ...NO_REPLY,
      ask: (question, sink): Asked => {
        const cancelled: string[] = []
        this.asked.push({ question, sink, cancelled })
        return { cancel: (reason) => void cancelled.push(reason) }
      },
    }
  }

  params(at: number): unknown {
    return JSON.parse(this.asked[at]?.question.params(`q${at}`)?.toString() ?? 'null')
  }

  answer(at: number, result: object): void {
    this.asked[at]?.sink.answered({ result: Buffer.from(JSON.stringify(result)) })
  }
}

/** A call in which the caller answers what it is asked with an error. */
function refusedQuestion(fake: FakeUpstream, method: string): Promise<Returned> {
  const old = new OldCaller()
  const plan = { caller: old.caller, reply: old.reply }
  const call = forward(partsOf(), fake.upstream, delegate(plan))
  const inputRequests = { a: { method, params: {} } }
  fake.respond({ result: { resultType: 'input_required', inputRequests } })
  old.asked[0]?.sink.answered({ error: Buffer.from('{"code":-1,"message":"no"}') })
  return call
}

describe('a 2026 upstream that asks a 2025 caller', () => {
  test('row 34: is answered by a retry with its state to the byte, once all answers are there', async () => {
    const fake = new FakeUpstream('2026')
    const old = new OldCaller()
    const call = forward(
      partsOf(),
      fake.upstream,
      delegate({ caller: old.caller, reply: old.reply }),
    )
    const inputRequests = {
      a: {
        method: 'elicitation/create',
        params: { mode: 'url', url: 'https://x.example', message: '' },
      },
      b: { method: 'roots/list' },
    }
    fake.respond({
      result: { resultType: 'input_required', inputRequests, requestState: 'st/at\\e' },
    })
    expect(old.asked.map(({ question }) => question.method)).toEqual([
      'elicitation/create',
      'roots/list',
    ])
    // Row 37: era 2025 knows URL elicitations by an id.
    expect(old.params(0)).toMatchObject({
      url: 'https://x.example',
      elicitationId: expect.any(String),
    })
    old.answer(1, { roots: [] })
    expect(fake.sent).toHaveLength(1)
    old.answer(0, { action: 'decline' })
    expect(fake.sent).toHaveLength(2)
    expect(fake.params()).toMatchObject({
      name: 'a',
      requestState: 'st/at\\e',
      inputResponses: { a: { action: 'decline' }, b: { roots: [] } },
    })
    expect(fake.sent[0]?.frame.id).not.toBe(fake.last.frame.id)
    fake.respond({ result: { resultType: 'complete', content: [] } })
    expect(read(await call).result['content']).toEqual([])
  })

  test('row 34: a client that fails to show a form has cancelled', async () => {
    const fake = new FakeUpstream('2026')
    const call = refusedQuestion(fake, 'elicitation/create')
    expect(fake.params()).toMatchObject({ inputResponses: { a: { action: 'cancel' } } })
    fake.respond({ result: { content: [] } })
    expect(read(await call).result['content']).toEqual([])
  })

  test('row 34: a client that fails to sample fails the call', async () => {
    const call = refusedQuestion(new FakeUpstream('2026'), 'sampling/createMessage')
    await expect(call).rejects.toMatchObject({ code: 'input_refused' })
  })

  test('row 34: the loop ends', async () => {
    const fake = new FakeUpstream('2026')
    const old = new OldCaller()
    const call = forward(
      partsOf(),
      fake.upstream,
      delegate({ caller: old.caller, reply: old.reply }),
    )
    for (let round = 0; round < 4; round += 1) {
      fake.respond({ result: { resultType: 'input_required', requestState: `s${round}` } })
    }
    await expect(call).rejects.toMatchObject({ code: 'upstream_protocol' })
    expect(fake.sent).toHaveLength(4)
  })

  test('row 31: what the caller did not declare never reaches it', async () => {
    const fake = new FakeUpstream('2026')
    const old = new OldCaller()
    const caller = { capabilities: readClientCapabilities({ roots: {} }) }
    const call = forward(partsOf(), fake.upstream, delegate({ caller, reply: old.reply }))
    const inputRequests = {
      a: { method: 'roots/list' },
      b: { method: 'sampling/createMessage', params: {} },
    }
    fake.respond({ result: { resultType: 'input_required', inputRequests } })
    await expect(call).rejects.toMatchObject({ code: 'upstream_protocol' })
    expect(old.asked).toEqual([])
  })
})

describe('what a 2025 caller says of a retry', () => {
  test('row 30: is not passed on: in its era there are none', async () => {
    const fake = new FakeUpstream('2026')
    const params = { name: 'docs__a', requestState: 'forged', inputResponses: { a: {} } }
    const call = forward(partsOf(), fake.upstream, delegate({ params }))
    expect(fake.params()).not.toHaveProperty('requestState')
    expect(fake.params()).not.toHaveProperty('inputResponses')
    fake.respond({ result: { content: [] } })
    await call
  })
})

describe('a 2025 upstream that asks a 2025 caller', () => {
  test('is answered under its own id; progress goes under its own token', async () => {
    const fake = new FakeUpstream('2025')
    const old = new OldCaller()
    const call = forward(
      partsOf(),
      fake.upstream,
      delegate({ caller: old.caller, reply: old.reply }),
    )
    const params = { messages: [], _meta: { progressToken: 'theirs' } }
    const answers = fake.ask(5, 'sampling/createMessage', params)
    expect(old.params(0)).toEqual({ messages: [], _meta: { progressToken: 'q0' } })
    old.answer(0, { role: 'assistant' })
    expect(answers).toEqual([{ jsonrpc: '2.0', id: 5, result: { role: 'assistant' } }])
    fake.respond({ result: { content: [] } })
    await call
  })

  test('an upstream that wants no answer any more takes the question back', async () => {
    const fake = new FakeUpstream('2025')
    const old = new OldCaller()
    const call = forward(
      partsOf(),
      fake.upstream,
      delegate({ caller: old.caller, reply: old.reply }),
    )
    fake.ask(5, 'elicitation/create', { message: '' })
    const text =
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5,"reason":"late"}}'
    fake.last.sink.notification(readUpstreamMessage(Buffer.from(text)))
    expect(old.asked[0]?.cancelled).toHaveLength(1)
    fake.respond({ result: { content: [] } })
    await call
  })
})

describe('a 2026 upstream that asks a 2026 caller', () => {
  test('row 29: its state comes back to it to the byte, sealed in between', async () => {
    const fake = new FakeUpstream('2026')
    const parts = partsOf()
    const first = forward(parts, fake.upstream, delegate({ caller: MODERN }))
    const inputRequests = { a: { method: 'elicitation/create', params: { message: '', x: 1.0 } } }
    fake.respond({
      result: { resultType: 'input_required', inputRequests, requestState: 'né"w/\\' },
    })
    const asked = await first
    expect(read(asked).result).toMatchObject({ resultType: 'input_required', inputRequests })
    expect(JSON.stringify(read(asked).result)).not.toContain('né')
    const second = forward(parts, fake.upstream, retry(parts, asked, { a: { action: 'accept' } }))
    expect(fake.params()).toMatchObject({
      requestState: 'né"w/\\',
      inputResponses: { a: { action: 'accept' } },
    })
    fake.respond({ result: { resultType: 'complete', content: [] } })
    expect(read(await second).result['content']).toEqual([])
  })

  test('a state that was not there stays absent', async () => {
    const fake = new FakeUpstream('2026')
    const first = forward(partsOf(), fake.upstream, delegate({ caller: MODERN }))
    const inputRequests = { a: { method: 'roots/list' } }
    fake.respond({ result: { resultType: 'input_required', inputRequests } })
    expect(read(await first).result).not.toHaveProperty('requestState')
  })

  test('row 36: other results that are not complete are for callers who declared them', async () => {
    const fake = new FakeUpstream('2026')
    const parts = partsOf()
    const call = forward(parts, fake.upstream, delegate({ caller: MODERN }))
    const task = { resultType: 'task', taskId: 'inner', status: 'working' }
    fake.respond({ result: task })
    await expect(call).rejects.toMatchObject({ code: 'upstream_protocol' })

    const extensions = { 'io.modelcontextprotocol/tasks': {} }
    const caller = { ...MODERN, capabilities: readClientCapabilities({ extensions }) }
    const again = forward(parts, fake.upstream, delegate({ caller }))
    fake.respond({ result: task })
    const { taskId } = read(await again).result
    const { received, principal } = visible({ caller })
    // Row 58: the id leads back to the upstream.
    const place = parts.tasks.find({ endpoint: received.endpoint, principal }, String(taskId))
    expect(place).toEqual({ tool: 'docs__a', upstream: 'files', id: 'inner' })
  })
})
