import { join } from 'node:path'
import type { Audit } from '../../core/audit.ts'
import type { ConsentAuth } from '../../core/config-identity-types.ts'
import type { NodeConfig, UpstreamConfig } from '../../core/config-types.ts'
import type { Logger } from '../../core/logger.ts'
import type { Principal } from '../../core/principal.ts'
import { Sealer } from '../../core/seal.ts'
import type { Clock } from '../clock.ts'
import type { IdentitySecrets } from '../secrets.ts'
import { clientIdOf } from '../service/settings.ts'
import { Trail } from '../service/trail.ts'
import type { AuthenticateClient } from '../verifier/client-authentication.ts'
import type { NetworkOf } from '../verifier/networks.ts'
import { ConsentDelegator } from './consent-delegator.ts'
import { CALLBACK_PATH, CONSENT_PATH, ConsentPages } from './consent-pages.ts'
import { Consents } from './consents.ts'
import type { KeptGrant } from './kept-grant.ts'
import { KeptGrants } from './kept-grants.ts'
import { SealedStore } from './sealed-store.ts'
import { ServerClient } from './server-client.ts'
import { SignInFlow } from './sign-in-flow.ts'

export interface ConsentDelegatorsParts {
  /** The configuration that holds now. */
  readonly config: () => NodeConfig
  /** Base URL of the node. */
  readonly base: () => string
  /** The state folder; undefined keeps sign-ins in memory. */
  readonly folder: string | undefined
  readonly secrets: IdentitySecrets
  readonly network: NetworkOf
  readonly authenticateClient: AuthenticateClient
  readonly audit: Audit
  readonly clock: Clock
  readonly log: Logger
}

/** Sign-ins under way at most, of all callers: each is good for `signInTimeout`. */
const UNDER_WAY = 10_000

type Reached = Exclude<UpstreamConfig, { kind: 'stdio' }>

/** Makes what asks callers to sign in at upstreams, one for each as it is configured, and the pages they do it on. */
export class ConsentDelegators {
  readonly pages: ConsentPages
  readonly #parts: ConsentDelegatorsParts
  readonly #consents: Consents
  readonly #store: SealedStore
  readonly #made = new Map<string, ConsentDelegator>()

  constructor(parts: ConsentDelegatorsParts) {
    const { config, base, folder, secrets, clock, log } = parts
    const { limits } = config()
    const lifetime = limits.signInTimeout / 1_000
    this.#parts = parts
    this.#consents = new Consents({
      clock,
      secret: secrets.sealing,
      lifetime,
      capacity: UNDER_WAY,
      urlOf: (id) => `${base()}${CONSENT_PATH}${id}`,
    })
    this.#store = new SealedStore({
      folder: folder === undefined ? undefined : join(folder, 'sign-ins'),
      sealer: new Sealer(secrets.sealing, 'sign-ins'),
      capacity: limits.signIns,
    })
    const name = (): string => config().node.name
    this.pages = new ConsentPages({ consents: this.#consents, base, name, lifetime, log })
  }

  /** Takes the place of the one there was for that label. */
  of(label: string, upstream: Reached, auth: ConsentAuth): ConsentDelegator {
    this.forget(label)
    const { config, audit, secrets, clock, log } = this.#parts
    const url = upstream.kind === 'http' ? upstream.http.url : upstream.node.url
    const flow = this.#flow(url, upstream, auth)
    const capacity = config().limits.delegatedTokens
    const renew = (grant: KeptGrant): Promise<KeptGrant> => flow.renew(grant)
    const grants = new KeptGrants({ url, store: this.#store, renew, capacity, clock })
    const made = new ConsentDelegator({
      label,
      url,
      auth,
      flow,
      grants,
      consents: this.#consents,
      capacity,
      audit: (principal, grant) => note(audit, secrets.audit, { principal, grant }),
      clock,
      log,
    })
    this.#made.set(label, made)
    return made
  }

  forget(label: string): void {
    this.#made.get(label)?.clear()
    this.#made.delete(label)
  }

  clear(): void {
    this.#consents.clear()
    for (const made of this.#made.values()) made.clear()
  }

  #flow(url: string, { egress }: Reached, auth: ConsentAuth): SignInFlow {
    const { config, base, network, authenticateClient, clock } = this.#parts
    const redirectUri = (): string => `${base()}${CALLBACK_PATH}`
    const reach = network(egress)
    let client: ServerClient | undefined
    // The base URL is known when the node listens, and nobody signs in before.
    const clientOf = (): ServerClient =>
      (client ??= new ServerClient({
        configured: auth.client,
        document: clientIdOf(base()),
        redirectUri: redirectUri(),
        name: config().node.name,
        fetch: reach.fetch,
        store: this.#store,
      }))
    return new SignInFlow({
      url,
      auth,
      network: reach,
      client: clientOf,
      redirectUri,
      authenticateClient,
      clock,
    })
  }
}

function note(
  audit: Audit,
  secret: Buffer,
  { principal, grant }: { readonly principal: Principal; readonly grant: KeptGrant },
): void {
  const { issuer, resource, clientId, scopes, expiresAt } = grant.facts
  const trail = new Trail(audit, secret)
  trail.noteSubject(principal.issuer, principal.subject)
  trail.note({ kind: 'consent', client: clientId, issuer, audience: resource })
  trail.note({ scopesOut: scopes, expiresAt })
  trail.end('issued')
}
