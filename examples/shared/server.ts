// A toy MCP server over standard input and output, which needs nothing installed: `node server.ts NAME TOOL...`.
// Each tool takes a text and answers "NAME/TOOL: text". TOOL:ro says of itself that it only reads.
import { createInterface } from 'node:readline'

const REVISION = '2025-11-25'
const NO_METHOD = -32_601
const NO_TOOL = -32_602

interface Request {
  readonly id?: string | number
  readonly method?: string
  readonly params?: { readonly name?: string; readonly arguments?: { readonly text?: unknown } }
}

const [, , name = 'toy', ...specs] = process.argv

const tools = specs.map((spec) => {
  const [tool = '', kind] = spec.split(':')
  return {
    name: tool,
    description: `The tool ${tool} of the server ${name}.`,
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
    annotations: { readOnlyHint: kind === 'ro' },
  }
})

function answer({ method = '', params = {} }: Request): object {
  switch (method) {
    case 'initialize':
      return {
        result: {
          protocolVersion: REVISION,
          capabilities: { tools: {} },
          serverInfo: { name, version: '1.0.0' },
        },
      }
    case 'ping':
      return { result: {} }
    case 'tools/list':
      return { result: { tools } }
    case 'tools/call':
      return call(params)
    default:
      return { error: { code: NO_METHOD, message: `there is no method ${method}` } }
  }
}

function call({ name: tool, arguments: args = {} }: NonNullable<Request['params']>): object {
  if (!tools.some((one) => one.name === tool)) {
    return { error: { code: NO_TOOL, message: `there is no tool ${tool}` } }
  }
  const said = typeof args.text === 'string' ? args.text : ''
  return { result: { content: [{ type: 'text', text: `${name}/${tool}: ${said}` }] } }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request
  // What has no id is a notification, and what has no method an answer: neither is answered.
  if (request.id === undefined || request.method === undefined) continue
  process.stdout.write(
    `${JSON.stringify({ jsonrpc: '2.0', id: request.id, ...answer(request) })}\n`,
  )
}
