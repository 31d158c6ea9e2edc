import { Fault } from '../../protocol/errors.ts'
import { readResult, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { JsonObject } from '../../protocol/jsonrpc.ts'
import type { Connection, FrameSink, OutFrame, Sent } from './connection.ts'
import { refuseQuestion } from './server-request.ts'

/** Anything a request can be sent on. */
export type Send = Connection['send']

/** Ids are unique in the process, hence on every link, session and pipe. */
let lastId = 0

/** The id of the next request to any upstream. */
export function nextId(): number {
  lastId = lastId >= Number.MAX_SAFE_INTEGER ? 1 : lastId + 1
  return lastId
}

/** A request the node itself makes. */
export function ownFrame(method: string, params: JsonObject | undefined, meta: string): OutFrame {
  const id = nextId()
  const given = params === undefined ? '' : JSON.stringify(params).slice(1, -1)
  const all = [given, meta === '' ? '' : `"_meta":{${meta}}`]
    .filter((text) => text !== '')
    .join(',')
  const head = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}`
  const body = Buffer.from(all === '' && meta === '' ? `${head}}` : `${head},"params":{${all}}}`)
  return { id, method, headers: [], body }
}

/**
 * Sends a request of the node's own and waits for the answer, `timeoutMs` at most.
 *
 * @throws Fault `upstream_timeout`, `upstream_unavailable` or `upstream_protocol`
 */
export function ask(send: Send, frame: OutFrame, timeoutMs: number): Promise<UpstreamMessage> {
  return new Promise((resolve, reject) => {
    let sent: Sent | undefined
    const timer = setTimeout(() => {
      sent?.cancel('no answer in time')
      const text = `the upstream did not answer ${frame.method} within ${timeoutMs} ms`
      reject(new Fault('upstream_timeout', text))
    }, timeoutMs)
    const sink: FrameSink = {
      notification: () => true,
      request: (question, respond) => refuseQuestion(question, respond),
      response: (message) => {
        clearTimeout(timer)
        resolve(message)
      },
      failed: (fault) => {
        clearTimeout(timer)
        reject(fault)
      },
    }
    sent = send(frame, sink)
  })
}

/**
 * The result of a response.
 *
 * @throws Fault `upstream_protocol` when it is an error
 */
export function expectResult(method: string, message: UpstreamMessage): JsonObject {
  const outcome = readResult(message)
  if ('result' in outcome) return outcome.result
  const { code } = outcome.error
  throw new Fault('upstream_protocol', `the upstream answers ${method} with error ${code}`)
}
