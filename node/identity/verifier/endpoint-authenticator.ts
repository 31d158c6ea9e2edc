import { hash } from 'node:crypto'
import { Fault } from '../../../protocol/errors.ts'
import type { AccessClaims, Confirmation } from '../../../protocol/token/claims.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'
import type { Authenticator, CredentialFacts, Standing } from '../../core/authentication.ts'
import { LOCAL_CALLER, type Credential, type Principal } from '../../core/principal.ts'
import type { Clock } from '../clock.ts'
import { CredentialHolder, holdsCredential } from '../credential.ts'
import type { KeyFinder } from '../jwt.ts'
import { Lru } from '../lru.ts'
import type { ProofCheckers } from '../proof-checkers.ts'
import { findStaticKey } from '../static-keys.ts'
import { verifyAccessToken } from './access-tokens.ts'
import { readAuthorization, type Presented } from './authorization-header.ts'
import { challengeHeaders } from './challenges.ts'
import type { AuthenticateClient } from './client-authentication.ts'
import {
  endpointPolicy,
  issuerOf,
  keySources,
  organisationKeys,
  type EndpointPolicy,
  type VerifierConfig,
  type VerifierLimits,
} from './endpoint-policy.ts'
import { INTROSPECTION_SECONDS } from './introspection.ts'
import { IssuerKeys } from './issuer-keys.ts'
import type { NetworkOf } from './networks.ts'
import type { SubjectIssuer } from '../service/settings.ts'
import { grantedScopes, keyPrincipal, tokenPrincipal } from './principals.ts'
import { checkSender } from './sender-binding.ts'
import { OpenStanding, TokenStanding } from './standing.ts'

export interface EndpointAuthenticatorOptions {
  readonly limits: VerifierLimits
  /** Public URL of the node, without a slash at its end; known when the first request comes. */
  readonly baseUrl: () => string
  /** Of purpose `sts`; undefined where this process issues no tokens. */
  readonly ownKeys: KeyFinder | undefined
  readonly proofs: ProofCheckers
  /** Whether a token is revoked; asked each time one is used. */
  readonly isRevoked: (claims: Pick<AccessClaims, 'iss' | 'jti' | 'sid' | 'txn'>) => boolean
  /** Scopes a caller of an endpoint may ask for: what its metadata says. */
  readonly scopesOf: (endpoint: string) => readonly string[]
  readonly network: NetworkOf
  readonly authenticateClient: AuthenticateClient
  readonly clock: Clock
}

/** A credential that was verified. */
export interface Verified {
  /** It was verified by this policy; by another it would have to be again. */
  readonly policy: EndpointPolicy
  readonly principal: Principal
  readonly credential: Credential
  /** Seconds since 1970. */
  readonly until: number
  /** Undefined for a static key, which is not bound to anybody. */
  readonly token:
    { readonly claims: AccessClaims; readonly cnf: Confirmation | undefined } | undefined
}

/** How long a verified token counts as such, s. */
const VERIFIED_SECONDS = 60

/** Characters at the end of a token that it is found by: half of a signature with ES256. */
const TAIL = 43

/** What a signed token looks like; what does not is opaque. */
const SIGNED = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/**
 * Tells the callers of all endpoints by tokens (RFC 6750, 9068, 9449, 8705), opaque tokens (RFC 7662) and static keys. At
 * once for a token that was verified lately: a hash and a look-up, and the proof where there is one.
 */
export class EndpointAuthenticator implements Authenticator {
  readonly #options: EndpointAuthenticatorOptions
  readonly #verified: Lru<string, Verified>
  readonly #issuerKeys: IssuerKeys
  #config: VerifierConfig
  #policies = new Map<string, EndpointPolicy>()

  constructor(config: VerifierConfig, options: EndpointAuthenticatorOptions) {
    this.#config = config
    this.#options = options
    this.#verified = new Lru(options.limits.verifiedTokens)
    this.#issuerKeys = new IssuerKeys(options)
  }

  /** Follows a changed configuration: what was verified by the old one is verified anew. */
  configure(config: VerifierConfig): void {
    this.#config = config
    this.#policies = new Map()
    this.#verified.clear()
    const base = this.#options.baseUrl()
    this.#issuerKeys.keep(keySources(config, base))
  }

  /** How tokens of a foreign issuer are read that callers of an endpoint come with; undefined where it is the own one. */
  subjects(endpoint: string): SubjectIssuer | undefined {
    const { issuer } = this.#config
    const policy = this.#policyOf(endpoint)
    if (policy?.access === undefined) return undefined
    const { access, auth, scopes: rules } = policy
    if (access.issuer === issuerOf({}, issuer, this.#options.baseUrl())) return undefined
    const scopes = (granted: readonly string[]): readonly string[] => grantedScopes(granted, rules)
    const { algs, types: otherTypes } = auth
    return { issuer: access.issuer, keys: access.keys, algs, otherTypes, scopes }
  }

  /** How tokens of the organisation are read that other nodes bring; undefined where nodes make them. */
  organisation(): SubjectIssuer | undefined {
    const { issuer: own } = this.#config
    const source = own && organisationKeys(own)
    if (own === undefined || source === undefined) return undefined
    const { issuer, algs } = source
    const keys = this.#issuerKeys.of(source)
    return { issuer, keys, algs, otherTypes: own.types, scopes: organisationScopes }
  }

  close(): void {
    this.#issuerKeys.close()
    this.#verified.clear()
  }

  /** @throws Fault `unauthenticated`, `bad_http`, `overloaded`; the promise rejects with it too */
  authenticate(facts: CredentialFacts): Principal | Promise<Principal> {
    const policy = this.#policyOf(facts.endpoint)
    if (policy === undefined) return LOCAL_CALLER
    const { limits, clock } = this.#options
    const presented = readAuthorization(facts.header('authorization'), limits.tokenBytes)
    const { token } = presented
    const id = idOf(facts, token)
    const known = this.#verified.get(id)
    if (known !== undefined && isStill(known, { token, policy, now: clock() })) {
      return this.#admit(known, presented, facts)
    }
    const verified = this.#verify(policy, presented)
    if (!(verified instanceof Promise))
      return this.#admit(this.#keep(id, verified), presented, facts)
    return verified.then((fresh) => this.#admit(this.#keep(id, fresh), presented, facts))
  }

  /** @throws as `authenticate` */
  stand(facts: CredentialFacts): Standing | Promise<Standing> {
    const { endpoint } = facts
    const policy = this.#policyOf(endpoint)
    if (policy === undefined) return new OpenStanding(() => this.#policyOf(endpoint) === undefined)
    const { limits, clock, isRevoked } = this.#options
    const presented = readAuthorization(facts.header('authorization'), limits.tokenBytes)
    const id = idOf(facts, presented.token)
    const stand = (): Standing =>
      new TokenStanding({
        verified: this.#verified.get(id),
        isCurrent: () => this.#policyOf(endpoint) === policy,
        renew: () => this.#verify(policy, presented),
        isRevoked,
        clock,
      })
    const admitted = this.authenticate(facts)
    return admitted instanceof Promise ? admitted.then(stand) : stand()
  }

  challenge(endpoint: string, fault: Fault): readonly string[] {
    const policy = this.#config.endpoints[endpoint] && this.#policyOf(endpoint)
    if (policy === undefined) return []
    const { scopesOf, proofs } = this.#options
    return challengeHeaders(fault, {
      dpop: policy.auth.dpop,
      resourceMetadata: policy.resourceMetadata,
      scopes: () => scopesOf(endpoint),
      nonce: () => proofs[policy.auth.dpopNonces].nonce(),
    })
  }

  /** Undefined where whoever comes is taken. */
  #policyOf(endpoint: string): EndpointPolicy | undefined {
    const known = this.#policies.get(endpoint)
    if (known !== undefined) return known
    const auth = this.#config.endpoints[endpoint]?.auth
    if (auth === 'none') return undefined
    if (auth === undefined) throw new Fault('unknown_endpoint', 'there is no such endpoint')
    const made = endpointPolicy(endpoint, auth, {
      ...this.#options,
      baseUrl: this.#options.baseUrl(),
      issuer: this.#config.issuer,
      clients: this.#config.clients,
      issuerKeys: this.#issuerKeys,
    })
    this.#policies.set(endpoint, made)
    return made
  }

  #verify(policy: EndpointPolicy, { scheme, token }: Presented): Verified | Promise<Verified> {
    const { clock } = this.#options
    const { access, introspector, auth } = policy
    const isSigned = SIGNED.test(token)
    // Looked for among a thousand keys, a token nobody knows would cost as much as its signature.
    const mayBeKey = scheme === 'bearer' && !isSigned
    const key = mayBeKey ? findStaticKey(auth.keys, token, clock()) : undefined
    if (key !== undefined) {
      const principal = keyPrincipal(key, policy.resource)
      const credential = new CredentialHolder(token)
      return { policy, principal, credential, until: this.#until(principal), token: undefined }
    }
    if (access === undefined) throw new TokenFault('issuer', 'the credential is not known here')
    const isOpaque = introspector !== undefined && !isSigned
    const claims = isOpaque
      ? introspector.claims(token, hash('sha256', token, 'base64url'))
      : verifyAccessToken(token, access, clock)
    const keep = isOpaque ? INTROSPECTION_SECONDS : VERIFIED_SECONDS
    const verified = (read: AccessClaims): Verified =>
      this.#verifiedToken(policy, read, { token, keep })
    return claims instanceof Promise ? claims.then(verified) : verified(claims)
  }

  #verifiedToken(
    policy: EndpointPolicy,
    claims: AccessClaims,
    { token, keep }: { readonly token: string; readonly keep: number },
  ): Verified {
    const credential = new CredentialHolder(token)
    const principal = tokenPrincipal(claims, policy.scopes, credential)
    return {
      policy,
      principal,
      credential,
      until: this.#until(principal, keep),
      token: { claims, cnf: claims.cnf },
    }
  }

  #until({ expiresAt }: Principal, keep = VERIFIED_SECONDS): number {
    return Math.min(expiresAt / 1_000, this.#options.clock() + keep)
  }

  #keep(id: string, verified: Verified): Verified {
    this.#verified.set(id, verified)
    return verified
  }

  /** What is checked each time a credential is used. */
  #admit(
    { policy, principal, token }: Verified,
    presented: Presented,
    facts: CredentialFacts,
  ): Principal | Promise<Principal> {
    if (token === undefined) return admitKey(principal, presented)
    if (this.#options.isRevoked(token.claims)) {
      throw new TokenFault('revoked', 'the access token has been revoked')
    }
    const { resource, auth } = policy
    const proofs = this.#options.proofs[auth.dpopNonces]
    const sent = checkSender(token.cnf, presented, facts, { resource, dpop: auth.dpop, proofs })
    return sent instanceof Promise ? sent.then(() => principal) : principal
  }
}

/** To hash a token would cost more than all that follows. Signatures differ; what only ends like another is verified. */
function idOf({ endpoint }: CredentialFacts, token: string): string {
  return `${endpoint} ${token.slice(-TAIL)}`
}

/** Whether what was verified is this token, by the rules that hold now, and lately enough. */
function isStill(
  { credential, policy, until }: Verified,
  by: { readonly token: string; readonly policy: EndpointPolicy; readonly now: number },
): boolean {
  return policy === by.policy && until > by.now && holdsCredential(credential, by.token)
}

/** Scopes of the organisation's issuer, which alone knows what all is. */
const organisationScopes: SubjectIssuer['scopes'] = (granted, map = {}) =>
  grantedScopes(granted, { map, everything: true })

/** A static key is bound to nobody, so no proof could be about it. */
function admitKey(principal: Principal, { scheme }: Presented): Principal {
  if (scheme === 'bearer') return principal
  throw new TokenFault('binding', 'the credential does not go with this scheme')
}
