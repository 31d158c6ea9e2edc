// The MCP Inspector's command line against a node, in both eras.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningFixture } from '../fixtures/http-host.ts'
import { Mesh } from '../mesh/mesh.ts'
import { startSessionsV1 } from './sdk-v1-server.ts'

const INSPECTOR = createRequire(import.meta.url).resolve(
  '@modelcontextprotocol/inspector/clients/launcher/build/index.js',
)
const run = promisify(execFile)
const mesh = new Mesh()
let fixture: RunningFixture
let home = ''
let url = ''

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'inspector-'))
  fixture = await startSessionsV1()
  const node = await mesh.front('gate', fixture.url)
  url = node.endpointUrl('main')
})

afterAll(async () => {
  await mesh.close()
  await fixture.close()
  await rm(home, { recursive: true, force: true })
})

describe.each(['legacy', 'modern', 'auto'])('era %s', (era) => {
  async function inspect(...args: string[]): Promise<unknown> {
    const place = ['--cli', url, '--transport', 'http', '--protocol-era', era]
    // It keeps a catalogue in the home folder.
    const env = { HOME: home, PATH: '' }
    const { stdout } = await run(process.execPath, [INSPECTOR, ...place, ...args], { env })
    return JSON.parse(stdout)
  }

  test('tools/list', async () => {
    expect(await inspect('--method', 'tools/list')).toMatchObject({
      tools: expect.arrayContaining([
        { name: 'fx__echo', description: 'The tool echo', inputSchema: { type: 'object' } },
      ]) as object[],
    })
  })

  test('tools/call', async () => {
    const call = ['--method', 'tools/call', '--tool-name', 'fx__echo', '--tool-arg', 'message=hi']
    expect(await inspect(...call)).toMatchObject({ content: [{ type: 'text', text: 'hi' }] })
  })

  test('an error of the tool', async () => {
    const call = ['--method', 'tools/call', '--tool-name', 'fx__refuse', '--tool-arg', 'code=-7']
    await expect(inspect(...call)).rejects.toMatchObject({
      stderr: expect.stringContaining('not today') as string,
    })
  })
})
