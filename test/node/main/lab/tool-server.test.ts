// The servers and clients of a lab, with each other: each kind of server does what it is called.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LabClient } from '../../../../node/main/lab/lab-client.ts'
import { ToolServer } from '../../../../node/main/lab/tool-server.ts'
import { SERVER_KINDS, type ServerKind } from '../../../../topology/lab/workload.ts'
import { until } from '../../../fixtures/wait.ts'

let server: ToolServer
const clients = new Map<ServerKind, LabClient>()

beforeAll(async () => {
  const places = SERVER_KINDS.map((kind) => ({ node: 'n', namespace: kind, kind, count: 2 }))
  server = await ToolServer.listen(places)
  for (const kind of SERVER_KINDS) {
    clients.set(kind, new LabClient(() => server.url('n', kind)))
  }
})

afterAll(async () => {
  await Promise.all([...clients.values()].map((client) => client.close()))
  await server.close()
})

function clientOf(kind: ServerKind): LabClient {
  const client = clients.get(kind)
  if (client === undefined) throw new Error(kind)
  return client
}

test.each(SERVER_KINDS)('%s answers, each in its way', async (kind) => {
  const client = clientOf(kind)
  const tools = await client.tools()
  expect(tools).toHaveLength(2)
  const [, tool] = tools
  if (tool === undefined) throw new Error('no tool')
  const { text } = await client.call(tool, 'hello')
  expect(text?.slice(0, 40)).toContain(`${kind} at n: hello`)
  expect((text?.length ?? 0) > 200_000).toBe(kind === 'big')
  expect(text?.includes('"count":7')).toBe(kind === 'eliciting')
})

test('a list that changes is heard of', async () => {
  const client = clientOf('echo')
  const [before] = await client.tools()
  expect(before?.text.toString()).toContain('revision 0')
  server.change('n')
  await until(async () => {
    const [tool] = await client.tools()
    return tool?.text.toString().includes('revision 1') || undefined
  }, 'the new list')
})

test('a tool that is not there is an error, and so is nobody there', async () => {
  const client = clientOf('echo')
  const [tool] = await client.tools()
  if (tool === undefined) throw new Error('no tool')
  const { problem } = await client.call({ ...tool, name: 'other' }, 'x')
  expect(problem).toBe('error -32602')
  const nobody = new LabClient(() => undefined)
  await expect(nobody.tools()).rejects.toThrow('nobody to call')
})
