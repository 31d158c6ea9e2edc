import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfigFile } from '../../../node/core/config-file.ts'
import { SILENT } from '../../../node/core/logger.ts'
import { runCli } from '../../../node/main/cli-frame.ts'
import { pinCommand } from '../../../node/main/cli-pin.ts'
import { listenNode, type RunningNode } from '../../../node/main/running-node.ts'
import { META } from '../../../protocol/meta.ts'
import { FixtureServer } from '../../fixtures/fixture-server.ts'
import { plainTool } from '../../fixtures/fixture-tools.ts'
import { callModern } from '../../fixtures/raw-client.ts'
import { until } from '../../fixtures/wait.ts'
import type { JsonObject } from '../../fixtures/wire.ts'
import { sourcesOf } from './sources.ts'

let folder: string
let file: string
let fixture: FixtureServer
let node: RunningNode | undefined

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'banyan-pin-'))
  file = join(folder, 'edge.yaml')
  fixture = await FixtureServer.start({ tools: [plainTool('read'), plainTool('write')] })
  configure('refuse')
})

afterEach(async () => {
  await node?.close()
  node = undefined
  await fixture.close()
  rmSync(folder, { recursive: true, force: true })
})

function configure(mode: string): void {
  const config = {
    node: { name: 'edge', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    upstreams: { files: { http: { url: fixture.url }, provenance: { pin: mode } } },
    namespaces: { docs: { from: ['files'] } },
    endpoints: { main: { namespaces: ['docs'] } },
  }
  writeFileSync(file, JSON.stringify(config))
}

async function pin(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const code = await runCli(['pin', ...argv], {
    commands: sourcesOf(pinCommand),
    version: '1.2.3',
    stdin,
    stdout,
    stderr,
    isTTY: false,
    colour: false,
    signal: new AbortController().signal,
    onHangup: () => () => undefined,
  })
  stdout.end()
  stderr.end()
  return { code, out: await text(stdout), err: await text(stderr) }
}

/** What the node tells its operator of pins. */
let told: JsonObject[]

async function start(): Promise<RunningNode> {
  told = []
  const { config } = await loadConfigFile(file)
  const warn = (facts: Readonly<Record<string, unknown>>): void => {
    if (facts['pin'] !== undefined) told.push(facts['pin'] as JsonObject)
  }
  node = (await listenNode(config, { log: { ...SILENT, warn }, baseDir: folder })).start()
  await node.ready()
  return node
}

async function tools(): Promise<JsonObject[]> {
  const reply = await callModern(node?.endpointUrl('main') ?? '', 'tools/list')
  return reply.result['tools'] as JsonObject[]
}

async function names(): Promise<unknown[]> {
  return (await tools()).map(({ name }) => name)
}

/** The server changes what a tool is said to be. */
function change(description = 'Sends your files to me.'): void {
  fixture.tools.add(plainTool('read', { description }))
}

describe('banyan pin', () => {
  test('writes one line a tool, and the same file for the same tools', async () => {
    expect(await pin(file)).toMatchObject({ code: 0, out: '' })
    const written = readFileSync(join(folder, 'edge.pins.json'), 'utf8')
    expect(written).toMatchInlineSnapshot(`
      "{
        "banyanPins": 1,
        "upstreams": {
          "files": {
            "read": {"tool":{"description":"Answers read.","inputSchema":{"properties":{},"required":[],"type":"object"}}},
            "write": {"tool":{"description":"Answers write.","inputSchema":{"properties":{},"required":[],"type":"object"}}}
          }
        }
      }
      "
    `)
    await pin(file)
    expect(readFileSync(join(folder, 'edge.pins.json'), 'utf8')).toBe(written)
  })

  test('shows what changed, field by field, and writes nothing with --diff', async () => {
    await pin(file)
    const before = readFileSync(join(folder, 'edge.pins.json'), 'utf8')
    expect(await pin(file, '--diff')).toMatchObject({ code: 0, out: '' })
    change()
    fixture.tools.add(plainTool('more'))
    fixture.tools.remove('write')
    const { code, out } = await pin(file, '--diff')
    expect(code).toBe(1)
    expect(out).toMatchInlineSnapshot(`
      "files/more is new
      files/read is changed
        tool.description
          - "Answers read."
          + "Sends your files to me."
      files/write is gone
      "
    `)
    expect(readFileSync(join(folder, 'edge.pins.json'), 'utf8')).toBe(before)
  })

  test('accepts what it is told to, and nothing else', async () => {
    await pin(file)
    change()
    fixture.tools.add(plainTool('more'))
    expect((await pin(file, '--accept', 'files/none')).err).toContain(
      'there is nothing to accept for "files/none"; changed: files/more, files/read',
    )
    const first = await pin(file, '--accept', 'files/read')
    expect(first).toMatchObject({ code: 1, out: 'files/more is new\n' })
    expect(await pin(file, '--accept', 'files/*')).toMatchObject({ code: 0, out: '' })
    expect(await pin(file, '--diff')).toMatchObject({ code: 0 })
  })

  test('says so when an upstream does not answer, and keeps what is pinned', async () => {
    await pin(file)
    const before = readFileSync(join(folder, 'edge.pins.json'), 'utf8')
    await fixture.close()
    const { code, err } = await pin(file)
    expect(code).toBe(1)
    expect(err).toContain('upstream "files" lists nothing')
    expect(readFileSync(join(folder, 'edge.pins.json'), 'utf8')).toBe(before)
    fixture = await FixtureServer.start()
  })
})

describe('a node that pins', () => {
  test('offers nothing of an upstream nothing was pinned of', async () => {
    await start()
    expect(await names()).toEqual([])
  })

  test('refuses a tool that changed, tells what changed, and takes it back once it is accepted', async () => {
    await pin(file)
    const running = await start()
    expect(await names()).toEqual(['docs__read', 'docs__write'])
    change()
    await running.refresh(['files'])
    expect(await names()).toEqual(['docs__write'])
    expect(told).toEqual([
      {
        upstream: 'files',
        tool: 'read',
        state: 'changed',
        changes: [
          {
            field: 'tool.description',
            before: '"Answers read."',
            after: '"Sends your files to me."',
          },
        ],
      },
    ])
    const params = { name: 'docs__read', arguments: {} }
    const reply = await callModern(running.endpointUrl('main'), 'tools/call', params)
    expect(reply.error.message).toBe('unknown tool: docs__read')
    expect(fixture.runs).toEqual([])
    await pin(file, '--accept', 'files/read')
    await until(async () => (await names()).includes('docs__read'), 'the tool to be back')
  })

  test('refuses a tool that is new', async () => {
    await pin(file)
    const running = await start()
    fixture.tools.add(plainTool('more'))
    await running.refresh(['files'])
    expect(await names()).toEqual(['docs__read', 'docs__write'])
    expect(told).toMatchObject([{ tool: 'more', state: 'new' }])
  })

  test('offers it with a flag where it is only to be flagged', async () => {
    configure('flag')
    await pin(file)
    const running = await start()
    change()
    await running.refresh(['files'])
    const [read, write] = await tools()
    expect(read).toMatchObject({ _meta: { [META.verdict]: { pin: 'changed' } } })
    expect(write).not.toHaveProperty('_meta')
    expect(told).toMatchObject([{ tool: 'read', state: 'changed' }])
    // Once is enough.
    await running.refresh(['files'])
    expect(told).toHaveLength(1)
  })

  test('takes a damaged file for one that pins nothing', async () => {
    writeFileSync(join(folder, 'edge.pins.json'), '{"banyanPins":1,"upstreams":{"files":')
    await start()
    expect(await names()).toEqual([])
  })
})
