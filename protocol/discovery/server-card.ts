// Server cards and the catalogue that lists them (SEP-2127, experimental-ext-server-card of July 2026): what a client may know
// before it connects. Neither says what tools there are.
import type { JsonObject } from '../jsonrpc.ts'
import { SERVED_REVISIONS } from '../revisions.ts'

/** Media type of a card. */
export const CARD_TYPE = 'application/mcp-server-card+json'
/** Media type of a catalogue. */
export const CATALOG_TYPE = 'application/ai-catalog+json'
/** Where the catalogue of a host is. */
export const CATALOG_PATH = '/.well-known/ai-catalog.json'
/** What is added to the URL of an endpoint to get its card. */
export const CARD_SUFFIX = '/server-card'
const CARD_SCHEMA = 'https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json'
const SERVER_SCHEMA = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json'
const CATALOG_VERSION = '1.0'

/** A name in reverse DNS form: a namespace, one slash, a name. */
export const SERVER_NAME: RegExp = /^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/

/** What an operator publishes of an endpoint. */
export interface PublicCard {
  /** Like `com.example/weather`; at most 200 characters. */
  readonly name: string
  /** At most 100 characters. */
  readonly description: string
  readonly title?: string
  readonly websiteUrl?: string
}

/** What the node adds to it. */
export interface CardFacts {
  readonly card: PublicCard
  /** Of the node, as in its serverInfo. */
  readonly version: string
  /** URL of the endpoint, as clients know it. */
  readonly url: string
}

/** The card of an endpoint. */
export function serverCard(facts: CardFacts): JsonObject {
  const remote = { ...remoteOf(facts), supportedProtocolVersions: SERVED_REVISIONS }
  return { $schema: CARD_SCHEMA, ...detailsOf(facts), remotes: [remote] }
}

/** The entry of an endpoint in a registry, as a `server.json` (registry API v0.1). */
export function serverDetail(facts: CardFacts): JsonObject {
  return { $schema: SERVER_SCHEMA, ...detailsOf(facts), remotes: [remoteOf(facts)] }
}

function detailsOf({ card, version }: CardFacts): JsonObject {
  const { name, description, title, websiteUrl } = card
  return {
    name,
    ...(title !== undefined && { title }),
    description,
    version,
    ...(websiteUrl !== undefined && { websiteUrl }),
  }
}

function remoteOf({ url }: CardFacts): JsonObject {
  return { type: 'streamable-http', url }
}

/** The catalogue of all endpoints that have a card. */
export function catalogOf(all: readonly CardFacts[]): JsonObject {
  return {
    specVersion: CATALOG_VERSION,
    entries: all.map(({ card, url }) => ({
      identifier: identifierOf(card.name),
      type: CARD_TYPE,
      url: `${url}${CARD_SUFFIX}`,
    })),
  }
}

/** A name by the domain it belongs to: `com.example/weather` is `urn:air:example.com:mcp:weather`. */
function identifierOf(name: string): string {
  const [namespace = '', rest = ''] = name.split('/')
  return `urn:air:${namespace.split('.').toReversed().join('.')}:mcp:${rest}`
}
