import { FORM_LIMITS } from '../../../protocol/token/form.ts'
import type { OAuthRequest, OAuthResponse, OAuthService } from '../../core/authentication.ts'
import { SecretChecker } from './client-secret.ts'
import { Documents } from './documents.ts'
import { isEndpoint, serveEndpoint, type EndpointContext } from './endpoints.ts'
import { KeySources } from './key-sources.ts'
import { AuditedIssuer } from './audited-issuer.ts'
import { SigningIssuer, type LocalIssuer } from './local-issuer.ts'
import { Rates } from './rates.ts'
import { oauthFault, refuse, respondEmpty } from './rescue.ts'
import { Roster } from './roster.ts'
import type { IssuerPolicy, ServiceParts, ServiceSettings } from './settings.ts'

interface State {
  readonly documents: Documents
  /** Undefined where nothing is made here. */
  readonly context: EndpointContext | undefined
  readonly local: LocalIssuer | undefined
}

/**
 * The organisation's token issuer in this process, and the documents of the node: metadata (RFC 8414, RFC 9728), keys, the
 * token endpoint with its three grants, revocation (RFC 7009) and introspection (RFC 7662). What it remembers outlives
 * changes of the configuration.
 */
export class TokenService implements OAuthService {
  readonly maxBodyBytes: number = FORM_LIMITS.bytes
  readonly #parts: ServiceParts
  readonly #sources: KeySources
  readonly #secrets: SecretChecker
  readonly #rates: Rates
  #state: State

  /** @throws TypeError when the settings name somebody twice */
  constructor(settings: ServiceSettings, parts: ServiceParts) {
    this.#parts = parts
    this.#sources = new KeySources(parts)
    this.#secrets = new SecretChecker(parts.clock)
    this.#rates = new Rates(parts.clock)
    this.#state = this.#build(settings)
  }

  /** The door without HTTP for this node's own exchanges and grants; undefined where neither is made here. */
  get local(): LocalIssuer | undefined {
    return this.#state.local
  }

  /** Works by other settings from the next request on. @throws TypeError, and then all stays as it was */
  apply(settings: ServiceSettings): void {
    this.#sources.begin()
    this.#state = this.#build(settings)
    this.#sources.finish()
  }

  owns(path: string): boolean {
    const { documents, context } = this.#state
    return documents.has(path) || (context !== undefined && isEndpoint(path, context.policy))
  }

  async serve(request: OAuthRequest): Promise<OAuthResponse> {
    const { documents, context } = this.#state
    try {
      if (context !== undefined && isEndpoint(request.path, context.policy)) {
        return await serveEndpoint(request, context)
      }
      return documents.has(request.path) ? documents.serve(request) : respondEmpty(404)
    } catch (error) {
      return refuse(oauthFault(error))
    }
  }

  close(): void {
    this.#sources.close()
  }

  #build(settings: ServiceSettings): State {
    const { issuer: policy } = settings
    const documents = new Documents(settings, this.#parts)
    if (policy === undefined) return { documents, context: undefined, local: undefined }
    const issuer = this.#issuer(policy)
    const context = {
      policy,
      issuer,
      roster: new Roster(policy, settings, this.#sources),
      endpoints: settings.endpoints,
      rates: this.#rates,
      parts: this.#parts,
      secrets: this.#secrets,
    }
    const { audit, secrets } = this.#parts
    return { documents, context, local: new AuditedIssuer(issuer, audit, secrets.audit) }
  }

  #issuer({ identifier }: IssuerPolicy): LocalIssuer {
    const { keys, secrets, clock } = this.#parts
    const options = { issuer: identifier, keys: keys.ring('sts'), secret: secrets.sealing, clock }
    return new SigningIssuer(options)
  }
}
