// The reference servers of the MCP project as children of a node, called by the official clients.
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Mesh } from '../mesh/mesh.ts'
import { CLIENTS, type SdkClient } from './sdk-clients.ts'

const { resolve } = createRequire(import.meta.url)

/** A reference server as an upstream; its package exports nothing but its program. */
function child(server: string, args: readonly string[], env: object = {}): object {
  const program = resolve(`@modelcontextprotocol/${server}/dist/index.js`)
  return { stdio: { command: process.execPath, args: [program, ...args], env } }
}

const mesh = new Mesh()
let folder = ''
let url = ''

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'reference-')))
  await mkdir(join(folder, 'data'))
  await writeFile(join(folder, 'data', 'note.txt'), 'a note\n')
  const node = await mesh.ready('gate', {
    upstreams: {
      everything: child('server-everything', ['stdio']),
      files: child('server-filesystem', [join(folder, 'data')]),
      memory: child('server-memory', [], { MEMORY_FILE_PATH: join(folder, 'memory.jsonl') }),
    },
    namespaces: {
      everything: { from: ['everything'] },
      files: { from: ['files'] },
      memory: { from: ['memory'] },
    },
  })
  url = node.endpointUrl('main')
}, 20_000)

afterAll(async () => {
  await mesh.close()
  await rm(folder, { recursive: true, force: true })
})

describe.each(CLIENTS)('$client', ({ client: name, connect }) => {
  let client: SdkClient

  beforeAll(async () => {
    client = await connect(url)
  })

  afterAll(() => client.close())

  test('one list of all three', async () => {
    const tools = await client.tools()
    expect(tools).toEqual(
      expect.arrayContaining([
        'everything__echo',
        'everything__get-sum',
        'files__read_text_file',
        'memory__create_entities',
      ]),
    )
    expect(new Set(tools).size).toBe(tools.length)
  })

  test('everything: text, structured content, progress', async () => {
    expect(await client.call('everything__echo', { message: 'hello' })).toMatchObject({
      content: [{ type: 'text', text: 'Echo: hello' }],
    })
    const weather = await client.call('everything__get-structured-content', {
      location: 'Chicago',
    })
    expect(weather['structuredContent']).toMatchObject({ conditions: expect.any(String) as string })
    const args = { duration: 0.2, steps: 4 }
    const tool = 'everything__trigger-long-running-operation'
    await client.call(tool, args, { onprogress: () => undefined })
    expect(client.delivered).toEqual([1, 2, 3, 4])
  })

  test('filesystem: reads, and refuses what lies outside', async () => {
    expect(
      await client.call('files__read_text_file', { path: join(folder, 'data', 'note.txt') }),
    ).toMatchObject({ content: [{ text: 'a note\n' }] })
    expect(await client.call('files__read_text_file', { path: '/etc/hostname' })).toMatchObject({
      isError: true,
    })
  })

  test('memory: remembers', async () => {
    const entity = { name, entityType: 'client', observations: ['was here'] }
    await client.call('memory__create_entities', { entities: [entity] })
    const found = await client.call('memory__open_nodes', { names: [name] })
    expect(found['structuredContent']).toMatchObject({ entities: [entity] })
  })
})
