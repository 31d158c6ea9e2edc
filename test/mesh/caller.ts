// A caller of either era behind one interface, so that a test is written once and holds for both.
import { Agent, request } from 'undici'
import {
  callModern,
  legacySession,
  modern,
  post,
  streamModern,
  type LegacyOptions,
  type ModernOptions,
  type RawReply,
  type RawStream,
} from '../fixtures/raw-client.ts'
import { isObject, type Era, type Id, type JsonObject } from '../fixtures/wire.ts'

/** What may differ from a plain request. */
export interface AskOptions {
  /** Default: a fresh integer. */
  readonly id?: Id
  /** Merged into `_meta`. */
  readonly meta?: JsonObject
  readonly progressToken?: Id
  /** Of the HTTP request. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A request nobody has answered yet. */
export interface PendingCall {
  readonly id: Id
  /** The response; undefined when there is none, because the call was cancelled or left. */
  readonly answer: Promise<JsonObject | undefined>
  /** Gives it up in the way of the era: a notification in 2025, hanging up in 2026. */
  cancel(): Promise<void>
  /** Hangs up, as a process that dies. */
  hangUp(): void
}

/** Somebody who uses an endpoint. */
export interface MeshCaller {
  readonly era: Era
  /** Sends a request and reads the whole answer. */
  ask(method: string, params?: JsonObject, options?: AskOptions): Promise<RawReply>
  /** `tools/call`. */
  call(name: string, args?: JsonObject, options?: AskOptions): Promise<RawReply>
  /** `tools/call`, not waited for. */
  begin(name: string, args?: JsonObject, options?: AskOptions): PendingCall
  /** The tools of all pages. */
  tools(): Promise<JsonObject[]>
  /** Names of the tools of all pages. */
  names(): Promise<string[]>
  /** Opens the stream that list changes come on; resolves when changes will be heard. */
  changes(): Promise<RawStream>
}

/** Both eras, for `describe.each`. */
export const ERAS: readonly Era[] = ['2025', '2026']

let lastId = 1_000

/** A caller of that era; one of 2025 opens a session. */
export async function callerOf(
  era: Era,
  url: string,
  options: LegacyOptions = {},
): Promise<MeshCaller> {
  return era === '2026' ? modernCaller(url, options) : legacyCaller(url, options)
}

/** The text of the first content block of a call's result. */
export function textOf(reply: { readonly result: JsonObject }): string {
  const { content } = reply.result
  const [block] = Array.isArray(content) ? (content as unknown[]) : []
  if (!isObject(block)) throw new Error(`no content in ${JSON.stringify(reply.result)}`)
  return String(block['text'])
}

/** The params that the fixture's tool `meta` was called with, out of its answer. */
export function paramsSeen(reply: { readonly result: JsonObject }): JsonObject {
  return JSON.parse(textOf(reply)) as JsonObject
}

function modernCaller(
  url: string,
  { capabilities = {}, clientInfo, headers: always }: LegacyOptions,
): MeshCaller {
  const info = clientInfo === undefined ? {} : { 'io.modelcontextprotocol/clientInfo': clientInfo }
  const options = (given: AskOptions): ModernOptions => ({
    ...given,
    capabilities,
    headers: { ...always, ...given.headers },
    meta: { ...info, ...given.meta },
  })
  const ask: MeshCaller['ask'] = (method, params = {}, given = {}) =>
    callModern(url, method, params, options(given))
  return {
    era: '2026',
    ask,
    ...shared(ask),
    begin(name, args = {}, given = {}) {
      const id = given.id ?? (lastId += 1)
      const params = { name, arguments: args }
      const { message, headers } = modern('tools/call', params, options({ ...given, id }))
      const sent = pendingPost(url, message, headers)
      const hangUp = (): void => sent.hangUp()
      return { id, answer: sent.answer, hangUp, cancel: () => Promise.resolve(hangUp()) }
    },
    async changes() {
      const wanted = { notifications: { toolsListChanged: true } }
      const stream = await streamModern(url, 'subscriptions/listen', wanted, options({}))
      const first = await stream.next()
      if (first?.['method'] !== 'notifications/subscriptions/acknowledged') {
        throw new Error(`not acknowledged: ${JSON.stringify(first)}`)
      }
      return stream
    },
  }
}

async function legacyCaller(url: string, options: LegacyOptions): Promise<MeshCaller> {
  const session = await legacySession(url, options)
  const ask: MeshCaller['ask'] = (method, params = {}, given = {}) =>
    post(url, legacyMessage(method, params, given), { ...session.headers, ...given.headers })
  return {
    era: '2025',
    ask,
    ...shared(ask),
    begin(name, args = {}, given = {}) {
      const message = legacyMessage('tools/call', { name, arguments: args }, given)
      const sent = pendingPost(url, message, { ...session.headers, ...given.headers })
      const params = { requestId: message.id, reason: 'the test gave it up' }
      return {
        ...sent,
        id: message.id,
        cancel: async () => {
          await session.notify('notifications/cancelled', params)
        },
      }
    },
    changes: () => session.get(),
  }
}

function legacyMessage(
  method: string,
  params: JsonObject,
  { id = (lastId += 1), progressToken, meta }: AskOptions,
): JsonObject & { id: Id } {
  const all = { ...(progressToken === undefined ? {} : { progressToken }), ...meta }
  const isEmpty = Object.keys(all).length === 0
  return { jsonrpc: '2.0', id, method, params: { ...params, ...(isEmpty ? {} : { _meta: all }) } }
}

function shared(ask: MeshCaller['ask']): Pick<MeshCaller, 'call' | 'tools' | 'names'> {
  const tools = async (): Promise<JsonObject[]> => {
    const found: JsonObject[] = []
    let cursor: unknown
    do {
      const { result } = await ask('tools/list', cursor === undefined ? {} : { cursor })
      found.push(...(result['tools'] as JsonObject[]))
      cursor = result['nextCursor']
    } while (cursor !== undefined)
    return found
  }
  return {
    tools,
    names: async () => (await tools()).map(({ name }) => String(name)),
    call: (name, args = {}, given = {}) => ask('tools/call', { name, arguments: args }, given),
  }
}

const agent = new Agent({ pipelining: 0, headersTimeout: 30_000, bodyTimeout: 30_000 })

/** A POST that can be hung up before its answer has begun. */
function pendingPost(
  url: string,
  message: JsonObject,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Pick<PendingCall, 'answer' | 'hangUp'> {
  const hangUp = new AbortController()
  const given = Object.entries(headers).filter(([, value]) => value !== undefined)
  const read = async (): Promise<JsonObject | undefined> => {
    const { body } = await request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(Object.fromEntries(given) as Record<string, string>),
      },
      body: JSON.stringify(message),
      dispatcher: agent,
      signal: hangUp.signal,
    })
    return responseIn(await body.text())
  }
  const answer = read().catch((error: unknown) => {
    if (hangUp.signal.aborted) return undefined
    throw error
  })
  return { answer, hangUp: () => hangUp.abort() }
}

/** The JSON-RPC response in a JSON body or at the end of an event stream; undefined when there is none. */
function responseIn(body: string): JsonObject | undefined {
  const lines = body.split('\n').map((line) => line.replace(/^data: ?/, ''))
  const messages = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
  return messages.filter(isObject).findLast((one) => 'result' in one || 'error' in one)
}
