// An MCP client that is not Banyan's own, for the checks.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { Transport } from '@modelcontextprotocol/client'

/** What checks ask of an endpoint. */
export interface Caller {
  /** Names of the tools it lists, sorted. */
  tools(): Promise<readonly string[]>
  /**
   * The text a tool answers with.
   *
   * @throws Error what the endpoint says, or that there is no text
   */
  call(tool: string, text: string): Promise<string>
  close(): Promise<void>
}

/** @param key what the client comes with; default: nothing */
export function connect(url: string, key?: string): Promise<Caller> {
  const requestInit = key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } }
  return callerOver(new StreamableHTTPClientTransport(new URL(url), { requestInit }))
}

/** A client over any transport of the SDK. */
export async function callerOver(transport: Transport): Promise<Caller> {
  const client = new Client(
    { name: 'banyan-example', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  )
  await client.connect(transport)
  return {
    async tools() {
      const { tools } = await client.listTools()
      return tools.map(({ name }) => name).toSorted()
    },
    async call(tool, text) {
      const result = await client.callTool({ name: tool, arguments: { text } })
      const [content] = result.content
      if (content?.type !== 'text') throw new Error(`${tool} answered without text`)
      return content.text
    },
    close: () => client.close(),
  }
}
