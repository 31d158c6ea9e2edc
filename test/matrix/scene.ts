// What a proof of the matrix works with.
import { expect } from 'vitest'
import type { Asked } from '../fixtures/guest.ts'
import { objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import type { MatrixClient, Target } from './client.ts'
import type { Extra, ServerKind } from './servers.ts'

/** One client in front of one server, with any number of nodes between. */
export interface Scene {
  readonly client: MatrixClient
  /** In front of every name of the server's: `fx__` behind a node, nothing at the server itself. */
  readonly prefix: string
  /** Where the client is connected to. */
  readonly target: Target
  /** Resolves when the condition holds. @throws Error naming `what` when the time for it is over */
  soon(condition: () => boolean | Promise<boolean>, what: string): Promise<void>
}

/** Shows that a feature works, or throws. */
export type Proof = (scene: Scene) => Promise<void>

/** One row of the matrix. */
export interface Feature {
  readonly id: string
  readonly title: string
  readonly proof: Proof
  /** The only era whose clients have it. Default: both. */
  readonly only?: Era
  /** What a server must have besides tools, prompts and resources. Default: nothing. */
  readonly of?: Extra
  /** Whether there is no such thing between such a server and clients of that era. Default: there is. */
  readonly isMissing?: (kind: ServerKind, client: Era) => boolean
  /** By a client that cannot be asked anything, while others can. */
  readonly isUnasked?: boolean
  /** Needs a stream that can be broken at will, so a raw client over HTTP. */
  readonly isRaw?: boolean
}

/** `tools/call`. */
export function call(
  { client, prefix }: Scene,
  name: string,
  args: JsonObject = {},
  options: Parameters<MatrixClient['request']>[2] = {},
): Promise<JsonObject> {
  return client.request('tools/call', { name: `${prefix}${name}`, arguments: args }, options)
}

/** The text of the first block of a tool result. */
export function textOf(result: JsonObject): string {
  const [block] = result['content'] as JsonObject[]
  return String(block?.['text'])
}

/** All items of a list, over all its pages. */
export async function all(
  client: MatrixClient,
  method: string,
  items: string,
  params: JsonObject = {},
): Promise<JsonObject[]> {
  const found: JsonObject[] = []
  let cursor: unknown
  do {
    const more = cursor === undefined ? {} : { cursor }
    const part = await client.request(method, { ...params, ...more })
    found.push(...(part[items] as JsonObject[]))
    cursor = part['nextCursor']
  } while (cursor !== undefined)
  return found
}

/** The URI under which a resource of that name is listed here. */
export async function uriOf({ client }: Scene, name: string): Promise<string> {
  const listed = await all(client, 'resources/list', 'resources')
  const found = listed.find((resource) => resource['name'] === name)
  if (found === undefined) throw new Error(`no resource ${name} is listed`)
  return String(found['uri'])
}

/** The one content of a resource. */
export async function read({ client }: Scene, uri: unknown): Promise<JsonObject> {
  const { contents } = await client.request('resources/read', { uri })
  expect(contents).toHaveLength(1)
  const [content] = contents as JsonObject[]
  expect(content?.['uri']).toBe(uri)
  return content ?? {}
}

/** How the runs of a tool, prompt or resource ended, in order. */
export async function outcomes(scene: Scene, name: string): Promise<string[]> {
  return JSON.parse(textOf(await call(scene, 'outcomes', { name }))) as string[]
}

/** Runs `work` and gives the questions that were asked for it. */
export async function questions({ client }: Scene, work: () => Promise<unknown>): Promise<Asked[]> {
  const before = client.asked.length
  await work()
  return client.asked.slice(before)
}

/** Waits for a notification that comes after `from`. */
export function told(
  scene: Scene,
  from: number,
  method: string,
  about: JsonObject = {},
): Promise<void> {
  return scene.soon(
    () =>
      scene.client.heard.slice(from).some((message) => {
        const params = objectAt(message, 'params')
        const isAbout = Object.entries(about).every(([key, value]) => params[key] === value)
        return message['method'] === method && isAbout
      }),
    method,
  )
}
