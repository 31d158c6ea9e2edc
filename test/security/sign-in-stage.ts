// A node whose users sign in themselves at an upstream of somebody else, and who is who there.
import { randomBytes } from 'node:crypto'
import { hashStaticKey } from '../../node/identity/static-keys.ts'
import type { BanyanNode } from '../../node/main/index.ts'
import { SignInLab } from '../fixtures/sign-in-lab.ts'
import { callModern, legacySession, type RawReply } from '../fixtures/raw-client.ts'
import { isObject, type JsonObject } from '../fixtures/wire.ts'
import { configOf, Mesh } from '../mesh/mesh.ts'

export interface StagePlan {
  /** Members of `auth` of the upstream besides the mode. */
  readonly auth?: object
  /** Members of the upstream. */
  readonly upstream?: object
  readonly node?: Readonly<Record<string, unknown>>
  readonly limits?: Readonly<Record<string, unknown>>
}

const URL_ELICITATION = { elicitation: { form: {}, url: {} } }

/** Users with keys of their own, one node, one upstream. */
export class SignInStage {
  readonly lab: SignInLab
  readonly node: BanyanNode
  readonly #mesh: Mesh
  readonly #keys: ReadonlyMap<string, string>

  private constructor(
    lab: SignInLab,
    mesh: Mesh,
    made: { node: BanyanNode; keys: Map<string, string> },
  ) {
    this.lab = lab
    this.#mesh = mesh
    this.node = made.node
    this.#keys = made.keys
  }

  /** `ann` is the one the node lists with. */
  static async start(plan: StagePlan = {}, lab?: SignInLab): Promise<SignInStage> {
    const there = lab ?? (await SignInLab.start())
    const mesh = new Mesh()
    const keys = new Map(['ann', 'bob'].map((name) => [name, keyOf(name)]))
    const auth = { mode: 'oauth', lists: { subject: 'ann' }, ...plan.auth }
    const upstream = { http: { url: there.url }, auth, ...plan.upstream }
    const config = {
      ...configOf('home', {
        upstreams: { there: upstream },
        namespaces: { there: { from: ['there'] } },
        endpoints: {
          main: {
            namespaces: ['there'],
            auth: {
              keys: [...keys].map(([name, key]) => {
                return { name, hash: hashStaticKey(key), scopes: ['*'] }
              }),
            },
          },
        },
        ...(plan.limits === undefined ? {} : { limits: plan.limits }),
        ...(plan.node === undefined ? {} : { node: plan.node }),
      }),
      issuer: {},
    }
    const node = await mesh.startConfig(config)
    await node.ready()
    return new SignInStage(there, mesh, { node, keys })
  }

  async close(): Promise<void> {
    await this.#mesh.close()
  }

  /** A call of a tool, by its name at the upstream. */
  call(user: string, tool: string, more: JsonObject = {}): Promise<RawReply> {
    const params = { name: `there__${tool}`, arguments: {}, ...more }
    return this.request(user, 'tools/call', params)
  }

  request(
    user: string,
    method: string,
    params: JsonObject,
    capabilities: JsonObject = URL_ELICITATION,
  ): Promise<RawReply> {
    const headers = { authorization: `Bearer ${this.#keys.get(user)}` }
    return callModern(this.node.endpointUrl('main'), method, params, { headers, capabilities })
  }

  /** A call in a session of era 2025. */
  async legacyCall(user: string, tool: string): Promise<RawReply> {
    const url = this.node.endpointUrl('main')
    const headers = { authorization: `Bearer ${this.#keys.get(user)}` }
    const session = await legacySession(url, { capabilities: URL_ELICITATION, headers })
    return session.call('tools/call', { name: `there__${tool}`, arguments: {} })
  }

  /** The address a user is asked to open, by a call of that tool. @throws Error when it is not asked */
  async asked(user: string, tool = 'sign_in'): Promise<string> {
    const url = addressIn(await this.call(user, tool))
    if (url === undefined) throw new Error('not asked')
    return url
  }
}

/** The same for each node of a test, so that users are the same after a restart. */
const SEED = randomBytes(16).toString('hex')

function keyOf(name: string): string {
  return Buffer.from(`${name} ${SEED}`.padEnd(48, '.')).toString('base64url')
}

/** The address in a demand for a sign-in. */
export function addressIn(reply: RawReply): string | undefined {
  const { inputRequests } = reply.answer['result'] === undefined ? {} : reply.result
  const [request] = isObject(inputRequests) ? Object.values(inputRequests) : []
  const params = isObject(request) && isObject(request['params']) ? request['params'] : {}
  return params['mode'] === 'url' ? String(params['url']) : undefined
}

/** What an answer says. */
export function textIn(reply: RawReply): string {
  const [first] = reply.result['content'] as readonly { readonly text: string }[]
  return first?.text ?? ''
}
