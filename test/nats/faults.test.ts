// Whole nodes at a real NATS server to which things happen: they learn of each other whatever it does.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { recordSealer } from '../../topology/signed-record.ts'
import { permissionsOf } from '../../topology/subjects.ts'
import { recordOf } from '../topology/records.ts'
import { NatsMesh, type BusNode, type MeshOptions } from './mesh.ts'
import { natsCluster, NatsServer } from './server.ts'

const UNTIL = { timeout: 20_000, interval: 20 }

const servers: NatsServer[] = []
const meshes: NatsMesh[] = []

afterEach(async () => {
  await Promise.all(meshes.splice(0).map((mesh) => mesh.close()))
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

async function oneServer(config?: string): Promise<NatsServer> {
  const server = await NatsServer.start(config)
  servers.push(server)
  return server
}

function meshAt(urls: readonly (readonly string[])[], options?: MeshOptions): NatsMesh {
  const mesh = new NatsMesh(options)
  meshes.push(mesh)
  for (const url of urls) mesh.add(url)
  return mesh
}

async function agreed(mesh: NatsMesh): Promise<void> {
  await vi.waitFor(() => expect(mesh.agrees).toBe(true), UNTIL)
}

/** Whether all have learnt what a node last said. */
async function learnt(mesh: NatsMesh, of: BusNode, revision: string): Promise<void> {
  await vi.waitFor(
    () => expect(mesh.nodes.every((node) => node.revisionOf(of.id) === revision)).toBe(true),
    UNTIL,
  )
}

async function refused(node: BusNode, why: readonly string[]): Promise<void> {
  const refusals = () =>
    node.heard.flatMap((event) => (event.type === 'refused' ? [event.why] : []))
  await vi.waitFor(() => expect(refusals()).toEqual(why), UNTIL)
}

function first(mesh: NatsMesh): BusNode {
  const [node] = mesh.nodes
  if (node === undefined) throw new Error('no node')
  return node
}

describe('nodes at one server', () => {
  test('that all come at once learn of each other', async () => {
    const server = await oneServer()
    const mesh = meshAt(Array.from({ length: 20 }, () => [server.url]))
    await agreed(mesh)
    expect(mesh.nodes[7]?.speaker.db.tree.size).toBe(20)
  })

  test('that is killed and started again learn what was said meanwhile', async () => {
    const server = await oneServer()
    const mesh = meshAt(Array.from({ length: 5 }, () => [server.url]))
    await agreed(mesh)
    await server.kill()
    await vi.waitFor(() => expect(first(mesh).speaker.bus).toBe('lost'), UNTIL)
    first(mesh).change('r1')
    await server.restart()
    await learnt(mesh, first(mesh), 'r1')
    await agreed(mesh)
  })

  test('that hangs, and goes on', async () => {
    const server = await oneServer()
    const mesh = meshAt(Array.from({ length: 5 }, () => [server.url]))
    await agreed(mesh)
    server.hang()
    await vi.waitFor(() => expect(first(mesh).speaker.bus).toBe('lost'), UNTIL)
    first(mesh).change('r1')
    server.resume()
    await learnt(mesh, first(mesh), 'r1')
  })

  test('learn over their links what it does not bring, as soon as it is gone', async () => {
    const server = await oneServer()
    const mesh = meshAt(Array.from({ length: 4 }, () => [server.url]))
    for (const [at, node] of mesh.nodes.entries()) {
      const next = mesh.nodes[at + 1]
      if (next !== undefined) mesh.link(node, next)
    }
    await agreed(mesh)
    await server.kill()
    await vi.waitFor(
      () => expect(mesh.nodes.every(({ speaker }) => speaker.bus === 'lost')).toBe(true),
      UNTIL,
    )
    first(mesh).change('r1')
    await learnt(mesh, first(mesh), 'r1')
    const behind = mesh.nodes.at(-1)?.speaker.fib.get(`${first(mesh).id} ns`)
    expect(behind).toBeUndefined()
    expect(first(mesh).speaker.fib.get(`${mesh.nodes.at(-1)?.id} ns`)?.candidates).toHaveLength(1)
  })

  test('agree when every other message is lost between it and them', async () => {
    const server = await oneServer()
    const mesh = meshAt(Array.from({ length: 6 }, () => [server.url]))
    mesh.drop = 0.5
    await agreed(mesh)
    for (const node of mesh.nodes) node.change('r1')
    for (const node of mesh.nodes) await learnt(mesh, node, 'r1')
    expect(new Set(mesh.nodes.map(({ speaker }) => speaker.db.tree.root())).size).toBe(1)
  })
})

describe('somebody who lies', () => {
  test('cannot speak under the subject of another where the server forbids it', async () => {
    const server = await oneServer()
    const mesh = meshAt([[server.url], [server.url], [server.url]], {
      credentials: (id) => ({ kind: 'password', user: id, password: 'p' }),
    })
    const users = mesh.nodes.map(({ id }) => {
      const permissions = JSON.stringify(permissionsOf('acme', id))
      return `{ user: "${id}", password: "p", permissions: ${permissions} }`
    })
    await server.restart(`authorization: { users: [${users.join(', ')}] }`)
    await agreed(mesh)
    const [liar, victim, other] = mesh.nodes
    const lie = recordOf(victim?.id ?? '', { inc: Date.now(), seq: 99, status: 'left' })
    liar?.bus.publish({ record: lie, text: 'made up', digest: 'd' })
    await vi.waitFor(
      () => expect(liar?.problems.join('\n')).toMatch(/permissions violation/i),
      UNTIL,
    )
    expect(other?.heard.filter(({ type }) => type === 'refused')).toEqual([])
    expect(other?.revisionOf(victim?.id ?? '')).toBe('r0')
  })

  test('is not believed where the server lets anything pass', async () => {
    const server = await oneServer()
    const mesh = meshAt([[server.url], [server.url], [server.url]])
    await agreed(mesh)
    const [liar, victim, other] = mesh.nodes
    if (liar === undefined || victim === undefined || other === undefined)
      throw new Error('no node')
    const lie = recordOf(victim.id, { inc: Date.now(), seq: 99, status: 'left' })
    // Signed by the liar; under the subject of the victim.
    liar.bus.publish({ ...recordSealer(liar.key)(lie), record: lie })
    await refused(other, ['unreadable'])
    // The liar's own, true in itself, under the subject of the victim.
    const own = recordOf(liar.id, { inc: Date.now() + 1_000, seq: 5 })
    liar.bus.publish({ ...recordSealer(liar.key)(own), record: { ...own, id: victim.id } })
    await refused(other, ['unreadable', 'other-subject'])
    expect(other.revisionOf(victim.id)).toBe('r0')
    expect(other.speaker.db.get(victim.id)?.status).toBe('up')
    expect(mesh.agrees).toBe(true)
  })
})

describe('a cluster of three servers', () => {
  test('loses one to kill -9, and nodes go on through the others', async () => {
    const cluster = await natsCluster(3)
    servers.push(...cluster)
    const urls = cluster.map(({ url }) => url)
    // Each begins at another server, and knows the others.
    const order = (at: number) => [...urls.slice(at), ...urls.slice(0, at)]
    const mesh = meshAt([0, 1, 2, 0, 1, 2].map(order))
    await agreed(mesh)
    await cluster[0]?.kill()
    first(mesh).change('r1')
    await learnt(mesh, first(mesh), 'r1')
    await agreed(mesh)
    await cluster[0]?.restart()
    mesh.nodes[1]?.change('r2')
    if (mesh.nodes[1] !== undefined) await learnt(mesh, mesh.nodes[1], 'r2')
    expect(mesh.nodes.every(({ speaker }) => speaker.bus !== 'lost')).toBe(true)
  })

  test('moves to other addresses, and nodes are told of them while they run', async () => {
    const cluster = await natsCluster(3)
    servers.push(...cluster)
    const [one, two] = cluster
    const mesh = meshAt([[one?.url ?? ''], [one?.url ?? '']])
    await agreed(mesh)
    for (const node of mesh.nodes) node.bus.useServers([two?.url ?? ''])
    await one?.kill()
    await cluster[2]?.kill()
    first(mesh).change('r1')
    await learnt(mesh, first(mesh), 'r1')
    expect(mesh.nodes.every(({ speaker }) => speaker.bus !== 'lost')).toBe(true)
  })
})
