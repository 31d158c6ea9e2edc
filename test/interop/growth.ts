// A server gets a new tool, and a client hears of it.
import { until } from '../fixtures/wait.ts'
import type { SdkClient } from './sdk-clients.ts'

/** The list before, and the longer one a client finds after it was told that the list had changed. */
export interface Growth {
  readonly before: readonly string[]
  readonly after: readonly string[]
}

/** Has `tool` add tools until the client hears of it. @throws Error when it never does, or finds no new tool */
export async function growth(client: SdkClient, tool: string): Promise<Growth> {
  const before = await client.tools()
  const heard = client.changes
  // The stream that carries the news may open only after the client is connected.
  await until(async () => {
    await client.call(tool)
    return client.changes > heard
  }, 'list_changed')
  // What was heard may have been the news of an earlier change.
  const after = await until(async () => {
    const tools = await client.tools()
    return tools.length > before.length && tools
  }, 'the new tool')
  return { before, after }
}
