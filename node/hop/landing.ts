import { isUtf8 } from 'node:buffer'
import { asFault, Fault, RPC } from '../../protocol/errors.ts'
import { TASKS_EXTENSION } from '../../protocol/client-capabilities.ts'
import type { Retry } from '../../protocol/hop-request.ts'
import { writeHopResponse, type ResponseFrame } from '../../protocol/hop-response.ts'
import {
  readInputRequired,
  readTaskQuestions,
  resultTypeOf,
  type InputRequest,
} from '../../protocol/input-required.ts'
import { memberOf } from '../../protocol/json-bytes.ts'
import { splice, type Edit } from '../../protocol/json-edit.ts'
import type { Body } from '../../protocol/link/body.ts'
import type { MetaChanges } from '../../protocol/meta-edit.ts'
import { errorUriEdits } from '../../protocol/result-uris.ts'
import { relatedTaskEdits, taskIdEdits } from '../../protocol/task-edits.ts'
import { readError, type RpcError, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import { OWN, type Received, type Returned } from '../core/stages.ts'
import type { Respond } from '../outbound/connection.ts'
import { AskedCaller, type AskingCall } from './asked-caller.ts'
import type { Catalogue } from './catalogue.ts'
import { fateOf } from './fate.ts'
import type { Flight } from './flight.ts'
import type { Landing } from './flight-plan.ts'
import { makesTask } from './flight-reading.ts'
import { linksFrom, mayLink, paramLinkEdits, resultLinkEdits, type Links } from './hidden-links.ts'
import { inputRequired, MAY_ASK, protocolFault, urlRequests } from './input-results.ts'
import type { Parked, ParkingLot } from './parked-calls.ts'
import { ParkedQuestions } from './parked-questions.ts'
import {
  readQuestion,
  refusal,
  refuseUndeclared,
  withdrawal,
  type UpstreamQuestion,
} from './questions.ts'
import type { RequestStates } from './request-state.ts'
import type { ResultProof } from './result-proof.ts'
import type { TaskIds, TaskOwner } from './task-ids.ts'
import { urisFrom } from './uri-map.ts'

/** What landing takes, the same for all calls of a node. */
export interface LandingParts {
  /** JSON text of our own serverInfo. */
  readonly serverInfo: string
  readonly states: RequestStates
  readonly tasks: TaskIds
  readonly parked: ParkingLot<CallLanding>
  /** How often one call may ask its caller for more. */
  readonly inputRounds: number
  /** How an endpoint names what it shows. */
  readonly names: (endpoint: string) => 'prefixed' | 'plain'
  readonly catalogue: Pick<Catalogue, 'sightOf' | 'findResource'>
}

/** Lands one call: its questions and its answer, in the way its caller's era has for them. */
export class CallLanding implements Landing, AskingCall, Parked {
  readonly #parts: LandingParts
  readonly #flight: Flight
  readonly #proof: ResultProof | undefined
  #asked: AskedCaller | undefined
  #questions: ParkedQuestions | undefined
  #parking = false
  #id = ''
  #round = 0

  constructor(parts: LandingParts, flight: Flight, proof?: ResultProof) {
    this.#parts = parts
    this.#flight = flight
    this.#proof = proof
  }

  get owner(): string {
    return this.#flight.plan.delegated.principal.key
  }

  get round(): number {
    return this.#round
  }

  get received(): Received {
    return this.#flight.received
  }

  question(message: UpstreamMessage, respond: Respond): void {
    const question = readQuestion(message)
    if (question === undefined) return
    try {
      this.#take(message, question, respond)
    } catch (error) {
      respond(withdrawal(question, asFault(error).message))
    }
  }

  /** @throws Fault when it cannot be asked */
  #take(message: UpstreamMessage, question: UpstreamQuestion, respond: Respond): void {
    const { caller, request } = this.received
    if (!isUtf8(message.raw)) throw protocolFault('text that is not UTF-8')
    this.#refuseForeignTask(question)
    if (caller.era === '2025') {
      this.#asked ??= new AskedCaller(this)
      this.#asked.ask(question, respond)
      return
    }
    this.#questions ??= new ParkedQuestions()
    if (!MAY_ASK.has(request.method)) respond(refusal(question))
    else if (this.#questions.add(question, respond, caller.capabilities)) {
      this.#flight.waiting()
      this.#parkSoon()
    }
  }

  /** A question of a task is for whoever waits for that task. */
  #refuseForeignTask({ params }: UpstreamQuestion): void {
    const foreign =
      params !== undefined &&
      relatedTaskEdits(params, (id) => (this.#isAbout(id) ? id : '')).some(
        ({ text }) => text === '""',
      )
    if (foreign) throw protocolFault('a question of a task that the request is not about')
  }

  /** Whether the request is about that task of the upstream. */
  #isAbout(task: string): boolean {
    const { method } = this.received.request
    return method.startsWith('tasks/') && this.#flight.plan.delegated.candidate.name === task
  }

  withdrawn(id: unknown): void {
    this.#questions?.withdraw(id)
    if (typeof id === 'string' || typeof id === 'number') this.#asked?.withdraw(id)
    if (this.#questions?.empty === true && this.#flight.attended) this.#flight.going()
  }

  over(): void {
    if (this.#id !== '') this.#parts.parked.drop(this.#id)
  }

  answer(message: UpstreamMessage): Returned | Promise<Returned> | undefined {
    const { caller, request } = this.received
    const type = resultTypeOf(message)
    if (type === 'input_required') return this.#input(message)
    const error = memberOf(message.members, 'error') === undefined ? undefined : readError(message)
    if (error?.code === RPC.urlElicitationRequired && caller.era === '2026')
      return this.#urls(error)
    if (request.method === 'tasks/get') this.#checkQuestions(message)
    if (error !== undefined) return this.#error(message, error)
    const edits = this.#resultEdits(message, type)
    if (this.#proof === undefined) return this.#write(message, edits)
    if (!isUtf8(message.raw)) throw protocolFault('text that is not UTF-8')
    const meta = this.#proof.of(message, request, this.#uris())
    if (!(meta instanceof Promise)) return this.#write(message, edits, meta)
    return meta.then((changes) => this.#write(message, edits, changes))
  }

  /**
   * A result passes unread where nothing in it is this hop's to change or to hide. That it ends the call is the word of the
   * node it comes from, and a lie harms the callers of the liar alone: a question or a task in it is theirs to ask this
   * node about, which knows nothing of it and says so (`bad_state`, `unknown_task`); an error is one to whoever reads it.
   */
  unread(text: Body): Returned | undefined {
    if (this.#proof !== undefined) return undefined
    const { map, hides } = this.#links()
    // By the text and nobody's word: what is hidden from a caller stays hidden whatever an upstream says of it.
    if (map !== undefined || (hides !== undefined && mayLink(text))) return undefined
    return { text: text.parts, errorCode: undefined, complete: true }
  }

  #error(message: UpstreamMessage, error: RpcError): Returned {
    const returned = this.#write(message, errorUriEdits(message, this.#uris()))
    const fate = fateOf(error, this.#flight.plan.upstream)
    return fate === undefined ? returned : { ...returned, fate }
  }

  #write(message: UpstreamMessage, edits: readonly Edit[], meta?: MetaChanges): Returned {
    const written: Returned = writeHopResponse(message, {
      ...this.#frame(),
      unfinished: hasTasks(this.received) ? 'task' : undefined,
      cacheable: this.received.request.method === 'resources/read',
      edits,
      ...(meta !== undefined && { meta }),
    })
    if (makesTask(message)) {
      return { ...written, lingerMs: this.#flight.plan.upstream.maxTimeout }
    }
    const type = resultTypeOf(message)
    const complete = written.errorCode === undefined && (type === undefined || type === 'complete')
    return { ...written, complete }
  }

  abandon(): void {
    this.#flight.abandon(new Fault('shutting_down', 'this node is shutting down'))
  }

  /** A retry of the caller takes the parked call up. */
  resume(received: Received): Promise<Returned> {
    const flight = this.#flight
    const answered = flight.board(received)
    if (flight.deliver() || !flight.attended) return answered
    this.#questions?.answer(received.request)
    if (this.#questions?.empty === false) this.#parkNow()
    else flight.going()
    return answered
  }

  paramsForCaller({
    method,
    params,
  }: {
    readonly method: string
    readonly params: Buffer
  }): Buffer {
    const uris = paramLinkEdits(this.#links(), method, params)
    const task = relatedTaskEdits(params, (id) =>
      this.#isAbout(id) ? this.#taskForCaller(id) : id,
    )
    return splice(params, [...uris, ...task])
  }

  resultForUpstream(result: Buffer): Buffer {
    return splice(
      result,
      relatedTaskEdits(result, (id) => this.#taskForUpstream(id)),
    )
  }

  waiting(): void {
    this.#flight.waiting()
  }

  answered(): void {
    this.#flight.going()
  }

  again(retry: Retry): void {
    this.#flight.again(retry)
  }

  fail(fault: Fault): void {
    this.#flight.giveUp(fault)
  }

  #frame(): Omit<ResponseFrame, 'edits'> {
    const { caller, request } = this.received
    return {
      callerId: request.id,
      callerEra: caller.era,
      serverInfo: this.#parts.serverInfo,
    }
  }

  /** A 2026 upstream asks by a result. */
  #input(message: UpstreamMessage): Returned | undefined {
    const { caller, request } = this.received
    if (!MAY_ASK.has(request.method)) throw protocolFault(`input_required for ${request.method}`)
    if (!isUtf8(message.raw)) throw protocolFault('text that is not UTF-8')
    const { requests, state } = readInputRequired(message)
    refuseUndeclared(requests, caller.capabilities)
    const inner = state === undefined ? '' : message.raw.toString('utf8', state.start, state.end)
    if (caller.era === '2025') {
      this.#nextRound()
      this.#asked ??= new AskedCaller(this)
      this.#asked.gather(requests, inner)
      return undefined
    }
    const edits = requests.flatMap((one) => this.#uriEdits(message.raw, one))
    if (state !== undefined) edits.push({ ...state, text: this.#seal(inner) })
    return writeHopResponse(message, { ...this.#frame(), unfinished: 'input_required', edits })
  }

  /** A task asks as well, of whoever looks after it. */
  #checkQuestions({ raw, members: list }: UpstreamMessage): void {
    const questions = readTaskQuestions(raw, memberOf(list, 'result')?.inside ?? [])
    refuseUndeclared(questions, this.received.caller.capabilities)
  }

  #nextRound(): void {
    this.#round += 1
    if (this.#round <= this.#parts.inputRounds) return
    throw protocolFault(`requests for input without end; ${this.#parts.inputRounds} were answered`)
  }

  #seal(inner: string): string {
    const { delegated } = this.#flight.plan
    const { upstream } = delegated.candidate
    return JSON.stringify(this.#parts.states.seal(delegated, { kind: 'relay', upstream, inner }))
  }

  /** A 2025 server wants URLs visited and the call made again: in 2026 a result says so. */
  #urls({ data }: RpcError): Returned {
    const { delegated } = this.#flight.plan
    const { caller, request } = this.received
    const { capabilities } = caller
    if (!MAY_ASK.has(request.method))
      throw protocolFault(`a demand for URL elicitation for ${request.method}`)
    if (!capabilities.elicitation.url) {
      const requiredCapabilities = { elicitation: { url: {} } }
      const text = 'the call needs URL elicitation, which the client does not offer'
      throw new Fault('missing_capability', text, { data: { requiredCapabilities } })
    }
    const { continuation, candidate } = delegated
    const rounds = (continuation?.kind === 'again' ? continuation.rounds : 0) + 1
    if (rounds > this.#parts.inputRounds) throw protocolFault('URL elicitations without end')
    const { upstream } = candidate
    const state = this.#parts.states.seal(delegated, { kind: 'again', upstream, rounds })
    return this.#inputRequired(urlRequests(data), state)
  }

  /** Questions that come together are put together. */
  #parkSoon(): void {
    if (this.#parking) return
    this.#parking = true
    queueMicrotask(() => {
      this.#parking = false
      if (this.#flight.attended && this.#questions?.empty === false) this.#parkNow()
    })
  }

  #parkNow(): void {
    try {
      this.#park()
    } catch (error) {
      this.#flight.giveUp(asFault(error))
    }
  }

  #park(): void {
    const { delegated } = this.#flight.plan
    const { upstream } = delegated.candidate
    this.#nextRound()
    this.#id = this.#parts.parked.park(this)
    const place = { kind: 'parked', upstream, id: this.#id, round: this.#round } as const
    const state = this.#parts.states.seal(delegated, place)
    const text = this.#questions?.write((question) => this.paramsForCaller(question)) ?? '{}'
    this.#flight.park(this.#inputRequired(text, state))
  }

  #inputRequired(requests: string, state: string): Returned {
    const { serverInfo } = this.#parts
    return inputRequired({ id: this.received.request.id, serverInfo }, requests, state)
  }

  /** How a URI of the upstream reads for the caller; undefined where both sides use the same. */
  #uris(): ((uri: string) => string) | undefined {
    const { delegated, upstream } = this.#flight.plan
    const names = this.#parts.names(delegated.received.endpoint)
    return urisFrom(names, delegated, upstream.link.current(OWN)?.server.federation)
  }

  /** The same, and which of them are hidden from the caller. */
  #links(): Links {
    const { entry, received, principal } = this.#flight.plan.delegated
    const asker = { endpoint: received.endpoint, principal }
    return linksFrom(this.#parts.catalogue, { asker, entry, map: this.#uris() })
  }

  #resultEdits(message: UpstreamMessage, type: string | undefined): readonly Edit[] {
    const { caller, request } = this.received
    const uris = resultLinkEdits(this.#links(), request.method, message)
    const inside = memberOf(message.members, 'result')?.inside ?? []
    const ofTask =
      type === 'task' ||
      request.method.startsWith('tasks/') ||
      (caller.era === '2025' && memberOf(inside, 'task') !== undefined)
    return ofTask ? [...uris, ...taskIdEdits(message, (id) => this.#taskForCaller(id))] : uris
  }

  /** The id under which the caller knows a task of the upstream. */
  #taskForCaller(id: string): string {
    const { entry, candidate } = this.#flight.plan.delegated
    const place = { tool: entry.name, upstream: candidate.upstream, id }
    return this.#parts.tasks.seal(this.#taskOwner(), place)
  }

  /** What is no id of a task of the caller, stays as it is. */
  #taskForUpstream(id: string): string {
    return this.#parts.tasks.find(this.#taskOwner(), id)?.id ?? id
  }

  #taskOwner(): TaskOwner {
    const { principal, received } = this.#flight.plan.delegated
    return { endpoint: received.endpoint, principal }
  }

  #uriEdits(raw: Buffer, { method, params }: InputRequest): Edit[] {
    if (params === undefined) return []
    const at = params.byteOffset - raw.byteOffset
    return paramLinkEdits(this.#links(), method, params).map(({ start, end, text }) => {
      return { start: start + at, end: end + at, text }
    })
  }
}

/** Only who declared the extension in this very request can go on from a task (SEP-2663). */
function hasTasks({ caller, request }: Received): boolean {
  return request.method === 'tools/call' && caller.capabilities.extensions.has(TASKS_EXTENSION)
}
