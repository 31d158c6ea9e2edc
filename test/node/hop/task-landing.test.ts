// What comes back from upstreams about tasks, in either era.
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { Sealer } from '../../../node/core/seal.ts'
import {
  SHARED,
  type Delegated,
  type Question,
  type QuestionSink,
  type Reply,
  type Returned,
} from '../../../node/core/stages.ts'
import type { Upstream } from '../../../node/hop/exchange.ts'
import { forward, type ForwardParts } from '../../../node/hop/forward.ts'
import { ParkedCalls } from '../../../node/hop/parked-calls.ts'
import { RequestStates } from '../../../node/hop/request-state.ts'
import { TaskIds } from '../../../node/hop/task-ids.ts'
import type { FrameSink, OutFrame } from '../../../node/outbound/connection.ts'
import { readClientCapabilities } from '../../../protocol/client-capabilities.ts'
import { readUpstreamMessage, type UpstreamMessage } from '../../../protocol/upstream-message.ts'
import { objectAt, type Era, type JsonObject } from '../../fixtures/wire.ts'
import { NO_REPLY, visible, type CallPlan } from './calls.ts'

const RELATED = 'io.modelcontextprotocol/related-task'
const EXTENSIONS = { 'io.modelcontextprotocol/tasks': {} }

const secret = randomBytes(32)

const parts: ForwardParts = {
  serverInfo: '{"name":"node"}',
  states: new RequestStates({
    sealer: new Sealer(secret, 'state'),
    lifetimeMs: 60_000,
    maxBytes: 65_536,
  }),
  tasks: new TaskIds(new Sealer(secret, 'task'), 8_192),
  parked: new ParkedCalls(2),
  inputRounds: 3,
  inputTimeoutMs: 60_000,
  names: () => 'prefixed',
  catalogue: { findResource: () => undefined, sightOf: () => undefined },
}

function messageOf(content: object): UpstreamMessage {
  return readUpstreamMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...content })))
}

/** A call on its way, at an upstream of an era. */
class Flying {
  readonly answer: Promise<Returned>
  readonly #delegated: Delegated
  readonly #sent: { frame: OutFrame; sink: FrameSink }[] = []

  constructor(era: Era, plan: CallPlan) {
    const one = visible(plan)
    const [candidate] = one.entry.candidates
    const onward = { budget: 7, path: ['self'] }
    const facts = { ...one, candidate, continuation: undefined, onward, context: SHARED }
    this.#delegated = facts as unknown as Delegated
    this.answer = forward(parts, this.#upstream(era), this.#delegated)
  }

  /** The id under which the caller knows a task of the upstream. */
  shown(id: string): string {
    const { principal, received, entry, candidate } = this.#delegated
    const owner = { endpoint: received.endpoint, principal }
    return parts.tasks.seal(owner, { tool: entry.name, upstream: candidate.upstream, id })
  }

  respond(result: object): void {
    const [{ frame, sink } = this.#none()] = this.#sent
    sink.response(messageOf({ id: frame.id, result }))
  }

  /** Asks in the middle of the call; gives the answers there are. */
  ask(params: object): JsonObject[] {
    const answers: JsonObject[] = []
    const [{ sink } = this.#none()] = this.#sent
    const question = messageOf({ id: 9, method: 'elicitation/create', params })
    sink.request(question, (text) => answers.push(JSON.parse(text.toString()) as JsonObject))
    return answers
  }

  #none(): never {
    throw new Error('nothing was sent')
  }

  #upstream(era: Era): Upstream {
    const connection = {
      era,
      meta: () => '',
      wantLogs: () => undefined,
      server: { capabilities: {}, name: 'fake', federation: undefined },
      send: (frame: OutFrame, sink: FrameSink) => {
        this.#sent.push({ frame, sink })
        return { cancel: () => undefined, resume: () => undefined }
      },
    }
    const link = { inFlight: 0, enter: () => () => undefined, current: () => connection }
    const limits = { timeout: 1_000, maxTimeout: 1_000, concurrency: 10 }
    return { link, kind: 'http', isolate: 'principal', ...limits } as unknown as Upstream
  }
}

function look(capabilities: object): Flying {
  return new Flying('2026', {
    method: 'tasks/get',
    params: { taskId: 'sealed' },
    caller: {
      era: '2026',
      revision: '2026-07-28',
      capabilities: readClientCapabilities({ ...capabilities, extensions: EXTENSIONS }),
    },
  })
}

function read({ text }: Returned): JsonObject {
  return objectAt(JSON.parse(Buffer.concat(text).toString()), 'result')
}

const ASKING = {
  taskId: 't',
  status: 'input_required',
  inputRequests: { 'their key': { method: 'elicitation/create', params: { message: 'who?' } } },
}

test('row 31: what a task asks that the caller did not declare never reaches it', async () => {
  for (const [capabilities, inputRequests] of [
    [{}, ASKING.inputRequests],
    [{ elicitation: {} }, { a: { method: 'roots/list' } }],
    [{ elicitation: {} }, { a: { method: 'elicitation/create', params: { mode: 'url' } } }],
    [{ elicitation: {} }, { ...ASKING.inputRequests, b: { method: 'sampling/createMessage' } }],
    [{ elicitation: {} }, 'who?'],
  ] as const) {
    const flying = look(capabilities)
    flying.respond({ ...ASKING, inputRequests })
    await expect(flying.answer).rejects.toMatchObject({ code: 'upstream_protocol' })
  }
})

test('row 36: what a task asks is no request for input of the call that looks at it', async () => {
  const flying = look({ elicitation: {} })
  flying.respond(ASKING)
  const { _meta: _, ...result } = read(await flying.answer)
  const taskId = flying.shown('t')
  expect(result).toEqual({ ...ASKING, taskId, resultType: 'complete' })
})

function noted(taskId: string): JsonObject {
  return { _meta: { [RELATED]: { taskId } } }
}

test('a question of another task is refused: it is for whoever waits for that one', async () => {
  const asked: Question[] = []
  const ask: Reply['ask'] = (question) => {
    asked.push(question)
    return { cancel: () => undefined }
  }
  const flying = new Flying('2025', {
    caller: { capabilities: readClientCapabilities({ elicitation: {} }) },
    reply: { ...NO_REPLY, ask },
  })
  const answers = flying.ask({ message: 'who?', ...noted('task of somebody else') })
  expect(answers).toMatchObject([{ error: { code: -32603 } }])
  expect(asked).toEqual([])
  flying.respond({ content: [] })
  await flying.answer
})

test('row 58: a question names the task as the caller knows it, its answer as the upstream does', async () => {
  const asked: { params: JsonObject; sink: QuestionSink }[] = []
  const reply: Reply = {
    ...NO_REPLY,
    ask: ({ params }: Question, sink) => {
      asked.push({ params: JSON.parse(String(params('q'))) as JsonObject, sink })
      return { cancel: () => undefined }
    },
  }
  const flying = new Flying('2025', {
    method: 'tasks/result',
    params: { taskId: 'sealed' },
    caller: { capabilities: readClientCapabilities({ elicitation: {} }) },
    candidates: [{ upstream: 'files', name: 't', imported: false }],
    reply,
  })
  const answers = flying.ask({ message: 'who?', ...noted('t') })
  expect(asked[0]?.params).toEqual({ message: 'who?', ...noted(flying.shown('t')) })
  for (const id of [flying.shown('t'), 'of nobody']) {
    const result = { action: 'accept', content: { taskId: id }, ...noted(id) }
    asked[0]?.sink.answered({ result: Buffer.from(JSON.stringify(result)) })
  }
  expect(answers.map((answer) => answer['result'])).toEqual([
    { action: 'accept', content: { taskId: flying.shown('t') }, ...noted('t') },
    { action: 'accept', content: { taskId: 'of nobody' }, ...noted('of nobody') },
  ])
  flying.respond({ content: [], ...noted('t') })
  expect(read(await flying.answer)).toEqual({ content: [], ...noted(flying.shown('t')) })
})
