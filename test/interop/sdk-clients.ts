// Clients nobody here wrote, behind one face: SDK v1, and SDK v2 in each way it can be told to find the era.
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as HttpV2,
  type ClientOptions,
} from '@modelcontextprotocol/client'
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CallToolResultSchema,
  EmptyResultSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod'

/** Where a client connects to: an endpoint's URL, or a program. */
export type Target = string | { readonly command: string; readonly args: string[] }

/** How a call is made. */
export interface CallOptions {
  readonly signal?: AbortSignal
  readonly onprogress?: (step: { readonly progress: number; readonly total?: number }) => void
  /** More of `_meta`. */
  readonly meta?: Readonly<Record<string, unknown>>
}

/** What both SDKs can do. */
export interface SdkClient {
  /** How often the server said that its tools changed. */
  readonly changes: number
  /** The progress that came over the wire; the SDKs drop what arrives in one piece with the result. */
  readonly delivered: readonly number[]
  tools(): Promise<string[]>
  call(
    name: string,
    args?: Readonly<Record<string, unknown>>,
    options?: CallOptions,
  ): Promise<Readonly<Record<string, unknown>>>
  /** Asks for what no server has. */
  unknown(): Promise<unknown>
  close(): Promise<void>
}

/** Opens a client. @throws what the SDK throws when it cannot connect */
export type Connect = (target: Target) => Promise<SdkClient>

const CLIENT_INFO = { name: 'guest', version: '1.0.0' }

/** The part of a transport that all of them have. */
interface Tappable {
  onmessage?: ((message: never) => void) | undefined
}

/** Collects the progress a transport hands to its client. */
function tap(transport: Tappable): readonly number[] {
  const delivered: number[] = []
  const { onmessage } = transport
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the one hook a transport has
  transport.onmessage = (message: { readonly method?: string; readonly params?: object }) => {
    const { progress } = (message.params ?? {}) as { readonly progress?: number }
    if (message.method === 'notifications/progress') delivered.push(Number(progress))
    onmessage?.call(transport, message as never)
  }
  return delivered
}

async function connectV1(target: Target): Promise<SdkClient> {
  const client = new ClientV1(CLIENT_INFO)
  let changes = 0
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (changes += 1))
  const transport =
    typeof target === 'string'
      ? new HttpV1(new URL(target))
      : new StdioV1({ ...target, stderr: 'ignore' })
  await client.connect(transport)
  const delivered = tap(transport)
  return {
    get changes() {
      return changes
    },
    delivered,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: (name, args = {}, { meta, ...options } = {}) =>
      client.callTool(
        { name, arguments: args, ...(meta && { _meta: meta }) },
        CallToolResultSchema,
        options as object,
      ),
    unknown: () => client.request({ method: 'vendor/unknown' }, EmptyResultSchema),
    close: () => client.close(),
  }
}

function connectV2(mode: NonNullable<ClientOptions['versionNegotiation']>['mode']): Connect {
  return async (target) => {
    let changes = 0
    const client = new ClientV2(CLIENT_INFO, {
      versionNegotiation: mode === undefined ? {} : { mode },
      listChanged: {
        tools: { autoRefresh: false, debounceMs: 0, onChanged: () => void (changes += 1) },
      },
    })
    const transport =
      typeof target === 'string'
        ? new HttpV2(new URL(target))
        : new StdioV2({ ...target, stderr: 'ignore' })
    await client.connect(transport)
    const delivered = tap(transport)
    return {
      get changes() {
        return changes
      },
      delivered,
      // Its cache would answer in the server's place.
      tools: async () =>
        (await client.listTools(undefined, { cacheMode: 'bypass' })).tools.map(({ name }) => name),
      call: (name, args = {}, { meta, ...options } = {}) =>
        client.callTool({ name, arguments: args, ...(meta && { _meta: meta }) }, options as object),
      unknown: () => client.request({ method: 'vendor/unknown' }, z.looseObject({})),
      close: () => client.close(),
    }
  }
}

/** One way to connect. */
export interface ClientKind {
  readonly client: string
  /** The era it ends up with at a node. */
  readonly era: '2025' | '2026'
  readonly connect: Connect
}

/** Every way to connect. */
export const CLIENTS: readonly ClientKind[] = [
  { client: 'SDK v1', era: '2025', connect: connectV1 },
  { client: 'SDK v2, 2025', era: '2025', connect: connectV2('legacy') },
  { client: 'SDK v2, 2026', era: '2026', connect: connectV2({ pin: '2026-07-28' }) },
  { client: 'SDK v2, auto', era: '2026', connect: connectV2('auto') },
]
