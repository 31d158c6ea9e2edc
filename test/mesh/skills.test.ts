// Skills (SEP-2640) through nodes, with servers on SDK v2 behind them.
import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { startConformanceV2 } from '../fixtures/conformance-v2.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import type { RunningFixture } from '../fixtures/http-host.ts'
import { CODE, isObject, objectAt, type JsonObject } from '../fixtures/wire.ts'
import { callerOf, type MeshCaller } from './caller.ts'
import { CountingProxy } from './counting-proxy.ts'
import { Mesh } from './mesh.ts'
import { CHAINS, styledChain } from './styled-chain.ts'

const SKILLS = 'io.modelcontextprotocol/skills'

const mesh = new Mesh()
const proxies: CountingProxy[] = []
let server: RunningFixture

beforeAll(async () => {
  server = await startConformanceV2({ era: '2026' })
})

afterAll(() => server.close())

afterEach(async () => {
  await mesh.close()
  for (const proxy of proxies.splice(0)) await proxy.close()
})

async function proxied(): Promise<CountingProxy> {
  const proxy = await CountingProxy.start(server.url)
  proxies.push(proxy)
  return proxy
}

function callerAt(node: BanyanNode, endpoint = 'main'): Promise<MeshCaller> {
  return callerOf('2026', node.endpointUrl(endpoint))
}

/** The items of all pages. */
async function all(caller: MeshCaller, method: string, params: JsonObject = {}) {
  const found: JsonObject[] = []
  let cursor: unknown
  do {
    const { result } = await caller.ask(method, {
      ...params,
      ...(cursor !== undefined && { cursor }),
    })
    found.push(...Object.values(result).filter(Array.isArray).flat().filter(isObject))
    cursor = result['nextCursor']
  } while (cursor !== undefined)
  return found
}

function filesOf(skill: JsonObject): JsonObject[] {
  return (skill['resources'] as unknown[]).filter(isObject)
}

function nameOf(skill: JsonObject | undefined): unknown {
  return objectAt(skill, 'frontmatter')['name']
}

async function read(caller: MeshCaller, uri: unknown): Promise<JsonObject> {
  const { result } = await caller.ask('resources/read', { uri })
  const [content] = result['contents'] as JsonObject[]
  if (content === undefined) throw new Error(`nothing at ${String(uri)}`)
  return content
}

async function skillNamed(caller: MeshCaller, name: string): Promise<JsonObject> {
  const found = (await all(caller, 'skills/list')).find((skill) => nameOf(skill) === name)
  if (found === undefined) throw new Error(`there is no skill ${name}`)
  return found
}

/** Without what the mapping of URIs changes. */
function facts(skill: JsonObject): unknown {
  const files = filesOf(skill).map(({ digest, size }) => ({ digest, size }))
  return { frontmatter: skill['frontmatter'], files }
}

describe.each(CHAINS)('%i nodes, names %s', (depth, style) => {
  async function start(): Promise<MeshCaller> {
    return callerAt(await styledChain(mesh, server.url, { depth, style }))
  }

  test('row 60: all are listed as the server has them, under URIs that are still of skills', async () => {
    const caller = await start()
    const [shown, bare] = [
      await all(caller, 'skills/list'),
      await all(await callerOf('2026', server.url), 'skills/list'),
    ]
    expect(shown).toHaveLength(3)
    expect(shown.map(facts).toSorted(byText)).toEqual(bare.map(facts).toSorted(byText))
    const [ours, theirs] = [shown, bare].map((skills) => JSON.stringify(skills.toSorted(byText)))
    expect(ours === theirs).toBe(style === 'plain')
    for (const skill of shown) {
      const uri = String(skill['uri'])
      expect(uri).toMatch(/^skill:\/\/[a-z0-9.-]+\//)
      expect(uri.endsWith(`/${String(nameOf(skill))}/SKILL.md`) || style === 'plain').toBe(true)
      const folder = uri.slice(0, -'SKILL.md'.length)
      for (const file of filesOf(skill)) expect(String(file['uri']).startsWith(folder)).toBe(true)
    }
  })

  test('row 60: every file of every skill is read under its URI, and is what its digest says', async () => {
    const caller = await start()
    for (const skill of await all(caller, 'skills/list')) {
      const manifest = await read(caller, skill['uri'])
      expect(manifest).toMatchObject({ uri: skill['uri'], mimeType: 'text/markdown' })
      expect(manifest['text']).toMatch(/^---\nname: /)
      for (const { uri, digest, size } of filesOf(skill)) {
        const { text } = await read(caller, uri)
        const bytes = Buffer.from(String(text))
        expect(size).toBe(bytes.length)
        expect(digest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`)
      }
    }
  })

  test('one is got as it is listed, under the URI that was asked for', async () => {
    const caller = await start()
    for (const listed of await all(caller, 'skills/list')) {
      const { result } = await caller.ask('skills/get', { uri: listed['uri'] })
      expect(result['skill']).toEqual(listed)
      expect(result).toMatchObject({
        resultType: 'complete',
        ttlMs: expect.any(Number) as number,
        cacheScope: expect.stringMatching(/^(public|private)$/) as string,
      })
    }
  })

  test('one that is not there is unknown', async () => {
    const caller = await start()
    const { uri } = await skillNamed(caller, 'pdf-processing')
    const beside = String(uri).replaceAll('pdf-processing', 'nonexistent-skill-9f3a2b')
    for (const bad of [beside, 'skill://nonexistent-skill-9f3a2b/SKILL.md']) {
      const { error } = await caller.ask('skills/get', { uri: bad })
      expect(error.code).toBe(CODE.invalidParams)
    }
  })

  test('folders are read, down to the files in them', async () => {
    const caller = await start()
    const skill = await skillNamed(caller, 'pdf-processing')
    const files = filesOf(skill).map(({ uri }) => String(uri))
    const seen: string[] = []
    const folders = [String(skill['uri']).slice(0, -'/SKILL.md'.length)]
    for (const folder of folders) {
      for (const { uri, mimeType } of await all(caller, 'resources/directory/read', {
        uri: folder,
      })) {
        expect(String(uri).startsWith(`${folder}/`)).toBe(true)
        if (mimeType === 'inode/directory') folders.push(String(uri))
        else seen.push(String(uri))
      }
    }
    expect(folders.length).toBeGreaterThan(3)
    expect(seen).toContain(skill['uri'])
    expect(files.filter((uri) => !seen.includes(uri))).toEqual([])
    for (const uri of [files.at(-1), `${folders[0] ?? ''}/no-such-folder`]) {
      const { error } = await caller.ask('resources/directory/read', { uri })
      expect(error.code).toBe(CODE.invalidParams)
    }
  })

  test('row 59: they are declared with their settings, in both eras', async () => {
    const node = await styledChain(mesh, server.url, { depth, style })
    const { result } = await (await callerAt(node)).ask('server/discover')
    const extensions = objectAt(objectAt(result, 'capabilities'), 'extensions')
    expect(extensions[SKILLS]).toEqual({ directoryRead: true })
    const old = await callerOf('2025', node.endpointUrl('main'))
    expect(await all(old, 'skills/list')).toHaveLength(3)
  })
})

function entryAt(uri: unknown): JsonObject {
  return { uri, frontmatter: { name: 'x' }, resources: [] }
}

test('one that no list shows is got and read all the same, by the URI of another', async () => {
  const other = await FixtureServer.start({ era: '2026', decorate: withSkills })
  const lasting = { ttlMs: 0, cacheScope: 'private' }
  const listed = 'skill://shown/SKILL.md'
  other.on('skills/list', (exchange) => exchange.result({ skills: [entryAt(listed)], ...lasting }))
  other.on('skills/get', (exchange) => {
    exchange.result({ skill: entryAt(exchange.request.params['uri']), ...lasting })
  })
  for (const style of ['prefixed', 'plain'] as const) {
    const caller = await callerAt(await styledChain(mesh, other.url, { depth: 3, style }))
    const [shown] = await all(caller, 'skills/list')
    const uri = String(shown?.['uri']).replace('shown', 'hidden')
    expect((await caller.ask('skills/get', { uri })).result).toMatchObject({ skill: { uri } })
  }
  const asked = other.received('skills/get').map(({ params }) => params['uri'])
  expect(asked).toEqual(['skill://hidden/SKILL.md', 'skill://hidden/SKILL.md'])
  expect(other.violations).toEqual([])
  await mesh.close()
  await other.close()
})

test('row 59: an endpoint without skills does not know their methods', async () => {
  const other = await FixtureServer.start({ era: '2026' })
  const node = await mesh.front('front', other.url)
  const caller = await callerAt(node)
  const { result } = await caller.ask('server/discover')
  expect(objectAt(objectAt(result, 'capabilities'), 'extensions')).not.toHaveProperty([SKILLS])
  for (const method of ['skills/list', 'skills/get', 'resources/directory/read']) {
    const { status, error } = await caller.ask(method, { uri: 'skill://a/SKILL.md' })
    expect([status, error.code]).toEqual([404, CODE.methodNotFound])
  }
  await mesh.close()
  await other.close()
})

/** Two servers behind one node, and another node before that. */
async function startTwo() {
  const [left, right] = [await proxied(), await proxied()]
  const inner = await mesh.ready('inner', {
    upstreams: { left: { http: { url: left.url } }, right: { http: { url: right.url } } },
    namespaces: { left: { from: ['left'] }, right: { from: ['right'] } },
    endpoints: { main: { namespaces: ['*'] }, half: { namespaces: ['left'] } },
  })
  const outer = await mesh.ready('outer', {
    upstreams: { next: { node: { url: inner.endpointUrl('main'), as: '{namespace}' } } },
  })
  return { left, right, inner, outer }
}

describe('two servers with the same skills', () => {
  test('row 60: stay two, at any depth, and each is read where it is from', async () => {
    const { left, right, inner, outer } = await startTwo()
    const lists = await Promise.all(
      [inner, outer].map(async (node) => all(await callerAt(node), 'skills/list')),
    )
    const [near = [], far = []] = lists.map((skills) => skills.map(({ uri }) => String(uri)))
    expect(new Set(near).size).toBe(6)
    expect(far).toEqual(near)
    const caller = await callerAt(outer)
    const same = far.filter((uri) => uri.endsWith('/git-workflow/SKILL.md'))
    expect(same).toHaveLength(2)
    for (const [index, uri] of same.entries()) {
      const [mine, other] = index === 0 ? [left, right] : [right, left]
      const before = [
        mine.count('skills/get'),
        other.count('skills/get'),
        other.count('resources/read'),
      ]
      expect((await caller.ask('skills/get', { uri })).result).toMatchObject({ skill: { uri } })
      expect(await read(caller, uri)).toMatchObject({ uri })
      const after = [
        mine.count('skills/get'),
        other.count('skills/get'),
        other.count('resources/read'),
      ]
      expect(after).toEqual([Number(before[0]) + 1, ...before.slice(1)])
    }
  })

  test('row 19: one of another endpoint is unknown, and nothing goes upstream', async () => {
    const { right, inner } = await startTwo()
    const shown = await all(await callerAt(inner), 'skills/list')
    const half = await callerAt(inner, 'half')
    const visible = (await all(half, 'skills/list')).map(({ uri }) => uri)
    expect(visible).toHaveLength(3)
    const hidden = shown.map(({ uri }) => uri).filter((uri) => !visible.includes(uri))
    expect(hidden).toHaveLength(3)
    const before = right.total
    for (const uri of hidden) {
      for (const method of ['skills/get', 'resources/read', 'resources/directory/read']) {
        expect((await half.ask(method, { uri })).error.code).toBe(CODE.invalidParams)
      }
    }
    expect(right.total).toBe(before)
  })
})

function withSkills(method: string, result: JsonObject): JsonObject {
  if (method !== 'server/discover') return result
  const capabilities = objectAt(result, 'capabilities')
  return { ...result, capabilities: { ...capabilities, extensions: { [SKILLS]: {} } } }
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}
