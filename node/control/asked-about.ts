import { didYouMean } from '../core/config-hints.ts'
import type { EndpointAuth } from '../core/config-identity-types.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { EVERYBODY } from '../../protocol/policy/policy.ts'
import type { CallerFacts } from '../../protocol/policy/classes.ts'
import type { JsonObject } from '../../protocol/jsonrpc.ts'
import { normalise } from '../../protocol/token/scopes.ts'
import type { Onlooker, Sights } from '../hop/sight.ts'
import { issuerOf } from '../identity/verifier/endpoint-policy.ts'
import { grantedScopes } from '../identity/verifier/principals.ts'

/** Somebody an operator asks about. Nothing of it is verified: it is who somebody would be. */
export type AskedAbout =
  /** Whoever is in these classes and no other; `scopes` absent: they cover everything. */
  | { readonly classes: readonly string[]; readonly scopes?: readonly string[] | undefined }
  /** Who holds the static key of that name. */
  | { readonly key: string }
  /** Whose token says so; without `scope` its scopes cover everything, without `iss` it is of whoever vouches there. */
  | { readonly claims: JsonObject }

/** Who that is at one endpoint, or why it is nobody there. */
export type AtEndpoint =
  { readonly onlooker: Onlooker; readonly note?: string } | { readonly refused: string }

/** What decides who somebody is. */
export interface Place {
  readonly endpoint: string
  readonly sights: Pick<Sights, 'classesOf'>
  readonly config: NodeConfig
  /** Base URL of the node; undefined while its port is not known. */
  readonly base: string | undefined
}

const ANYBODY = 'the endpoint asks nobody who they are: whoever comes is in no class'

/** What is wrong with the question: classes that are not there; undefined when nothing is. */
export function problemOf(asked: AskedAbout, { clients }: NodeConfig): string | undefined {
  if (!('classes' in asked)) return undefined
  const names = Object.keys(clients)
  const unknown = asked.classes.find((name) => name !== EVERYBODY && !names.includes(name))
  if (unknown === undefined) return undefined
  const hint = didYouMean(unknown, names)
  return `there is no class "${unknown}"${hint === undefined ? '' : `, ${hint}`}`
}

/** Who somebody is at an endpoint, by what would be decided if a request came. */
export function atEndpoint(asked: AskedAbout, place: Place): AtEndpoint {
  const auth = place.config.endpoints[place.endpoint]?.auth
  if (auth === undefined) return { refused: 'there is no such endpoint' }
  if (auth === 'none') {
    const classes = place.sights.classesOf({ kind: 'anonymous' })
    const onlooker = { classes, scopes: undefined }
    const isSomebody = !('classes' in asked) || asked.classes.some((name) => name !== EVERYBODY)
    return isSomebody ? { onlooker, note: ANYBODY } : { onlooker }
  }
  if ('classes' in asked) return { onlooker: member(asked) }
  return 'key' in asked ? keyHolder(asked.key, auth, place) : tokenHolder(asked.claims, auth, place)
}

function member({ classes, scopes }: Extract<AskedAbout, { classes: unknown }>): Onlooker {
  const names = new Set(classes.filter((name) => name !== EVERYBODY))
  return { classes: [...names].toSorted(), scopes: scopes && normalise(scopes) }
}

function keyHolder(name: string, { keys }: EndpointAuth, { sights }: Place): AtEndpoint {
  const key = keys.find((one) => one.name === name)
  if (key === undefined) return { refused: `the endpoint takes no key "${name}"` }
  if (key.notAfter !== undefined && key.notAfter <= Date.now()) {
    return { refused: `the key "${name}" is over` }
  }
  const classes = sights.classesOf({ kind: 'key', name })
  return { onlooker: { classes, scopes: normalise(key.scopes) } }
}

function tokenHolder(claims: JsonObject, auth: EndpointAuth, place: Place): AtEndpoint {
  const { config, base, endpoint, sights } = place
  const own = issuerOf({}, config.issuer, base ?? '')
  const issuer = issuerOf(auth, config.issuer, base ?? '')
  const { iss } = claims
  // An array of one means the same (RFC 7519 §4.1.3).
  const [aud, ...others] = [claims['aud']].flat()
  if (issuer === undefined) return { refused: 'the endpoint takes static keys, and no tokens' }
  if (iss !== undefined && issuer !== '' && iss !== issuer) {
    return { refused: `the endpoint takes tokens of ${issuer}, and of nobody else` }
  }
  const resource = `${base}/mcp/${endpoint}`
  if (aud !== undefined && base !== undefined && (aud !== resource || others.length > 0)) {
    return { refused: 'the token is for another resource' }
  }
  const rules = { map: auth.scopeMap, everything: issuer === own }
  const scopes = scopesOf(claims)
  return {
    onlooker: {
      classes: sights.classesOf(factsOf(claims, issuer)),
      scopes: scopes && grantedScopes(scopes, rules),
    },
  }
}

function factsOf(claims: JsonObject, issuer: string): CallerFacts {
  const [subject, clientId] = [claims['sub'], claims['client_id'] ?? claims['azp']].map((value) =>
    typeof value === 'string' ? value : '',
  )
  return { kind: 'token', issuer, subject: subject ?? '', clientId: clientId ?? '', claims }
}

function scopesOf({ scope }: JsonObject): readonly string[] | undefined {
  if (typeof scope === 'string') return scope.split(' ').filter((one) => one !== '')
  return Array.isArray(scope) ? scope.filter((one) => typeof one === 'string') : undefined
}
