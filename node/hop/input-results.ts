/** Results that ask a caller of era 2026 for something (MCP 2026-07-28, patterns/mrtr). */

import { Fault } from '../../protocol/errors.ts'
import { isObject, type RpcId } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import type { Returned } from '../core/stages.ts'

/** Methods whose results may ask for input. */
export const MAY_ASK: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read'])

/** What an answer of this node's own is written with. */
export interface AnswerFrame {
  readonly id: RpcId
  /** JSON text of our own serverInfo. */
  readonly serverInfo: string
}

/** @param requests JSON text of `inputRequests` */
export function inputRequired(
  { id, serverInfo }: AnswerFrame,
  requests: string,
  state: string,
): Returned {
  const meta = `"_meta":{"${META.serverInfo}":${serverInfo}}`
  const result = `"resultType":"input_required","inputRequests":${requests},"requestState":"${state}",${meta}`
  const text = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{${result}}}`
  return { text: [Buffer.from(text)], errorCode: undefined }
}

/** The JSON text of `inputRequests` for the elicitations in the data of a -32042 (MCP 2025-11-25, client/elicitation). */
export function urlRequests(data: unknown): string {
  const listed = isObject(data) && Array.isArray(data['elicitations']) ? data['elicitations'] : []
  const requests = listed.filter(isObject).flatMap(({ message, url }, index) => {
    if (typeof url !== 'string') return []
    const words = typeof message === 'string' ? message : ''
    const params = { mode: 'url', message: words, url }
    return [[`input-${index + 1}`, { method: 'elicitation/create', params }] as const]
  })
  if (requests.length === 0) throw protocolFault('a demand for URL elicitation without a URL')
  return JSON.stringify(Object.fromEntries(requests))
}

/** An upstream does what no server may. */
export function protocolFault(what: string): Fault {
  return new Fault('upstream_protocol', `the upstream sent ${what}`)
}
