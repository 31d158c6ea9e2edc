// Laws of visibility over whole nodes: three in a row under random rules show the intersection, and calls go by the lists.
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RuleInput } from '../../node/core/config-input.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { matchesGlob } from '../../protocol/glob.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { ERAS, type MeshCaller } from './caller.ts'
import { Keyholders } from './keyholders.ts'
import { configOf, Mesh } from './mesh.ts'

const TOOLS = ['always', 'drop', 'read', 'read_all', 'write']
const NAMESPACES = ['docs', 'mail']

const mesh = new Mesh()
const people = new Keyholders('caller')
let fixture: FixtureServer
/** The outermost first. */
let nodes: RunningNode[] = []
let callers: readonly MeshCaller[]

/** One rule, in the words of the node it is at. */
interface Draft {
  readonly namespaces: string
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}

const glob = fc.constantFrom('*', '*read*', '*__d*', '*docs__*', '*mail__w*', '*_all', 'docs__drop')
const draft: fc.Arbitrary<Draft> = fc.record({
  namespaces: fc.constantFrom('*', '*docs', '*mail', 'mail'),
  allow: fc.uniqueArray(glob, { minLength: 1, maxLength: 3 }),
  deny: fc.uniqueArray(glob, { maxLength: 1 }),
})
const drafts = fc.array(draft, { minLength: 1, maxLength: 3 })

function shows(rules: readonly Draft[], namespace: string, tool: string): boolean {
  const near = rules.filter((rule) => matchesGlob(rule.namespaces, namespace))
  const picks = (globs: readonly string[]): boolean =>
    globs.some((one) => matchesGlob(one, `${namespace}__${tool}`))
  return near.some(({ allow }) => picks(allow)) && !near.some(({ deny }) => picks(deny))
}

function ruleOf({ namespaces, allow, deny }: Draft): RuleInput {
  const tools = deny.length === 0 ? { allow } : { allow, deny }
  return { for: '*', namespaces: [namespaces], tools }
}

/** Keeps the endpoint there for whoever comes: a node that shows nothing at all is none. */
const ALWAYS: Draft = { namespaces: '*', allow: ['*__always'], deny: [] }

function configured(place: number, rules: readonly Draft[]): object {
  const behind = nodes[place + 1]
  const as = place === 0 ? 'far-{namespace}' : '{namespace}'
  const upstreams =
    behind === undefined
      ? { server: { http: { url: fixture.url } } }
      : { next: { node: { url: behind.endpointUrl('main'), as } } }
  const from = behind === undefined ? NAMESPACES.map((name) => [name, { from: ['server'] }]) : []
  const auth = place === 0 ? { auth: people.auth() } : {}
  const endpoints = { main: { namespaces: ['*'], pageSize: 3, ...auth } }
  const plan = { upstreams, namespaces: Object.fromEntries(from) as never, endpoints }
  const visibility = [...rules, ALWAYS].map(ruleOf)
  return { ...configOf(`n${place}`, plan), ...(place === 0 && { issuer: {} }), visibility }
}

beforeAll(async () => {
  fixture = await FixtureServer.start({ tools: TOOLS.map((name) => plainTool(name)) })
  const started: RunningNode[] = []
  for (const place of [2, 1, 0]) {
    nodes = [...Array.from({ length: place + 1 }), ...started] as RunningNode[]
    const node = await mesh.startConfig(configured(place, []))
    await node.ready()
    started.unshift(node)
  }
  nodes = started
  const url = nodes[0]?.endpointUrl('main') ?? ''
  callers = await Promise.all(ERAS.map((era) => people.caller(era, url, 'caller')))
})

afterAll(async () => {
  await mesh.close()
  await fixture.close()
})

/** Puts rules in force, the innermost first, and has each node see what the one behind it shows now. */
async function put(all: readonly (readonly Draft[])[]): Promise<void> {
  for (const place of [2, 1, 0]) {
    await nodes[place]?.reload(configured(place, all[place] ?? []))
    if (place < 2) await nodes[place]?.refresh(['next'])
  }
}

test('three nodes show what each of them shows, in order, and what is listed can be called', async () => {
  const every = NAMESPACES.flatMap((namespace) => TOOLS.map((tool) => ({ namespace, tool })))
  const law = fc.asyncProperty(fc.tuple(drafts, drafts, drafts), async (all) => {
    await put(all)
    const seen = every.filter(({ namespace, tool }) =>
      all.every((rules, place) => {
        const here = place === 0 ? `far-${namespace}` : namespace
        return shows([...rules, ALWAYS], here, tool)
      }),
    )
    const expected = seen.map(({ namespace, tool }) => `far-${namespace}__${tool}`)
    for (const caller of callers) {
      expect(await caller.names()).toEqual(expected)
      const answers = every.map(async ({ namespace, tool }) => {
        const name = `far-${namespace}__${tool}`
        const { answer } = await caller.call(name)
        return 'result' in answer ? [name] : []
      })
      expect((await Promise.all(answers)).flat()).toEqual(expected)
    }
  })
  await fc.assert(law, { numRuns: 12, endOnFailure: true })
}, 120_000)
