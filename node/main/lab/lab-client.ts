import { mirrorArguments } from '../../../protocol/headers.ts'
import { writeResult } from '../../../protocol/hop-response.ts'
import { isObject, type JsonObject } from '../../../protocol/jsonrpc.ts'
import type { Listed } from '../../../protocol/listing.ts'
import { readResult, type UpstreamMessage } from '../../../protocol/upstream-message.ts'
import { ownFrame } from '../../outbound/ask.ts'
import type { Connection, ConnectionEvents, Respond, Sent } from '../../outbound/connection.ts'
import { HttpConnector } from '../../outbound/http-connector.ts'
import { wholeList } from '../cli-client.ts'
import { packageVersion } from '../cli-version.ts'

/** Time for a connection and for each answer of the handshake, and for a call, ms. */
const CONNECT_MS = 5_000
const CALL_MS = 10_000
const MAX_BODY_BYTES = 16 * 1_024 ** 2
/** A list that nobody says has changed is fetched again after so long, ms. */
const LIST_MS = 2_000
/** Questions of one call that are answered at most. */
const QUESTIONS = 8

/** What it can be asked, as in `ClientCapabilities`. */
const OFFERED = '"elicitation":{"form":{}}'
/** What it answers to anything. */
const ANSWER = { action: 'accept', content: { count: 7 } }

/** What became of a call: the text of the answer, or what is wrong when there was none. */
export interface CallEnd {
  readonly text?: string
  readonly problem?: string
}

/** A client of a lab: calls tools of one endpoint over Streamable HTTP, in whichever era that speaks. */
export class LabClient {
  readonly #endpoint: () => string | undefined
  #url: string | undefined
  #connector: HttpConnector | undefined
  #connection: Connection | undefined
  #connecting: Promise<Connection> | undefined
  #tools: readonly Listed[] = []
  #listedAt = -Infinity
  #listing: Promise<void> | undefined
  #closed = false

  /** @param endpoint where it is now; undefined while there is none */
  constructor(endpoint: () => string | undefined) {
    this.#endpoint = endpoint
  }

  /**
   * The tools it can call now.
   *
   * @throws Error when nobody answers
   */
  async tools(): Promise<readonly Listed[]> {
    const connection = await this.#connected()
    if (performance.now() - this.#listedAt > LIST_MS) {
      this.#listing ??= this.#list(connection).finally(() => (this.#listing = undefined))
      await this.#listing
    }
    return this.#tools
  }

  /**
   * Calls a tool, and answers what it is asked on the way.
   *
   * @throws Error when it cannot be sent, or nothing comes back in time
   */
  async call(tool: Listed, message: string): Promise<CallEnd> {
    const connection = await this.#connected()
    const params: JsonObject = { name: tool.name, arguments: { message } }
    for (let round = 0; round < QUESTIONS; round += 1) {
      const outcome = readResult(await send(connection, tool, params))
      if ('error' in outcome) return { problem: `error ${outcome.error.code}` }
      const { resultType, requestState, inputRequests } = outcome.result
      if (resultType !== 'input_required') return { text: textOf(outcome.result) }
      const asked = isObject(inputRequests) ? Object.keys(inputRequests) : []
      params['inputResponses'] = Object.fromEntries(asked.map((key) => [key, ANSWER]))
      if (requestState !== undefined) params['requestState'] = requestState
    }
    return { problem: 'is asked without an end' }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#drop()
  }

  async #list(connection: Connection): Promise<void> {
    this.#tools = await wholeList(connection, 'tool')
    this.#listedAt = performance.now()
  }

  async #connected(): Promise<Connection> {
    const url = this.#endpoint()
    if (url === undefined || this.#closed) throw new Error('there is nobody to call')
    if (url !== this.#url) await this.#drop()
    this.#url = url
    if (this.#connection !== undefined) return this.#connection
    this.#connecting ??= this.#connect(url).finally(() => (this.#connecting = undefined))
    return this.#connecting
  }

  async #connect(url: string): Promise<Connection> {
    const connector = new HttpConnector({
      url,
      headers: [],
      era: 'auto',
      self: {
        clientInfo: { name: 'banyan-lab', version: packageVersion() },
        federation: undefined,
      },
      connectTimeoutMs: CONNECT_MS,
      answerTimeoutMs: CONNECT_MS,
      bodyBytes: MAX_BODY_BYTES,
    })
    try {
      const connection = await connector.connect(this.#events(), OFFERED)
      this.#connector = connector
      this.#connection = connection
      this.#listedAt = -Infinity
      return connection
    } catch (error) {
      await connector.close()
      throw error
    }
  }

  #events(): ConnectionEvents {
    return {
      listChanged: () => (this.#listedAt = -Infinity),
      updated: () => undefined,
      request: answer,
      notification: () => undefined,
      lost: () => void this.#drop(),
    }
  }

  async #drop(): Promise<void> {
    const [connection, connector] = [this.#connection, this.#connector]
    this.#connection = undefined
    this.#connector = undefined
    await connection?.close()
    await connector?.close()
  }
}

/** The texts of a result. */
function textOf({ content }: JsonObject): string {
  const items = Array.isArray(content) ? content.filter(isObject) : []
  return items.map(({ text }) => (typeof text === 'string' ? text : '')).join('\n')
}

function answer({ id, method }: UpstreamMessage, respond: Respond): void {
  if (id === undefined || id === null) return
  respond(writeResult(id, JSON.stringify(method === 'elicitation/create' ? ANSWER : {})))
}

/** Sends a call, and waits for what comes back. */
function send(connection: Connection, tool: Listed, params: JsonObject): Promise<UpstreamMessage> {
  const args = isObject(params['arguments']) ? params['arguments'] : {}
  const headers = connection.era === '2026' ? mirrorArguments(tool.paramHeaders ?? [], args) : []
  const plain = ownFrame('tools/call', params, connection.meta(OFFERED))
  return new Promise((resolve, reject) => {
    let sent: Sent | undefined
    const timer = setTimeout(() => {
      sent?.cancel('no answer in time')
      reject(new Error(`no answer within ${CALL_MS} ms`))
    }, CALL_MS)
    const settled = (settle: () => void): void => {
      clearTimeout(timer)
      settle()
    }
    sent = connection.send(
      { ...plain, name: tool.name, headers },
      {
        notification: () => true,
        request: answer,
        response: (message) => settled(() => resolve(message)),
        failed: (fault) => settled(() => reject(fault)),
      },
    )
  })
}
