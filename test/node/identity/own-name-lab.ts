// One node and one upstream of somebody else that knows the node alone, with servers on loopback that answer as they are told.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { UpstreamAuthInput } from '../../../node/core/config-identity-input.ts'
import type { NodeConfigInput } from '../../../node/core/config-input.ts'
import type { NodeConfig } from '../../../node/core/config-types.ts'
import { parseConfig } from '../../../node/core/config.ts'
import type { ExchangeLine } from '../../../node/core/audit.ts'
import type { LogFacts } from '../../../node/core/logger.ts'
import { SILENT } from '../../../node/core/logger.ts'
import { LOCAL_CALLER } from '../../../node/core/principal.ts'
import { Delegators } from '../../../node/identity/delegators.ts'
import type { UpstreamDelegator } from '../../../node/identity/delegation/upstream-delegator.ts'
import { Discovery } from '../../../node/identity/discovery.ts'
import { GuardedFetch } from '../../../node/identity/guarded-fetch.ts'
import { ProofMaker } from '../../../node/identity/proof-maker.ts'
import { volatileSecrets } from '../../../node/identity/secrets.ts'
import { SigningKey } from '../../../node/identity/signing-key.ts'
import { clientAuthenticator } from '../../../node/identity/verifier/client-authentication.ts'
import { Fault } from '../../../protocol/errors.ts'
import { serve, type LocalServer } from './local-server.ts'

/** What was asked: the path, and for a form what was in it. */
export interface Asked {
  readonly path: string
  readonly form: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
}

export interface Answer {
  readonly status?: number
  readonly body: object
  readonly headers?: Readonly<Record<string, string>>
}

const NOW = 1_800_000_000

/** A token a server gives when all is well. */
export const TOKEN: object = { access_token: 'tok', token_type: 'Bearer', expires_in: 300 }

export class OwnNameLab {
  readonly asked: Asked[] = []
  readonly logged: string[] = []
  readonly audit: ExchangeLine[] = []
  /** What stands at a path; nothing else is there. */
  readonly answers: Map<string, (asked: Asked) => Answer> = new Map()
  now: number = NOW
  readonly folder: string
  readonly #server: LocalServer
  readonly #fetch: GuardedFetch = new GuardedFetch({ allowPrivate: true })
  readonly delegators: Delegators
  #config: NodeConfig
  #delegator: UpstreamDelegator | undefined

  private constructor(folder: string, server: LocalServer) {
    const clock = (): number => this.now
    const key = SigningKey.generate()
    const write = (facts: LogFacts, message: string): void => {
      this.logged.push(`${message} ${JSON.stringify(facts)}`)
    }
    this.folder = folder
    this.#server = server
    this.#config = this.#configure({ mode: 'none' })
    const network = { fetch: this.#fetch, discovery: new Discovery({ fetch: this.#fetch, clock }) }
    this.delegators = new Delegators({
      config: () => this.#config,
      issuer: () => 'https://own.example',
      signer: () => 'https://own.example',
      client: () => 'https://own.example/oauth/client.json',
      base: () => 'https://own.example',
      local: () => undefined,
      secrets: volatileSecrets(),
      proofs: new ProofMaker(key, clock),
      network: () => network,
      authenticateClient: clientAuthenticator({ signing: () => key }, clock),
      isRevoked: () => false,
      audit: { exchange: (line) => void this.audit.push(line) },
      clock,
      log: { ...SILENT, debug: write, info: write, warn: write, error: write },
    })
  }

  static async open(): Promise<OwnNameLab> {
    const folder = await mkdtemp(join(tmpdir(), 'own-name-'))
    const server = await serve((request, response) => {
      void lab.#serve(request, response)
    })
    const lab = new OwnNameLab(folder, server)
    return lab
  }

  /** Base URL of all servers. */
  get url(): string {
    return this.#server.url
  }

  /** URL of the upstream. */
  get resource(): string {
    return `${this.url}/mcp`
  }

  /** An authorization server below this path: its metadata, and what its token endpoint answers. */
  addServer(path: string, answer: (asked: Asked) => Answer = () => ({ body: TOKEN })): string {
    const issuer = `${this.url}${path}`
    const document = { issuer, token_endpoint: `${issuer}/token` }
    this.answers.set(`/.well-known/oauth-authorization-server${path}`, () => ({ body: document }))
    this.answers.set(`${path}/token`, answer)
    return issuer
  }

  /** Posts to one path so far. */
  formsAt(path: string): readonly Asked['form'][] {
    return this.asked.filter((one) => one.path === path).map(({ form }) => form)
  }

  async file(name: string, content: string): Promise<string> {
    const file = join(this.folder, name)
    await writeFile(file, content)
    return file
  }

  /** The node is to call the upstream in this way from now on. */
  use(auth: UpstreamAuthInput, limits: NonNullable<NodeConfigInput['limits']> = {}): void {
    this.#config = this.#configure(auth, limits)
    const { up } = this.#config.upstreams
    if (up === undefined) throw new Error('there is no upstream')
    this.#delegator = this.delegators.of('up', up)
  }

  /** The header lines of a call by the one caller of a node without authentication. */
  async call(): Promise<readonly string[]> {
    if (this.#delegator === undefined) throw new Error('nobody is told')
    return (await this.#delegator.delegate(LOCAL_CALLER, { budget: 5 })).lines('POST')
  }

  /** What a call comes to that must be refused. */
  async refusal(): Promise<Fault> {
    try {
      await this.call()
    } catch (error) {
      if (error instanceof Fault) return error
      throw error
    }
    throw new Error('was not refused')
  }

  async close(): Promise<void> {
    await this.#fetch.close()
    await this.#server.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  #configure(auth: UpstreamAuthInput, limits: NodeConfigInput['limits'] = {}): NodeConfig {
    return parseConfig({
      node: { name: 'n', organisation: 'own' },
      upstreams: { up: { http: { url: this.resource }, auth, egress: { allowPrivate: true } } },
      namespaces: { there: { from: ['up'] } },
      endpoints: { main: { namespaces: ['there'] } },
      limits,
    })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url: path = '', headers } = request
    const form = Object.fromEntries(new URLSearchParams(await text(request)))
    const asked = { path, form, headers }
    this.asked.push(asked)
    const found = this.answers.get(path)?.(asked) ?? { status: 404, body: {} }
    const { status = 200, body, headers: more } = found
    response.writeHead(status, { 'content-type': 'application/json', ...more })
    response.end(JSON.stringify(body))
  }
}
