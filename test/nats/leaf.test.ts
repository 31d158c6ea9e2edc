// Two organisations whose NATS servers are leaves of one hub: what is inside stays inside, summaries cross.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, expect, test, vi } from 'vitest'
import { NatsMesh, namespaceOf } from './mesh.ts'
import { startLeaves } from './leaves.ts'
import type { NatsServer } from './server.ts'

const UNTIL = { timeout: 20_000, interval: 20 }
const ORGANISATIONS = ['acme', 'globex'] as const

const servers: NatsServer[] = []
const meshes: NatsMesh[] = []
const strangers: NatsConnection[] = []

afterEach(async () => {
  await Promise.all(strangers.splice(0).map((one) => one.close()))
  await Promise.all(meshes.splice(0).map((mesh) => mesh.close()))
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

async function join(): Promise<{ hub: NatsServer; leaves: NatsServer[] }> {
  const { hub, leaves } = await startLeaves(ORGANISATIONS)
  servers.push(hub, ...leaves)
  return { hub, leaves }
}

/** Two nodes of an organisation, both borders. */
function organisation(name: string, server: NatsServer | undefined): NatsMesh {
  const mesh = new NatsMesh({ organisation: name, isBorder: () => true })
  meshes.push(mesh)
  for (const namespace of [`public-${name}`, `secret-${name}`]) {
    mesh.add([server?.url ?? ''], namespace)
  }
  return mesh
}

/** What the first node of an organisation was told of another. */
function told(mesh: NatsMesh, of: string): string[] {
  const summaries = mesh.nodes[0]?.speaker.borders?.book.of(of) ?? []
  return summaries.flatMap(({ groups }) =>
    groups.map(({ namespace, revision }) => `${namespace} ${revision}`),
  )
}

test('internal subjects stay inside, summaries cross; with the hub dead the insides go on, and it crosses again after', async () => {
  const { hub, leaves } = await join()
  const [acme, globex] = ORGANISATIONS.map((name, at) => organisation(name, leaves[at]))
  if (acme === undefined || globex === undefined) throw new Error('no organisation')
  const heard: string[] = []
  const spy = await connect({ servers: leaves[1]?.url ?? '' })
  strangers.push(spy)
  spy.subscribe('>', { callback: (_, { subject }) => void heard.push(subject) })
  await vi.waitFor(() => {
    expect([acme.agrees, globex.agrees]).toEqual([true, true])
    expect(told(acme, 'globex')).toEqual(['public-globex r0'])
    expect(told(globex, 'acme')).toEqual(['public-acme r0'])
  }, UNTIL)
  const crossed = () => heard.some((subject) => subject.startsWith('banyan-border.v1.acme.sum.'))
  await vi.waitFor(() => expect(crossed()).toBe(true), UNTIL)
  expect(heard.filter((subject) => subject.startsWith('banyan.v1.acme'))).toEqual([])

  await hub.kill()
  const [one] = acme.nodes
  one?.does((speaker) => speaker.setNamespaces([namespaceOf('public-acme', 'r1')]))
  await vi.waitFor(() => {
    expect(acme.nodes.map((node) => node.revisionOf(one?.id ?? ''))).toEqual(['r1', 'r1'])
  }, UNTIL)
  expect(told(globex, 'acme')).toEqual(['public-acme r0'])

  await hub.restart()
  await vi.waitFor(() => expect(told(globex, 'acme')).toEqual(['public-acme r1']), UNTIL)
}, 60_000)

test('who comes later asks, and is answered across', async () => {
  const { leaves } = await join()
  const acme = organisation('acme', leaves[0])
  await vi.waitFor(() => expect(acme.agrees).toBe(true), UNTIL)
  const globex = organisation('globex', leaves[1])
  await vi.waitFor(async () => {
    await globex.nodes[0]?.bus.pullSummaries('acme')
    expect(told(globex, 'acme')).toEqual(['public-acme r0'])
  }, UNTIL)
}, 60_000)
