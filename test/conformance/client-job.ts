// The suite's client mode, with nodes as the client: they stand in front of the scenario's server, and are asked for what
// the scenario wants done.
import { until } from '../fixtures/wait.ts'
import type { Era, JsonObject } from '../fixtures/wire.ts'
import { connectCaller, type Caller } from './caller.ts'
import { startChain, type Chain } from './chain.ts'
import type { Job } from './job-host.ts'

const ARGUMENTS: Readonly<Record<string, JsonObject>> = {
  add_numbers: { a: 5, b: 3 },
  valid_tool: { region: 'us-west1' },
}

interface Tool {
  readonly name: string
  readonly inputSchema: JsonObject
}

/** All the caller does is list, call and answer: the rest is the nodes' own doing. */
async function drive(caller: Caller, job: Job): Promise<void> {
  const { tools } = await caller.request('tools/list')
  for (const { name, args } of callsFor(tools as readonly Tool[], job)) {
    const { content } = await caller.request('tools/call', { name, arguments: args })
    if (!Array.isArray(content)) throw new Error(`no content from ${name}`)
  }
}

function callsFor(
  tools: readonly Tool[],
  { scenario, context }: Job,
): { readonly name: string; readonly args: JsonObject }[] {
  if (scenario === 'http-custom-headers') return callsOfContext(context)
  if (scenario === 'json-schema-ref-no-deref') return []
  if (scenario === 'json-schema-2020-12-preservation') return [echoOf(tools)]
  // Whatever is listed is called: a tool that must not be republished would be found out.
  return tools.map(({ name }) => ({ name, args: ARGUMENTS[name] ?? {} }))
}

function callsOfContext(context: string | undefined): { name: string; args: JsonObject }[] {
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

/** Does a job with so many nodes for a caller of that era. */
export function clientJob(depth: number, era: Era): (job: Job) => Promise<string> {
  return async (job) => {
    const chain = await startChain(depth, job.url)
    try {
      await settled(chain)
      const caller = await connectCaller(era, chain.url)
      await drive(caller, job)
      await caller.close()
      return ''
    } finally {
      await chain.close()
    }
  }
}
