// What rules hide within things that are shown: files of skills, blocks of results, the pages of somebody else's list.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RuleInput } from '../../node/core/config-input.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { startConformanceV2 } from '../fixtures/conformance-v2.ts'
import type { RunningFixture } from '../fixtures/http-host.ts'
import { objectAt, type JsonObject } from '../fixtures/wire.ts'
import { ERAS, type MeshCaller } from './caller.ts'
import { Keyholders } from './keyholders.ts'
import { configOf, Mesh } from './mesh.ts'

const mesh = new Mesh()
const people = new Keyholders('analyst', 'admin')
let server: RunningFixture
let node: RunningNode

const RULES: readonly RuleInput[] = [
  { for: 'admin' },
  {
    for: 'analyst',
    tools: ['*'],
    resources: { allow: ['*'], deny: ['skill://*/references/*', 'skill://*/scripts/*'] },
  },
]

function configured(visibility: readonly RuleInput[]): object {
  const endpoints = { main: { namespaces: ['*'], auth: people.auth(), pageSize: 4 } }
  const plan = {
    upstreams: { server: { http: { url: server.url } } },
    namespaces: { kit: { from: ['server'] } },
    endpoints,
  }
  return { ...configOf('edge', plan), issuer: {}, clients: people.clients(), visibility }
}

beforeEach(async () => {
  server = await startConformanceV2({ era: '2026' })
  node = await mesh.startConfig(configured(RULES))
  await node.ready()
})

afterEach(async () => {
  await mesh.close()
  await server.close()
})

function as(name: string): Promise<MeshCaller> {
  return people.caller('2026', node.endpointUrl('main'), name)
}

async function skillFiles(caller: MeshCaller): Promise<readonly string[]> {
  const { result } = await caller.ask('skills/list')
  const skills = result['skills'] as JsonObject[]
  return skills.flatMap(({ resources }) =>
    (resources as JsonObject[]).map(({ uri }) => String(uri)),
  )
}

const isOpen = (uri: string): boolean => !/\/(?:references|scripts)\//.test(uri)

test('a skill is listed, and got, without the files that are hidden', async () => {
  const [analyst, admin] = [await as('analyst'), await as('admin')]
  const all = await skillFiles(admin)
  expect(all.every(isOpen)).toBe(false)
  expect(await skillFiles(analyst)).toEqual(all.filter(isOpen))
  const { result } = await admin.ask('skills/list')
  for (const { uri } of result['skills'] as JsonObject[]) {
    const got = (await analyst.ask('skills/get', { uri })).result
    const files = objectAt(got, 'skill')['resources'] as JsonObject[]
    expect(files.map((file) => String(file['uri'])).every(isOpen)).toBe(true)
  }
})

describe.each(ERAS)('in era %s', (era) => {
  test('a cursor is good for the caller it was given to, and no other', async () => {
    const url = node.endpointUrl('main')
    const [analyst, admin] = [
      await people.caller(era, url, 'analyst'),
      await people.caller(era, url, 'admin'),
    ]
    const names = await analyst.names()
    expect(names.length).toBeGreaterThan(4)
    expect(names).toEqual(await admin.names())
    const { nextCursor: cursor } = (await admin.ask('tools/list')).result
    expect((await admin.ask('tools/list', { cursor })).result['tools']).toHaveLength(4)
    expect((await analyst.ask('tools/list', { cursor })).error).toMatchObject({ code: -32_602 })
  })

  test('what listens at an endpoint that is no more for its caller ends', async () => {
    const analyst = await people.caller(era, node.endpointUrl('main'), 'analyst')
    const changes = await analyst.changes()
    await node.reload(configured([{ for: 'admin' }]))
    const told: unknown[] = []
    for (let one = await changes.next(); one !== undefined; one = await changes.next()) {
      told.push(one['method'] ?? Object.keys(objectAt(one, 'result')).length)
    }
    // That what it saw is gone, and the end.
    expect(
      told.filter((one) => typeof one === 'string').every((one) => /list_changed/.test(one)),
    ).toBe(true)
    expect(told.some((one) => typeof one === 'number')).toBe(era === '2026')
  })
})
