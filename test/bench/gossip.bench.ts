// What nodes at a real NATS server take to agree, and what goes over the wire: `npm run bench:gossip`. All nodes are in this
// process, each with its own connection, so their work adds up: the times are upper bounds.
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openRecord, type SignedRecord } from '../../topology/signed-record.ts'
import { NatsMesh, type BusNode } from '../nats/mesh.ts'
import { natsCluster, NatsServer } from '../nats/server.ts'
import { figure, table } from './table.ts'

const USAGE = `node test/bench/gossip.bench.ts [options]

  --nodes N[,N]  (default 10,100)
`

/** Longest wait for anything, ms. */
const PATIENCE_MS = 60_000
const LOOK_MS = 5

interface Case {
  readonly name: string
  /** Servers beside each other. */
  readonly servers: number
  /** Happens to nodes that agree; what it gives is waited for. Left out: how long it takes from nothing. */
  readonly fault?: (mesh: NatsMesh, servers: readonly NatsServer[]) => Promise<() => boolean>
}

function first(mesh: NatsMesh): BusNode {
  const [node] = mesh.nodes
  if (node === undefined) throw new Error('no node')
  return node
}

/** One node says something new; whether all have heard. */
function change(mesh: NatsMesh, revision = 'r1'): () => boolean {
  const node = first(mesh)
  node.change(revision)
  return () => mesh.nodes.every((one) => one.revisionOf(node.id) === revision)
}

async function lost(mesh: NatsMesh): Promise<void> {
  await until(() => mesh.nodes.every(({ speaker }) => speaker.bus === 'lost'))
}

const CASES: readonly Case[] = [
  { name: 'all start at once', servers: 1 },
  { name: 'one node says something', servers: 1, fault: (mesh) => Promise.resolve(change(mesh)) },
  {
    name: 'all say something at once',
    servers: 1,
    fault: (mesh) => {
      for (const node of mesh.nodes) node.change('r1')
      return Promise.resolve(() =>
        mesh.nodes.every((of) => mesh.nodes.every((node) => node.revisionOf(of.id) === 'r1')),
      )
    },
  },
  {
    name: 'kill -9 and restart, one spoke meanwhile',
    servers: 1,
    fault: async (mesh, [server]) => {
      await server?.kill()
      await lost(mesh)
      const heard = change(mesh)
      await server?.restart()
      return () => heard() && mesh.agrees
    },
  },
  {
    name: 'hangs (SIGSTOP), and goes on',
    servers: 1,
    fault: async (mesh, [server]) => {
      server?.hang()
      await lost(mesh)
      const heard = change(mesh)
      server?.resume()
      return () => heard() && mesh.agrees
    },
  },
  {
    name: 'one of three servers is killed, one speaks',
    servers: 3,
    fault: async (mesh, [server]) => {
      await server?.kill()
      return change(mesh)
    },
  },
  {
    name: 'a fifth of all messages is lost, one speaks',
    servers: 1,
    fault: (mesh) => {
      mesh.drop = 0.2
      return Promise.resolve(change(mesh))
    },
  },
]

async function until(what: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!what()) {
    if (performance.now() > end) throw new Error('it takes too long')
    await pause(LOOK_MS)
  }
}

/** Signatures are verified once for all: each node of a mesh has a core of its own. */
function sharedOpen(): typeof openRecord {
  const known = new Map<string, SignedRecord | undefined>()
  return (text) => {
    if (!known.has(text)) known.set(text, openRecord(text))
    return known.get(text)
  }
}

async function run({ fault, servers: count }: Case, nodes: number): Promise<readonly number[]> {
  const servers = count === 1 ? [await NatsServer.start()] : await natsCluster(count)
  const urls = servers.map(({ url }) => url)
  const mesh = new NatsMesh({ open: sharedOpen(), nodes })
  try {
    let started = performance.now()
    for (let at = 0; at < nodes; at += 1) {
      const own = at % urls.length
      mesh.add([...urls.slice(own), ...urls.slice(0, own)])
    }
    let traffic = { ...mesh.traffic }
    let done = (): boolean => mesh.agrees
    if (fault !== undefined) {
      await until(done)
      await pause(500)
      traffic = { ...mesh.traffic }
      done = await fault(mesh, servers)
      started = performance.now()
    }
    await until(done)
    const { asked, bytes, heard } = mesh.traffic
    return [
      performance.now() - started,
      heard - traffic.heard,
      asked - traffic.asked,
      (bytes - traffic.bytes) / 1e3,
    ]
  } finally {
    await mesh.close()
    await Promise.all(servers.map((server) => server.stop()))
  }
}

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '10,100' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(USAGE)
else {
  const rows: string[][] = []
  for (const one of CASES) {
    for (const nodes of values.nodes.split(',').map(Number)) {
      process.stderr.write(`${one.name}: ${nodes}\n`)
      const figures = await run(one, nodes)
      rows.push([one.name, String(nodes), ...figures.map(figure)])
    }
  }
  const head = ['what happens', 'nodes', 'ms until all agree', 'records heard', 'questions', 'KB']
  process.stdout.write(`${table(head, rows)}\n`)
}
