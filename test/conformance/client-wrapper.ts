// The suite's client mode, with nodes as the client: they stand in front of the scenario's server, and this program
// asks them for what the scenario wants done. node client-wrapper.ts DEPTH CALLER_ERA URL
import { until } from '../fixtures/wait.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { connectCaller, type Caller } from './caller.ts'
import { startChain, type Chain } from './chain.ts'

// oxlint-disable-next-line node/no-process-env -- how the suite says what it wants
const { MCP_CONFORMANCE_SCENARIO: scenario, MCP_CONFORMANCE_CONTEXT: context } = process.env

const ARGUMENTS: Readonly<Record<string, JsonObject>> = {
  add_numbers: { a: 5, b: 3 },
  valid_tool: { region: 'us-west1' },
}

interface Tool {
  readonly name: string
  readonly inputSchema: JsonObject
}

/** All the caller does is list, call and answer: the rest is the nodes' own doing. */
async function drive(caller: Caller): Promise<void> {
  const { tools } = await caller.request('tools/list')
  for (const { name, args } of callsFor(tools as readonly Tool[])) {
    const { content } = await caller.request('tools/call', { name, arguments: args })
    if (!Array.isArray(content)) throw new Error(`no content from ${name}`)
  }
}

function callsFor(tools: readonly Tool[]): { readonly name: string; readonly args: JsonObject }[] {
  if (scenario === 'http-custom-headers') return callsOfContext()
  if (scenario === 'json-schema-ref-no-deref') return []
  if (scenario === 'json-schema-2020-12-preservation') return [echoOf(tools)]
  // Whatever is listed is called: a tool that must not be republished would be found out.
  return tools.map(({ name }) => ({ name, args: ARGUMENTS[name] ?? {} }))
}

function callsOfContext(): { name: string; args: JsonObject }[] {
  const { toolCalls = [] } = JSON.parse(context ?? '{}') as {
    readonly toolCalls?: readonly { readonly name: string; readonly arguments: JsonObject }[]
  }
  return toolCalls.map(({ name, arguments: args }) => ({ name, args }))
}

/** The schema as it came through the nodes, sent back for comparison. */
function echoOf(tools: readonly Tool[]): { name: string; args: JsonObject } {
  const schema = tools.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema
  if (schema === undefined) throw new Error('the tool with the schema is not listed')
  return { name: 'json_schema_echo', args: { schema } }
}

/** A scenario may refuse the first attempt to connect; every node comes back by itself. */
async function settled({ nodes }: Chain): Promise<void> {
  await until(
    () => nodes.every((node) => node.status().upstreams.every(({ phase }) => phase === 'up')),
    'every link to be up',
  )
}

const [depth, era, url] = process.argv.slice(2)
if (url === undefined || (era !== '2025' && era !== '2026') || scenario === undefined) {
  throw new Error('usage: MCP_CONFORMANCE_SCENARIO=... node client-wrapper.ts DEPTH ERA URL')
}
const chain = await startChain(Number(depth), url)
try {
  await settled(chain)
  const caller = await connectCaller(era, chain.url)
  await drive(caller)
  await caller.close()
} finally {
  await chain.close()
}
