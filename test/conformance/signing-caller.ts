// A caller of either era, on the SDK of that era, that opens the addresses it is asked to open and goes on.
import { Client as ClientV2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  ElicitRequestSchema,
  ResultSchema,
  UrlElicitationRequiredError,
} from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import type { Era, JsonObject } from '../fixtures/wire.ts'

/** Opens an address; false when it came to nothing. */
export type Browse = (url: string) => Promise<boolean>

export interface SigningCaller {
  list(): Promise<JsonObject>
  /** Calls a tool without arguments, as often as it asks for something and that works. */
  call(name: string): Promise<JsonObject>
  close(): Promise<void>
}

const INFO = { name: 'signing-caller', version: '1.0.0' }
const CAPABILITIES = { elicitation: { form: {}, url: {} } }

export function connectSigningCaller(
  era: Era,
  url: string,
  browse: Browse,
): Promise<SigningCaller> {
  return era === '2025' ? connectV1(url, browse) : connectV2(url, browse)
}

/** Where the caller of era 2025 makes its call again by itself (MCP 2025-11-25, client/elicitation). */
async function connectV1(url: string, browse: Browse): Promise<SigningCaller> {
  const client = new ClientV1(INFO, { capabilities: CAPABILITIES })
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'decline' as const }))
  const transport = new TransportV1(new URL(url))
  await client.connect(transport)
  const call = async (name: string): Promise<JsonObject> => {
    const params = { name, arguments: {} }
    try {
      return await client.request({ method: 'tools/call', params }, ResultSchema)
    } catch (error) {
      if (!(error instanceof UrlElicitationRequiredError)) throw error
      for (const elicitation of error.elicitations) {
        if (!(await browse(elicitation.url))) throw error
      }
      return call(name)
    }
  }
  return {
    list: () => client.request({ method: 'tools/list', params: {} }, ResultSchema),
    call,
    async close() {
      await transport.terminateSession()
      await client.close()
    },
  }
}

async function connectV2(url: string, browse: Browse): Promise<SigningCaller> {
  const client = new ClientV2(INFO, {
    capabilities: CAPABILITIES,
    versionNegotiation: { mode: { pin: '2026-07-28' } },
  })
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    const worked = 'url' in params && (await browse(params.url))
    if (!worked) throw new Error('the sign-in came to nothing')
    return { action: 'accept' as const }
  })
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  const any = z.looseObject({})
  return {
    list: () => client.request({ method: 'tools/list', params: {} }, any),
    call: (name) => client.request({ method: 'tools/call', params: { name, arguments: {} } }, any),
    close: () => client.close(),
  }
}
