// One face for every client of the matrix: it requests, answers what it is asked, and hears what it is told.
import type { Answerer, Asked, Interest } from '../fixtures/guest.ts'
import { objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'

/** How one request is made. */
export interface RequestOptions {
  readonly signal?: AbortSignal
  readonly progress?: boolean
}

/** Where a client connects to: a URL, or a program. */
export type Target = string | { readonly command: string; readonly args: string[] }

/** Somebody who uses an endpoint, or a server directly. */
export interface MatrixClient {
  readonly era: Era
  /** Every question so far. */
  readonly asked: Asked[]
  /** Every notification so far. */
  readonly heard: JsonObject[]
  /** Answers the questions to come. */
  answer: Answerer
  /** Resolves with the result. @throws an error with `code` and `data` as they came over the wire */
  request(method: string, params?: JsonObject, options?: RequestOptions): Promise<JsonObject>
  /** What the server declared of itself. */
  readonly declared: JsonObject
  /**
   * The same by somebody who can be given tasks, in the way of the era: one of 2025 asks for a task with each `tools/call`,
   * one of 2026 declares the extension.
   */
  requestTask(method: string, params: JsonObject): Promise<JsonObject>
  /** Begins to listen to tasks (era 2026). What is told is `heard`, until the client is closed. */
  watchTasks?(taskIds: readonly string[]): void
  /** Reads all files of all skills by code of the SDK, which checks them; resolves with how many there are. */
  verifySkills?(): Promise<number>
  /** Asks for log messages of that level and above, from here on. */
  wantLogs(level: string): Promise<void>
  /** Resolves when changes will be heard, with the way to end that. */
  watch(interest: Interest): Promise<() => Promise<void>>
  close(): Promise<void>
}

/** What clients of the matrix call themselves. */
export const CLIENT_INFO = { name: 'matrix', version: '1.0.0' } as const

/** Says yes to everything: forms are filled in with a word for each required field. */
export const willing: Answerer = ({ method, params }) => {
  if (method === 'roots/list') return { roots: [{ uri: 'file:///srv', name: 'srv' }] }
  if (method === 'sampling/createMessage') {
    return { role: 'assistant', model: 'm', content: { type: 'text', text: 'word' } }
  }
  if (params['mode'] === 'url') return { action: 'accept' }
  const { required } = objectAt(params, 'requestedSchema')
  const fields = Array.isArray(required) ? required.map(String) : []
  return { action: 'accept', content: Object.fromEntries(fields.map((field) => [field, 'given'])) }
}

/** The questions a client can be asked, by the capability that allows them. */
export const ASKABLE = [
  ['elicitation', 'elicitation/create'],
  ['sampling', 'sampling/createMessage'],
  ['roots', 'roots/list'],
] as const
