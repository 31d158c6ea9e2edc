// A node with limits in front of one server, its callers told apart by keys, its time in the hands of the test.
import type { QuotaInput } from '../../node/core/config-input.ts'
import type { Logger } from '../../node/core/logger.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import type { FixtureServer } from '../fixtures/fixture-server.ts'
import type { RawReply } from '../fixtures/raw-client.ts'
import { isObject, type Era, type JsonObject } from '../fixtures/wire.ts'
import type { MeshCaller } from './caller.ts'
import { Keyholders } from './keyholders.ts'
import { configOf, type Mesh } from './mesh.ts'

/** Code of a limit that is used up. */
export const LIMITED: number = -31_014

export type Limits = Readonly<Record<string, QuotaInput>>

/** What else differs from a plain node. */
export interface LimitedOptions {
  /** Of the endpoint `main`. */
  readonly endpoint?: JsonObject
  readonly upstream?: JsonObject
  /** More parts of the configuration. */
  readonly more?: object
  readonly log?: Logger
}

export class LimitedNode {
  readonly people: Keyholders
  readonly node: RunningNode
  readonly #plan: (limits: Limits) => object
  readonly #time: { ms: number }

  private constructor(
    node: RunningNode,
    people: Keyholders,
    by: { plan: (limits: Limits) => object; time: { ms: number } },
  ) {
    this.node = node
    this.people = people
    this.#plan = by.plan
    this.#time = by.time
  }

  static async start(
    mesh: Mesh,
    fixture: FixtureServer,
    limits: Limits,
    { endpoint = {}, upstream = {}, more = {}, log }: LimitedOptions = {},
  ): Promise<LimitedNode> {
    const people = new Keyholders('ann', 'bob')
    const auth = people.auth()
    const plan = (quotas: Limits): object => ({
      ...configOf('edge', {
        upstreams: { fixture: { http: { url: fixture.url }, ...upstream } },
        namespaces: { fx: { from: ['fixture'] } },
        endpoints: {
          main: { namespaces: ['*'], auth, ...endpoint },
          side: { namespaces: ['*'], auth },
        },
      }),
      issuer: {},
      clients: people.clients(),
      quotas,
      ...more,
    })
    const time = { ms: 1_000 }
    const node = await mesh.startTimed(plan(limits), () => time.ms, log)
    return new LimitedNode(node, people, { plan, time })
  }

  as(era: Era, name: 'ann' | 'bob', endpoint = 'main'): Promise<MeshCaller> {
    return this.people.caller(era, this.node.endpointUrl(endpoint), name)
  }

  reload(limits: Limits): Promise<void> {
    return this.node.reload(this.#plan(limits))
  }

  /** Time goes on for the limits, and for nothing else. */
  pass(milliseconds: number): void {
    this.#time.ms += milliseconds
  }
}

/** The name of the limit that refused a request; undefined when none did. */
export function refusedBy({ answer }: { readonly answer: JsonObject }): string | undefined {
  const { error } = answer
  if (!isObject(error) || error['code'] !== LIMITED) return undefined
  return isObject(error['data']) ? String(error['data']['limit']) : undefined
}

/** Which of some requests in turn were refused, and by what. */
export async function refusals(
  asks: readonly (() => Promise<RawReply>)[],
): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = []
  for (const ask of asks) found.push(refusedBy(await ask()))
  return found
}
