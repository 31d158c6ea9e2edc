import { Fault } from '../../protocol/errors.ts'
import { memberOf, type Member } from '../../protocol/json-bytes.ts'
import {
  readBody,
  type MessageLimits,
  type RequestEnvelope,
  type RpcRequest,
} from '../../protocol/jsonrpc.ts'
import type { RequestFrame, Told } from '../../protocol/link/frames.ts'
import { MODERN_REVISION } from '../../protocol/revisions.ts'
import { checkMirrors, modernCaller } from './modern.ts'

/** Requests that nodes in the middle can pass on unread: they have a name, and what changes on the way is in the envelope. */
const PASSED: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read'])

/**
 * The request in a frame, read only where the envelope does not say enough.
 *
 * @throws Fault as `readBody`, and `header_mismatch` when it had to be read
 */
export function requestOf(frame: RequestFrame, limits: MessageLimits): RpcRequest {
  const { method, name, told } = frame
  if (told === undefined || name === undefined || !PASSED.has(method)) {
    return readRequest(frame, limits)
  }
  return new UnreadRequest(frame, { told, name }, limits)
}

/** @throws Fault as `readBody`, and `header_mismatch` when the envelope says something else than the body */
function readRequest({ body, method, name }: RequestFrame, limits: MessageLimits): RpcRequest {
  const read = readBody(body.text, limits)
  if (read.batch || read.message.kind !== 'request') {
    throw new Fault('invalid_request', 'a link carries single requests')
  }
  // All requests of a link are of one revision.
  checkMirrors(read.message, { version: MODERN_REVISION, method, name })
  return read.message
}

/** One whose text is read when somebody asks for what stands in it, and then once. */
class UnreadRequest implements RpcRequest, RequestEnvelope {
  readonly kind = 'request'
  readonly method: string
  readonly id: number
  readonly name: string
  readonly progress: boolean
  readonly #frame: RequestFrame
  readonly #limits: MessageLimits
  #read: RpcRequest | undefined

  constructor(
    frame: RequestFrame,
    { told, name }: { readonly told: Told; readonly name: string },
    limits: MessageLimits,
  ) {
    this.method = frame.method
    this.id = told.id
    this.name = name
    this.progress = told.progress
    this.#frame = frame
    this.#limits = limits
  }

  get envelope(): RequestEnvelope {
    return this
  }

  get parts(): readonly Buffer[] {
    return this.#frame.body.parts
  }

  get raw(): Buffer {
    return this.#frame.body.text
  }

  get members(): readonly Member[] {
    return this.#text().members
  }

  get paramMembers(): readonly Member[] {
    return this.#text().paramMembers
  }

  get metaMembers(): readonly Member[] | undefined {
    return this.#text().metaMembers
  }

  param(key: string): unknown {
    return this.#text().param(key)
  }

  meta(key: string): unknown {
    return this.#text().meta(key)
  }

  check(): void {
    this.#text()
  }

  /**
   * Where the text is read it must be what nodes before this one took it for: they decided by the envelope who may call
   * what, and answer under its id. A retry that hides in it would go past the nodes that sealed its state.
   */
  #text(): RpcRequest {
    if (this.#read !== undefined) return this.#read
    const read = readRequest(this.#frame, this.#limits)
    if (read.id !== this.id) throw mismatch('id')
    for (const key of ['inputResponses', 'requestState']) {
      if (memberOf(read.paramMembers, key) !== undefined) throw mismatch(key)
    }
    // What must stand in `_meta` must, although the envelope has said it.
    modernCaller(read)
    this.#read = read
    return read
  }
}

function mismatch(what: string): Fault {
  const text = `the envelope differs from the body: ${what}`
  return new Fault('header_mismatch', text, { data: { header: what } })
}
