// Clients nobody here wrote find tools and call them; their validators hold the answers against the schemas.
import { afterEach, describe, expect, test } from 'vitest'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { objectAt, type JsonObject } from '../fixtures/wire.ts'
import { Mesh } from '../mesh/mesh.ts'
import { CLIENTS } from './sdk-clients.ts'

const mesh = new Mesh()
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
  await mesh.close()
})

describe.each(CLIENTS)('$client', ({ connect }) => {
  test('lists three tools, finds one, looks at it and calls it', async () => {
    const fixture = await FixtureServer.start()
    cleanups.push(() => fixture.close())
    const node = await mesh.ready('front', {
      upstreams: { fixture: { http: { url: fixture.url } } },
      namespaces: { fx: { from: ['fixture'] } },
      endpoints: { main: { namespaces: ['*'], tools: 'search' } },
    })
    const client = await connect(node.endpointUrl('main'))
    cleanups.unshift(() => client.close())
    expect(await client.tools()).toEqual(['call_tool', 'describe_tools', 'search_tools'])

    const found = await client.call('search_tools', { query: 'add numbers', limit: 1 })
    const [tool] = objectAt(found, 'structuredContent')['tools'] as JsonObject[]
    const name = String(tool?.['name'])
    expect(name).toBe('fx__add')

    const described = await client.call('describe_tools', { names: [name] })
    const [definition] = objectAt(described, 'structuredContent')['tools'] as JsonObject[]
    expect(definition).toMatchObject({ name, inputSchema: { required: ['a', 'b'] } })

    const called = await client.call('call_tool', { name, arguments: { a: 40, b: 2 } })
    expect(called).toMatchObject({ structuredContent: { sum: 42 } })

    await client.call(
      'call_tool',
      { name: 'fx__progress', arguments: { steps: 3 } },
      { onprogress: () => undefined },
    )
    expect(client.delivered).toEqual([1, 2, 3])

    // Its argument is mirrored in a header, of which a client that calls by way of another tool knows nothing.
    const mirrored = { name: 'fx__region', arguments: { region: 'eu' } }
    expect(await client.call('call_tool', mirrored)).toMatchObject({
      content: [{ text: 'region=eu' }],
    })
    expect(fixture.violations).toEqual([])

    await expect(client.call('call_tool', { name: 'fx__none' })).rejects.toMatchObject({
      code: -32_602,
    })
    expect(await client.call('search_tools', {})).toMatchObject({ isError: true })
    expect(client.changes).toBe(0)
  })
})
