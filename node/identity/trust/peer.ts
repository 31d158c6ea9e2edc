import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import {
  readClientDocument,
  type ResourceMetadata,
  type ServerMetadata,
} from '../../../protocol/token/metadata-read.ts'
import { readSecureUrl } from '../../../protocol/token/urls.ts'
import type { SignatureAlgorithm } from '../../core/config-identity-types.ts'
import { FetchFault } from '../fetch-fault.ts'
import { keySetOf, readKeySet, type KeyRules } from '../key-set.ts'
import { clientIdOf } from '../service/settings.ts'
import type { Network } from '../verifier/networks.ts'

/** Somebody's public keys, by their RFC 7638 thumbprints: what two people can compare over the telephone. */
export interface PublishedKeys {
  /** An issuer, or a client id. */
  readonly of: string
  readonly jwksUri: string | undefined
  readonly thumbprints: readonly string[]
}

/** What an organisation publishes of itself. Nothing of it is trusted for having been fetched. */
export interface PeerFacts {
  readonly metadata: ServerMetadata
  readonly issuer: PublishedKeys
  readonly clients: readonly PublishedKeys[]
}

const JWKS_TYPES = ['application/json', 'application/jwk-set+json']

/** Keys somebody else may be trusted by. */
export interface PeerKeyRules {
  readonly algs: readonly SignatureAlgorithm[]
  readonly pins: readonly string[]
}

function rulesOf({ algs, pins }: PeerKeyRules): KeyRules {
  return { algs, pins, thumbprintKids: false }
}

/**
 * The keys at a URL that may be used.
 *
 * @throws FetchFault; `document` when there are none
 */
export async function keysAt(
  url: string,
  rules: PeerKeyRules,
  { fetch }: Network,
): Promise<readonly string[]> {
  const { json } = await fetch.getJson(url, { types: JWKS_TYPES })
  return usable(url, json, rules)
}

function usable(url: string, set: JsonObject, rules: PeerKeyRules): readonly string[] {
  const { thumbprints } = readKeySet(set, rulesOf(rules))
  if (thumbprints.length > 0) return thumbprints
  const why = rules.pins.length > 0 ? 'none of the pinned keys' : 'no key of an accepted algorithm'
  throw new FetchFault('document', new URL(url).host, `the key set has ${why}`)
}

/** The keys a client metadata document names or holds. @throws FetchFault, OAuthFault */
export async function clientKeys(
  clientId: string,
  rules: PeerKeyRules,
  network: Network,
): Promise<PublishedKeys> {
  const { json } = await network.fetch.getJson(clientId)
  const { jwksUri, keys } = readClientDocument(json, clientId)
  if (jwksUri !== undefined) {
    return { of: clientId, jwksUri, thumbprints: await keysAt(jwksUri, rules, network) }
  }
  const { thumbprints } = keySetOf(keys ?? [], rulesOf(rules))
  return { of: clientId, jwksUri, thumbprints }
}

/**
 * Looks an issuer up, and the nodes that may redeem its grants.
 *
 * @param clients default: the client id of a node at the URL of the issuer
 * @throws FetchFault, OAuthFault
 */
export async function lookUpPeer(
  issuer: string,
  network: Network,
  { clients, ...rules }: PeerKeyRules & { readonly clients: readonly string[] | undefined },
): Promise<PeerFacts> {
  const metadata = await network.discovery.issuer(issuer)
  const { jwksUri } = metadata
  if (jwksUri === undefined) {
    throw new FetchFault('document', new URL(issuer).host, 'names no keys in its metadata')
  }
  const thumbprints = await keysAt(jwksUri, rules, network)
  const ids = clients ?? [clientIdOf(issuer)]
  return {
    metadata,
    issuer: { of: issuer, jwksUri, thumbprints },
    clients: await Promise.all(ids.map((id) => clientKeys(id, rules, network))),
  }
}

/** What is at a URL somebody gave: an endpoint that can be called, or an issuer whose people may call. */
export type Found =
  | { readonly kind: 'endpoint'; readonly resource: ResourceMetadata }
  | { readonly kind: 'issuer'; readonly issuer: string }

/** @throws FetchFault when it is neither, or cannot be reached */
export async function whatIsAt(url: string, { discovery }: Network): Promise<Found> {
  const parsed = readSecureUrl(url)
  if (parsed === undefined || parsed.search !== '') {
    throw new FetchFault('url', 'this', 'is no https URL without query (http on loopback only)')
  }
  const issuer = url.replace(/\/$/, '')
  if (parsed.pathname !== '/') {
    const resource = await discovery.resource(url).catch(absent)
    if (resource !== undefined) return { kind: 'endpoint', resource }
  }
  return { kind: 'issuer', issuer: (await discovery.issuer(issuer)).issuer }
}

function absent(error: unknown): undefined {
  if (error instanceof FetchFault && error.problem === 'document') return undefined
  throw error
}
