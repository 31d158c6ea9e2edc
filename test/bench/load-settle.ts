// What happens before anything is measured: sessions are opened and one answer is checked in full.
import { Buffer } from 'node:buffer'
import type { Pool } from 'undici'
import {
  callTemplate,
  ECHO,
  headersOf,
  INITIALIZED,
  initializeBody,
  listTemplate,
  messageOf,
  stamp,
  type Era,
  type Operation,
  type Template,
} from './wire.ts'

/** An endpoint and the connections to it. */
export interface Target {
  readonly pool: Pool
  readonly path: string
  readonly era: Era
}

/** What the first, fully checked answer taught. */
export interface Learned {
  /** Cursors of the pages after the first. */
  readonly cursors: readonly string[]
  /** Bytes of the smallest page; 0 for a call. */
  readonly smallestPage: number
}

/** One request that is checked in full. */
export interface Settling {
  readonly operation: Operation
  readonly session: string | undefined
  readonly serial: number
}

/** More pages than any list here has; a cursor that does not advance ends at it. */
const MOST_PAGES = 10_000

/** Opens a session of era 2025; undefined when the server keeps none. */
export async function openSession({ pool, path }: Target): Promise<string | undefined> {
  const headers = headersOf('2025', { method: 'initialize' })
  const opened = await pool.request({ path, method: 'POST', headers, body: initializeBody() })
  const text = await opened.body.text()
  const id = opened.headers['mcp-session-id']
  if (opened.statusCode !== 200) throw new Error(`initialize: ${opened.statusCode} ${text}`)
  const session = typeof id === 'string' ? id : undefined
  const told = await pool.request({
    path,
    method: 'POST',
    headers: headersOf('2025', {
      method: 'notifications/initialized',
      ...(session === undefined ? {} : { session }),
    }),
    body: INITIALIZED,
  })
  await told.body.dump()
  if (told.statusCode !== 202) throw new Error(`notifications/initialized: ${told.statusCode}`)
  return session
}

/** Sends the operation once and compares the whole answer. Rejects when it is not what was asked for. */
export function settle(target: Target, settling: Settling): Promise<Learned> {
  return settling.operation.kind === 'call'
    ? settleCall(target, settling, settling.operation.payload)
    : settleList(target, settling, settling.operation.tools)
}

async function ask(
  { pool, path, era }: Target,
  template: Template,
  what: { readonly method: string; readonly name?: string } & Settling,
): Promise<{ readonly result: Record<string, unknown>; readonly bytes: number; sent: string }> {
  const { session, serial, operation: _, ...method } = what
  const stamped = Buffer.from(template.bytes)
  stamp(stamped, template, serial)
  const headers = headersOf(era, { ...method, ...(session === undefined ? {} : { session }) })
  const response = await pool.request({ path, method: 'POST', headers, body: stamped })
  const text = await response.body.text()
  const message = messageOf(text)
  if (response.statusCode !== 200 || message['id'] !== serial || !isRecord(message['result'])) {
    throw new Error(`${what.method}: ${response.statusCode} ${text.slice(0, 500)}`)
  }
  return { result: message['result'], bytes: text.length, sent: stamped.toString() }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

async function settleCall(target: Target, settling: Settling, payload: number): Promise<Learned> {
  const template = callTemplate(target.era, payload)
  const { result, sent } = await ask(target, template, {
    method: 'tools/call',
    name: ECHO,
    ...settling,
  })
  const { params } = JSON.parse(sent) as { params: { arguments: { text: string } } }
  const [item] = Array.isArray(result['content']) ? (result['content'] as unknown[]) : []
  if (!isRecord(item) || item['text'] !== params.arguments.text) {
    throw new Error(`the echo of ${payload} bytes is not what was sent`)
  }
  return { cursors: [], smallestPage: 0 }
}

async function settleList(target: Target, settling: Settling, tools: number): Promise<Learned> {
  const names = new Set<unknown>()
  const cursors: string[] = []
  let smallestPage = Number.POSITIVE_INFINITY
  for (let page = 0; page < MOST_PAGES; page++) {
    const template = listTemplate(target.era, cursors.at(-1))
    const { result, bytes } = await ask(target, template, { method: 'tools/list', ...settling })
    smallestPage = Math.min(smallestPage, bytes)
    for (const tool of (result['tools'] ?? []) as { name: string }[]) names.add(tool.name)
    if (typeof result['nextCursor'] !== 'string') break
    cursors.push(result['nextCursor'])
  }
  if (names.size !== tools) throw new Error(`a list of ${names.size} tools instead of ${tools}`)
  return { cursors, smallestPage }
}
