import { PROOF_ALGS } from '../../../protocol/token/dpop.ts'
import { present } from '../../../protocol/token/fields.ts'
import {
  clientDocument,
  resourceMetadata,
  resourceMetadataUrl,
  serverMetadata,
} from '../../../protocol/token/metadata.ts'
import { insertWellKnown } from '../../../protocol/token/urls.ts'
import type { OAuthRequest, OAuthResponse } from '../../core/authentication.ts'
import { respond, respondEmpty } from './rescue.ts'
import {
  clientIdOf,
  PATHS,
  type IssuerPolicy,
  type ServedEndpoint,
  type ServiceParts,
  type ServiceSettings,
} from './settings.ts'

/** What a path shows, made when it is asked for: keys are renewed, and endpoints show more and less. */
type Document = () => object | string

const SERVER = 'oauth-authorization-server'
const MINUTES_10 = '600'

/** Said to whoever goes where people would log in (RFC 6749 §4.1.2.1); without a redirect, because no client has one. */
const NO_LOGIN = {
  error: 'unsupported_response_type',
  error_description: 'people log in at the identity provider of the organisation',
}

/** The documents of the node by their paths. */
export class Documents {
  readonly #documents = new Map<string, Document>()

  constructor(settings: ServiceSettings, parts: Pick<ServiceParts, 'keys'>) {
    const { base, name, endpoints, issuer, signsResults } = settings
    const jwksUri = signsResults === true ? `${base}${PATHS.resultJwks}` : undefined
    for (const endpoint of endpoints) this.#addEndpoint(endpoint, jwksUri)
    if (signsResults === true) {
      this.#documents.set(PATHS.resultJwks, () => parts.keys.ring('result').jwks())
    }
    this.#documents.set(PATHS.clientJwks, () => parts.keys.ring('client').jwks())
    this.#documents.set(PATHS.client, () =>
      clientDocument({
        clientId: clientIdOf(base),
        name,
        jwksUri: `${base}${PATHS.clientJwks}`,
        ...present({ redirectUri: settings.redirectUri }),
      }),
    )
    if (issuer === undefined) return
    if (issuer.subjects === undefined) this.#documents.set(PATHS.authorize, () => NO_LOGIN)
    this.#documents.set(PATHS.jwks, () => parts.keys.ring('sts').jwks())
    const metadata: Document = () => metadataOf(issuer, endpoints)
    this.#documents.set(`/.well-known/${SERVER}`, metadata)
    // RFC 8414 §3.1: between host and path of the identifier.
    this.#documents.set(pathOf(insertWellKnown(issuer.identifier, SERVER)), metadata)
  }

  has(path: string): boolean {
    return this.#documents.has(path)
  }

  serve(request: OAuthRequest): OAuthResponse {
    const document = this.#documents.get(request.path)
    if (document === undefined) return respondEmpty(404)
    if (isPreflight(request)) return respondEmpty(204, PREFLIGHT)
    if (request.path === PATHS.authorize) return respond(400, NO_LOGIN)
    if (request.method === 'GET' || request.method === 'HEAD') return respond(200, document())
    return respondEmpty(405, ['allow', 'GET, HEAD'])
  }

  #addEndpoint(endpoint: ServedEndpoint, jwksUri: string | undefined): void {
    const { resource, name, title } = endpoint
    const document: Document = () =>
      resourceMetadata({
        resource,
        issuer: endpoint.issuer,
        scopes: endpoint.scopes(),
        dpopRequired: endpoint.dpopRequired,
        dpopAlgs: PROOF_ALGS,
        ...present({ name: title, jwksUri }),
      })
    this.#documents.set(pathOf(resourceMetadataUrl(resource)), document)
    // Behind a proxy that takes a part of the path off.
    this.#documents.set(`/.well-known/oauth-protected-resource/mcp/${name}`, document)
  }
}

/** What a page in a browser may send to read these (Fetch standard, CORS protocol); the origin is admitted elsewhere. */
const PREFLIGHT: readonly string[] = [
  'access-control-allow-methods',
  'GET, HEAD',
  'access-control-allow-headers',
  '*, mcp-protocol-version',
  'access-control-max-age',
  MINUTES_10,
]

function isPreflight({ method, header }: OAuthRequest): boolean {
  return method === 'OPTIONS' && header('access-control-request-method').length > 0
}

function pathOf(url: string): string {
  return new URL(url).pathname
}

function metadataOf(issuer: IssuerPolicy, endpoints: readonly ServedEndpoint[]): object {
  const { identifier, base, algs, trust, subjects } = issuer
  const own = endpoints.filter((endpoint) => endpoint.issuer === identifier)
  const facts = {
    issuer: identifier,
    base,
    algs,
    scopes: [...new Set(own.flatMap((endpoint) => endpoint.scopes()))].toSorted(),
    dpopAlgs: PROOF_ALGS,
    idJag: trust.some(({ profiles }) => profiles.includes('id-jag')),
    grantsOnly: subjects !== undefined,
  }
  // Whoever wants to log in is not helped by a server that makes no tokens.
  if (facts.grantsOnly) return serverMetadata(facts)
  // Nobody logs in here, and no response type is supported; but the SDK of MCP takes no metadata without it.
  return { ...serverMetadata(facts), authorization_endpoint: `${base}${PATHS.authorize}` }
}
