// `banyan lab up`, as far as it goes without containers: the compose file it prints, what it writes beside it, and what it says
// where there is no Docker.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseConfig } from '../../../node/core/config.ts'
import { parseLabText } from '../../../node/main/lab-file.ts'
import { holderPlan } from '../../../node/main/lab/holder-plan.ts'
import { planContainers } from '../../../topology/lab/container-plan.ts'

const CLI = fileURLToPath(new URL('../../../node/main/cli.ts', import.meta.url))
const ORGS = fileURLToPath(new URL('../../topology/lab/small-orgs.mesh.yaml', import.meta.url))

/** What docker-compose 1.29 and compose v2 both take, as far as it is used. */
const KEYS = new Set([
  'image',
  'command',
  'user',
  'read_only',
  'init',
  'cap_drop',
  'security_opt',
  'healthcheck',
  'ports',
  'volumes',
  'environment',
  'network_mode',
  'depends_on',
])

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-lab-up-'))
})

afterAll(() => rm(folder, { recursive: true }))

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

function lab(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env }
    execFile(process.execPath, [CLI, 'lab', ...args], options, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err })
    })
  })
}

/** The configuration of a node, as written. */
function configOf(node: string): Promise<string> {
  return readFile(join(folder, 'kept/nodes', node, 'banyan.yaml'), 'utf8')
}

interface Service {
  readonly image: string
  readonly command: readonly string[]
  readonly ports?: readonly string[]
  readonly network_mode?: string
  readonly volumes?: readonly string[]
}

test('the compose file is one both kinds of compose take, and all it needs is beside it', async () => {
  const { code, err, out } = await lab(['up', ORGS, '--print', '--out', 'kept', '--image', 'own:1'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(await readFile(join(folder, 'kept/compose.yaml'), 'utf8')).toBe(out)
  const { services, ...rest } = parse(out, { version: '1.1' }) as {
    readonly services: Readonly<Record<string, Service>>
  }
  expect(rest).toEqual({})
  const names = ['bus-nats-acme', 'bus-nats-globex', 'lab', 'node-gate', 'node-side', 'node-user']
  expect(Object.keys(services).toSorted()).toEqual(names)
  for (const [name, service] of Object.entries(services)) {
    expect(Object.keys(service).filter((key) => !KEYS.has(key))).toEqual([])
    expect(service.network_mode).toBe(name === 'lab' ? undefined : 'service:lab')
    expect(service.image).toBe(name.startsWith('bus-') ? 'nats:2-alpine' : 'own:1')
    for (const volume of service.volumes ?? []) {
      const [from = ''] = volume.split(':')
      // What is missing the engine would make as a folder of its own user.
      await expect(readFile(join(folder, 'kept', from))).rejects.toThrow('EISDIR')
    }
  }
  // Nothing is reached from other machines, and no port of this one is taken by name.
  const ports = services['lab']?.ports ?? []
  expect(ports.length).toBeGreaterThan(6)
  expect(ports.filter((port) => !/^127\.0\.0\.1::\d+$/.test(port))).toEqual([])

  const again = await lab(['up', ORGS, '--print', '--image', 'own:1'])
  expect(again.out).toBe(out)
}, 60_000)

test('nodes are told to find each other where proxies listen', async () => {
  const text = await readFile(ORGS, 'utf8')
  const { lab: orgs } = parseLabText(text, ORGS)
  const plan = planContainers(orgs)
  const { doors, links, toBus, tools } = holderPlan(orgs, plan)
  for (const { name, port, target } of links) {
    const [from = '', to = ''] = name.split(' ')
    expect(await configOf(from)).toContain(`http://127.0.0.1:${port}/mcp/main`)
    expect(parseConfig(JSON.parse(await configOf(to)), { env: {} }).node.listen.port).toBe(target)
  }
  for (const { name, port } of toBus)
    expect(await configOf(name)).toContain(`nats://127.0.0.1:${port}`)
  expect(await configOf('side')).toContain(`http://127.0.0.1:${tools.port}/side/wiki`)
  const all = [plan.control, tools.port, ...plan.buses.values()]
  const taken = [...all, ...[...links, ...toBus, ...doors].flatMap(({ port }) => port)]
  const listening = [...plan.nodes.values()].flatMap(({ listen, admin }) => [listen, admin])
  expect(new Set([...taken, ...listening]).size).toBe(taken.length + listening.length)
})

test('without docker nothing is run, and it is said how to get it', async () => {
  await writeFile(join(folder, 'one.mesh.yaml'), 'name: one\nnodes: { a: {} }\n')
  const { code, err } = await lab(['up', 'one.mesh.yaml'], { PATH: '/nowhere' })
  expect(code).toBe(5)
  expect(err).toMatch(/^banyan: docker is not there.*apt-get install docker\.io/)
  expect(err.trim().split('\n')).toHaveLength(1)
}, 60_000)

test('what was never up is not ended', async () => {
  expect(await lab(['down', 'one.mesh.yaml', '--out', 'none'])).toMatchObject({ code: 4 })
  expect((await lab(['down', 'nothing'])).err).toContain('there is no such file or folder')
  expect((await lab(['down', '.'])).err).toContain('no folder that "lab up" made')
}, 60_000)
