// A small federation to look at: two organisations of two nodes each, with two ways over the border.
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { until } from '../fixtures/wait.ts'
import { Gossipers } from '../mesh/gossiping.ts'
import { Keyholders } from '../mesh/keyholders.ts'
import { Operator } from '../mesh/operator.ts'
import { trustIn } from '../mesh/public-names.ts'

const SCOPES = { 'ns:docs': ['ns:docs'], 'ns:wiki': ['ns:wiki'] }
const NAMES = Object.keys(SCOPES)

/** Who may ask nodes what they decide: those in front of them. */
const FRONT = ['front']

interface Parts {
  readonly organisation: string
  readonly upstreams: object
  readonly more?: object
}

function plan(name: string, { organisation, upstreams, more = {} }: Parts): object {
  return {
    node: { name, organisation, listen: '127.0.0.1:0', state: 'memory' },
    upstreams,
    issuer: {},
    endpoints: { main: { namespaces: ['*'], auth: {} } },
    gossip: { disclose: 'full' },
    ...more,
  }
}

/** Another node, at which callers keep their names. */
function across(node: RunningNode): object {
  const { url } = node
  return {
    node: { url: node.endpointUrl('main'), as: '{namespace}' },
    auth: { mode: 'chain', issuer: url, subject: 'public', scopes: { map: SCOPES } },
  }
}

/** Nodes that may ask, by how they come. */
function classOf(...nodes: readonly RunningNode[]): object {
  return {
    front: nodes.map(({ url }) => ({ issuer: url, clients: [`${url}/oauth/client.json`] })),
  }
}

/** `user` and `west` of acme; `gate` and `store` of globex, which has the servers. */
export class Federation {
  readonly operator: Operator = new Operator()
  readonly #people = new Keyholders('alice', 'bob')
  readonly #nodes = new Gossipers()
  readonly #servers: FixtureServer[] = []
  #user: RunningNode | undefined
  #gate: RunningNode | undefined

  get user(): RunningNode {
    if (this.#user === undefined) throw new Error('it is not started')
    return this.#user
  }

  /** Starts all of it; resolves when the outermost node lists what the innermost has. */
  static async start(): Promise<Federation> {
    const federation = new Federation()
    await federation.#start()
    return federation
  }

  async #start(): Promise<void> {
    const server = { http: { url: (await this.#serve()).url } }
    const wiki = { http: { url: (await this.#serve()).url } }
    const store = await this.#nodes.start({
      ...plan('store', { organisation: 'globex', upstreams: { server } }),
      namespaces: { docs: { from: ['server'] } },
      endpoints: { main: { namespaces: ['*'], auth: 'none' } },
    })
    const exported = { gossip: { disclose: 'full', exports: [{ namespaces: ['docs'] }] } }
    const inGate = {
      organisation: 'globex',
      more: exported,
      upstreams: { store: { node: { url: store.endpointUrl('main'), as: '{namespace}' } } },
    }
    const gate = await this.#nodes.start(plan('gate', inGate))
    this.#gate = gate
    const inWest = { organisation: 'acme', upstreams: { gate: across(gate), wiki } }
    const imports = { disclose: 'full', imports: [{ namespaces: ['*'] }] }
    const own = { gossip: imports, namespaces: { wiki: { from: ['wiki'] } } }
    const west = await this.#nodes.start(
      plan('west', { organisation: 'acme', upstreams: { wiki }, more: own }),
    )
    const notes = { http: { url: (await this.#serve()).url } }
    // Nobody would believe it yet.
    const user = await this.#nodes.start(this.#userPlan({ notes }))
    this.#user = user
    this.operator.at(user)
    const asked = { main: { namespaces: ['*'], auth: {}, explainTo: FRONT } }
    await gate.reload(
      plan('gate', {
        ...inGate,
        more: {
          ...exported,
          endpoints: asked,
          trust: [this.#trust(user, gate), this.#trust(west, gate, [user.url])],
          clients: classOf(user, west),
        },
      }),
    )
    const trust = [this.#trust(user, west)]
    const more = { ...own, endpoints: asked, trust, clients: classOf(user) }
    await west.reload(plan('west', { ...inWest, more }))
    await user.reload(this.#userPlan({ notes, west: across(west), gate: across(gate) }))
    await until(
      () => user.status().upstreams.every(({ phase, tools }) => phase === 'up' && tools > 0),
      'it lists tools',
    )
  }

  #userPlan(upstreams: object): object {
    const more = {
      gossip: { disclose: 'full', imports: [{ namespaces: ['*'] }] },
      endpoints: { main: { namespaces: ['*'], auth: this.#people.auth([...NAMES, 'ns:notes']) } },
      namespaces: { notes: { from: ['notes'] } },
      clients: this.#people.clients(),
      visibility: [
        { for: 'alice', tools: ['*'] },
        { for: 'bob', tools: { allow: ['*'], deny: ['docs__slow'] } },
      ],
      admin: this.operator.admin(),
    }
    return plan('user', { organisation: 'acme', upstreams, more })
  }

  #trust(caller: RunningNode, callee: RunningNode, transit: readonly string[] = []): object {
    return { ...trustIn(caller, callee, transit), scopes: { map: SCOPES, max: NAMES } }
  }

  async #serve(): Promise<FixtureServer> {
    const server = await FixtureServer.start({ era: '2026' })
    this.#servers.push(server)
    return server
  }

  /** The way over the border is gone. */
  async stopGate(): Promise<void> {
    if (this.#gate !== undefined) await this.#nodes.stop(this.#gate)
    this.#gate = undefined
  }

  async close(): Promise<void> {
    await this.#nodes.close()
    await Promise.all(this.#servers.splice(0).map((server) => server.close()))
  }
}
