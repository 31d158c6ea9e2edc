// A caller of either era that answers whatever it is asked, on the SDK of that era.
import { Client as ClientV2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema, ResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import type { Era, JsonObject } from '../fixtures/wire.ts'

/** A connected client. */
export interface Caller {
  /** Sends a request and resolves with its result, after any questions to the caller. */
  request(method: string, params?: JsonObject): Promise<JsonObject>
  close(): Promise<void>
}

const INFO = { name: 'conformance-caller', version: '1.0.0' }
/** What the caller fills in is what the form gives as defaults. */
const FORM = { form: { applyDefaults: true } }
const CAPABILITIES = { elicitation: FORM }
const ACCEPTED = { action: 'accept' as const, content: {} }

/** Connects; nothing a result says is checked, or a fault of a node would show as one of the caller. */
export async function connectCaller(era: Era, url: string): Promise<Caller> {
  return era === '2025' ? connectV1(url) : connectV2(url)
}

async function connectV1(url: string): Promise<Caller> {
  const client = new ClientV1(INFO, { capabilities: CAPABILITIES })
  client.setRequestHandler(ElicitRequestSchema, () => ACCEPTED)
  const transport = new TransportV1(new URL(url))
  await client.connect(transport)
  return {
    request: (method, params = {}) => client.request({ method, params }, ResultSchema),
    async close() {
      await transport.terminateSession()
      await client.close()
    },
  }
}

async function connectV2(url: string): Promise<Caller> {
  const client = new ClientV2(INFO, {
    capabilities: CAPABILITIES,
    versionNegotiation: { mode: { pin: '2026-07-28' } },
  })
  client.setRequestHandler('elicitation/create', () => ACCEPTED)
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  const anyResult = z.looseObject({})
  return {
    request: (method, params = {}) => client.request({ method, params }, anyResult),
    close: () => client.close(),
  }
}
