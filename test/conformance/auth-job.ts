// The suite's authorization scenarios, with a node as the client: it stands in front of the scenario's server, finds out
// where to sign in, registers, and holds the tokens. What is here is the MCP client behind it and the user's browser:
// it lists, calls, and opens what it is asked to open.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { UpstreamAuthInput } from '../../node/core/config-identity-input.ts'
import { createNode, type BanyanNode } from '../../node/main/index.ts'
import type { Era, JsonObject } from '../fixtures/wire.ts'
import { visit } from '../fixtures/browser.ts'
import type { Job } from './job-host.ts'
import { connectSigningCaller, type SigningCaller } from './signing-caller.ts'

/** Beyond any scenario: a node that is asked again and again is at fault. */
const MAX_VISITS = 6

const SIGN_IN = 'sign_in'

/** What the scenario tells a client of the accounts it has. */
type Context = Readonly<Record<string, string>>

/** What an operator would write for such a server. */
async function authFor(
  scenario: string,
  given: Context,
  folder: string,
): Promise<UpstreamAuthInput> {
  const own = { scopes: ['mcp'], requires: ['*'] }
  const client = { id: given['client_id'] ?? '', secret: given['client_secret'] ?? '' }
  switch (scenario) {
    case 'auth/pre-registration':
      return { mode: 'oauth', client }
    case 'auth/basic-cimd':
      // Where the document of a node that only listens on loopback would be published.
      return { mode: 'oauth', client: { id: CLIENT_DOCUMENT, method: 'none' } }
    case 'auth/client-credentials-basic':
      return { mode: 'client_credentials', ...own, client }
    case 'auth/client-credentials-jwt': {
      const key = given['private_key_pem'] ?? ''
      return { mode: 'client_credentials', ...own, client: { id: client.id, key } }
    }
    case 'auth/wif-jwt-bearer': {
      const assertion = await fileIn(folder, 'workload.jwt', given['valid_jwt'])
      return { mode: 'workload', ...own, assertion }
    }
    case 'auth/enterprise-managed-authorization': {
      const idToken = await fileIn(folder, 'id.jwt', given['idp_id_token'])
      const provider = {
        issuer: given['idp_issuer'] ?? '',
        tokenEndpoint: given['idp_token_endpoint'] ?? '',
        client: { id: given['idp_client_id'] ?? '', method: 'none' as const },
        idToken,
      }
      return { mode: 'xaa', ...own, client, provider }
    }
    default:
      return { mode: 'oauth' }
  }
}

const CLIENT_DOCUMENT = 'https://conformance-test.local/client-metadata.json'

async function fileIn(folder: string, name: string, text = ''): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, text)
  return file
}

function start(server: string, auth: UpstreamAuthInput): Promise<BanyanNode> {
  const endpoint = { namespaces: ['there'], names: 'plain' as const }
  return createNode({
    node: { name: 'signing-in', organisation: 'lab', listen: '127.0.0.1:0', state: 'memory' },
    upstreams: { server: { http: { url: server }, auth, egress: { allowPrivate: true } } },
    namespaces: { there: { from: ['server'] } },
    endpoints: { main: endpoint },
  })
}

/** Calls the sign-in, if there is one, then everything else that is listed. */
async function drive(caller: SigningCaller): Promise<void> {
  const first = await namesAt(caller)
  if (first.includes(SIGN_IN)) await caller.call(SIGN_IN)
  let names = first.filter((name) => name !== SIGN_IN)
  for (let round = 0; names.length === 0 && round < 3; round += 1) {
    names = (await namesAt(caller)).filter((name) => name !== SIGN_IN)
    // What was listed may have moved in the meantime.
    if (names.length === 0 && first.includes(SIGN_IN)) await caller.call(SIGN_IN)
  }
  for (const name of names) await caller.call(name)
}

async function namesAt(caller: SigningCaller): Promise<string[]> {
  const { tools } = await caller.list()
  return (tools as readonly { readonly name: string }[]).map(({ name }) => name)
}

/** The user's browser; remembers what it was told when something came to nothing. */
class Browser {
  #visits = 0
  said = ''

  /** False when it came to nothing: a user would leave it at that. */
  readonly open = async (address: string): Promise<boolean> => {
    this.#visits += 1
    if (this.#visits > MAX_VISITS) throw new Error('asked to sign in again and again')
    const { status, text } = await visit(address)
    if (status !== 200) this.said += `${status}: ${text}\n`
    return status === 200
  }
}

/** Does a job for a caller of that era. What it says is no failure: the checks of the scenario know what is right. */
export function authJob(era: Era): (job: Job) => Promise<string> {
  return async ({ scenario, context, url }) => {
    const folder = await mkdtemp(join(tmpdir(), 'auth-job-'))
    const given = JSON.parse(context ?? '{}') as JsonObject as Context
    const node = await start(url, await authFor(scenario, given, folder))
    const browser = new Browser()
    try {
      await node.ready()
      const caller = await connectSigningCaller(era, node.endpointUrl('main'), browser.open)
      await drive(caller)
      await caller.close()
      return browser.said
    } catch (error) {
      return `${browser.said}${String(error)}\n`
    } finally {
      await node.close()
      await rm(folder, { recursive: true, force: true })
    }
  }
}
