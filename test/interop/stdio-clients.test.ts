// The official clients over a pipe: `banyan serve --stdio` is the program they start.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { growth } from './growth.ts'
import { hold } from './held-call.ts'
import { CLIENTS, type SdkClient, type Target } from './sdk-clients.ts'

const BANYAN = fileURLToPath(new URL('../../node/main/cli.ts', import.meta.url))
const PROGRAMS = { old: 'sdk-v1-server.ts', new: 'sdk-v2-server.ts' }

let folder = ''
let target: Target

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serve-'))
  const file = join(folder, 'banyan.yaml')
  const upstreams = Object.entries(PROGRAMS).map(([label, program]) => {
    const args = [fileURLToPath(new URL(program, import.meta.url))]
    return [label, { stdio: { command: process.execPath, args } }] as const
  })
  const config = {
    node: { name: 'desk', organisation: 'acme', state: 'memory' },
    upstreams: Object.fromEntries(upstreams),
    namespaces: { old: { from: ['old'] }, new: { from: ['new'] } },
    endpoints: { main: { namespaces: ['*'] } },
  }
  await writeFile(file, stringify(config))
  target = { command: process.execPath, args: [BANYAN, 'serve', '--stdio', 'main', file] }
})

afterAll(() => rm(folder, { recursive: true, force: true }))

describe.each(CLIENTS)('$client', ({ client: name, connect }) => {
  let client: SdkClient

  beforeAll(async () => {
    client = await connect(target)
  }, 20_000)

  afterAll(() => client.close())

  test.each(Object.keys(PROGRAMS))('calls, errors and progress of the %s server', async (label) => {
    expect(await client.tools()).toContain(`${label}__echo`)
    expect(await client.call(`${label}__echo`, { message: 'hi' })).toMatchObject({
      content: [{ text: 'hi' }],
    })
    await expect(client.call(`${label}__refuse`, { code: -7 })).rejects.toMatchObject({
      code: -7,
      data: { why: 'on purpose' },
    })
    const before = client.delivered.length
    const steps: number[] = []
    const onprogress = ({ progress }: { progress: number }): void => void steps.push(progress)
    await client.call(`${label}__steps`, { count: 5 }, { onprogress })
    expect(client.delivered.slice(before)).toEqual([1, 2, 3, 4, 5])
    expect(steps).toEqual([1, 2, 3, 4, 5].slice(0, steps.length))
  })

  test.each(Object.keys(PROGRAMS))('an abort reaches the %s server', async (label) => {
    const held = await hold(client, `${label}__hold`, name)
    expect(await held.abort()).toBeInstanceOf(Error)
    expect(await client.call(`${label}__aborted`, { key: name })).toMatchObject({
      content: [{ text: name }],
    })
  })

  test.each(Object.keys(PROGRAMS))('hears of a new tool of the %s server', async (label) => {
    const { after } = await growth(client, `${label}__grow`)
    expect(after).toContain(`${label}__grown-1`)
  })

  test('many calls at once', async () => {
    const messages = Array.from({ length: 40 }, (_, index) => `message ${index}`)
    const results = await Promise.all(
      messages.map((message, index) =>
        client.call(index % 2 === 0 ? 'old__echo' : 'new__echo', { message }),
      ),
    )
    expect(results.map(({ content }) => content)).toEqual(
      messages.map((message) => [{ type: 'text', text: message }]),
    )
  })
})
