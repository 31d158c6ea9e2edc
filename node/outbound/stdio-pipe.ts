import { changedMethod, LIST_KINDS } from '../../protocol/capability.ts'
import { Fault } from '../../protocol/errors.ts'
import { writeNotification } from '../../protocol/hop-response.ts'
import { elements, memberOf } from '../../protocol/json-bytes.ts'
import { skipSpace } from '../../protocol/json-check.ts'
import { isObject } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import type { Era } from '../../protocol/revisions.ts'
import {
  isResponse,
  readParams,
  readUpstreamMessage,
  type UpstreamMessage,
} from '../../protocol/upstream-message.ts'
import type { FrameSink, OutFrame, Respond, Sent } from './connection.ts'
import { PipedCall } from './piped-call.ts'
import { answerPing, refuseQuestion } from './server-request.ts'
import { StdioChild, type ChildOptions } from './stdio-child.ts'
import { singleLine } from '../core/stdio-lines.ts'

const OPEN_BRACKET = 0x5b

/** Who is told what belongs to no request. */
export interface PipeOwner {
  /** Of the conversation; undefined until it is known. */
  readonly era: Era | undefined
  /** Takes a request, or a notification that names no request of ours. */
  unasked(message: UpstreamMessage, respond: Respond): void
  lost(fault: Fault): void
}

/** Before there is a conversation a server may ask whether anybody is there, and no more. */
const NOBODY: PipeOwner = {
  era: undefined,
  unasked: (message, respond) => {
    if (!answerPing(message, respond)) refuseQuestion(message, respond)
  },
  lost: () => undefined,
}

/** JSON-RPC with a process: many requests at once on one pipe, told apart by id and progress token, both ours. */
export class StdioPipe {
  readonly #options: ChildOptions
  readonly #calls = new Map<number, PipedCall>()
  #child: StdioChild | undefined
  #owner: PipeOwner = NOBODY
  #cancels = false

  private constructor(options: ChildOptions) {
    this.#options = options
  }

  /**
   * Starts the process.
   *
   * @throws Fault `upstream_unavailable`
   */
  static async start(options: ChildOptions): Promise<StdioPipe> {
    const pipe = new StdioPipe(options)
    pipe.#child = await StdioChild.start(options, {
      line: (line) => pipe.#line(line),
      gone: (fault) => pipe.#gone(fault),
    })
    return pipe
  }

  /** From now on a conversation is under way: `owner` is told, and what is given up is cancelled at the server. */
  attach(owner: PipeOwner): void {
    this.#owner = owner
    this.#cancels = true
  }

  send(frame: OutFrame, sink: FrameSink): Sent {
    const call = new PipedCall(sink)
    const written = this.#child?.write(singleLine(frame.body)) ?? 'closed'
    if (written === 'taken') this.#calls.set(frame.id, call)
    // Not before the caller holds what is returned here.
    else queueMicrotask(() => call.failed(written === 'full' ? tooSlow() : closed(), true))
    return {
      cancel: (reason) => {
        call.drop()
        if (!this.#calls.delete(frame.id) || !this.#cancels) return
        this.notify('notifications/cancelled', { requestId: frame.id, reason })
      },
      resume: () => call.resume(),
    }
  }

  /** Sends a notification; to a process that reads no more it is lost, which nobody can be told. */
  notify(method: string, params?: object): void {
    this.#child?.write(writeNotification(method, params))
  }

  /** Ends the process. Resolves when it has gone; never rejects. */
  async close(): Promise<void> {
    const stopped = this.#child?.stop()
    this.#failAll(closed())
    await stopped
  }

  #gone(fault: Fault): void {
    // The link learns it first: whoever tries again must not be given this pipe.
    this.#owner.lost(fault)
    this.#failAll(fault)
  }

  #failAll(fault: Fault): void {
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    for (const call of calls) call.failed(fault, false)
  }

  #line(line: Buffer): void {
    if (line.length === 0) return
    try {
      for (const message of messagesOf(line)) this.#take(message)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      // What it says may be secret, so only its length is told.
      const facts = { upstream: this.#options.label, bytes: line.length }
      this.#options.log.warn(facts, 'the process wrote a line to stdout that is no MCP message')
    }
  }

  #take(message: UpstreamMessage): void {
    const id = ownerOf(message, this.#owner.era)
    if (id !== undefined) this.#deliver(message, id)
    else if (!isResponse(message)) this.#owner.unasked(message, this.#respond)
  }

  #deliver(message: UpstreamMessage, id: number): void {
    const call = this.#calls.get(id)
    // Late answers and progress of what was cancelled are to be expected.
    if (call === undefined) return
    const ended = message.method === 'notifications/cancelled'
    if (!isResponse(message) && !ended) return call.notification(message)
    this.#calls.delete(id)
    if (!ended) return call.response(message)
    call.failed(new Fault('upstream_unavailable', 'the upstream cancelled the request'), false)
  }

  readonly #respond: Respond = (text) => {
    this.#child?.write(singleLine(text))
  }
}

/** A session of 2025-03-26 may send batches. */
function messagesOf(line: Buffer): UpstreamMessage[] {
  const start = skipSpace(line, 0)
  if (line[start] !== OPEN_BRACKET) return [readUpstreamMessage(line)]
  return elements(line, start).map((span) =>
    readUpstreamMessage(line.subarray(span.start, span.end)),
  )
}

/** Notifications that belong to a listen. */
const TAGGED: ReadonlySet<string> = new Set([
  'notifications/subscriptions/acknowledged',
  'notifications/resources/updated',
  'notifications/tasks',
  ...LIST_KINDS.map(changedMethod),
])

/** On a shared pipe only ids and tokens say what belongs to whom. */
function ownerOf(message: UpstreamMessage, era: Era | undefined): number | undefined {
  const { id, method = '' } = message
  if (isResponse(message)) return asId(id)
  if (id !== undefined) return undefined
  if (method === 'notifications/progress') return asId(readParams(message)['progressToken'])
  if (method === 'notifications/cancelled') {
    // In era 2025 a server takes back its own requests, in 2026 it ends our listens.
    return era === '2026' ? asId(readParams(message)['requestId']) : undefined
  }
  return TAGGED.has(method) ? subscriptionOf(message) : undefined
}

function subscriptionOf(message: UpstreamMessage): number | undefined {
  if (memberOf(message.members, 'params') === undefined) return undefined
  const meta = readParams(message)['_meta']
  return isObject(meta) ? asId(meta[META.subscriptionId]) : undefined
}

function asId(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function tooSlow(): Fault {
  return new Fault('overloaded', "the upstream's process does not read what it is sent")
}

function closed(): Fault {
  return new Fault('upstream_unavailable', "the upstream's process is not running")
}
