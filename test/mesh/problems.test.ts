// What the operator reads of tools that an endpoint cannot show.
import { afterEach, expect, test } from 'vitest'
import { SILENT, type LogFacts } from '../../node/core/logger.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { until } from '../fixtures/wait.ts'
import { Mesh } from './mesh.ts'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []

afterEach(async () => {
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

async function server(...names: string[]): Promise<FixtureServer> {
  const tools = names.map((name) => plainTool(name))
  const fixture = await FixtureServer.start({ tools, prompts: [] })
  fixtures.push(fixture)
  return fixture
}

test('a tool dropped for its name is logged once, also when nothing else changes', async () => {
  const [first, second] = [await server('a', 'b'), await server('c')]
  const dropped: LogFacts[] = []
  const log = {
    ...SILENT,
    warn: (facts: LogFacts, message: string) => {
      if (message === 'a tool is left out') dropped.push(facts)
    },
  }
  const node = await mesh.ready(
    'front',
    {
      upstreams: { first: { http: { url: first.url } }, second: { http: { url: second.url } } },
      namespaces: { fx: { from: ['first', 'second'] } },
    },
    { log },
  )
  expect(dropped).toEqual([])
  second.tools.add(plainTool('a'))
  const problems = (): number => node.status().endpoints[0]?.problems.length ?? 0
  await until(() => problems() === 1, 'the collision')
  expect(dropped).toMatchObject([{ endpoint: 'main', upstream: 'second', tool: 'a' }])

  first.tools.add(plainTool('d'))
  await until(() => node.status().endpoints[0]?.tools === 4, 'the new tool')
  expect(problems()).toBe(1)
  expect(dropped).toHaveLength(1)
})
