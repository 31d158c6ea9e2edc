import { Fault } from '../../../protocol/errors.ts'
import { readResourceChallenges } from '../../../protocol/token/challenge.ts'
import { isCovered } from '../../../protocol/token/scopes.ts'
import type { ConsentAuth } from '../../core/config-identity-types.ts'
import { consentRequired } from '../../core/consent-required.ts'
import type { Authorization, Delegator, HttpMethod, Refusal } from '../../core/delegation.ts'
import type { Logger } from '../../core/logger.ts'
import { LOCAL_CALLER, type Principal } from '../../core/principal.ts'
import type { Clock } from '../clock.ts'
import { delegationFault } from '../delegation/delegation-faults.ts'
import { TokenAuthorization } from '../delegation/token-authorization.ts'
import { Lru } from '../lru.ts'
import { ProofMaker } from '../proof-maker.ts'
import { withRetryHint } from '../retry-hint.ts'
import type { Consents, SignInTarget } from './consents.ts'
import type { KeptGrant } from './kept-grant.ts'
import type { KeptGrants } from './kept-grants.ts'
import type { SignInFlow, SignInPlan, SignInStarted, SignInWish } from './sign-in-flow.ts'
import { SignInOver, type UserTokens } from './user-tokens.ts'

export interface ConsentDelegatorOptions {
  readonly label: string
  readonly url: string
  readonly auth: ConsentAuth
  readonly flow: SignInFlow
  readonly grants: KeptGrants
  readonly consents: Consents
  /** Callers whose step ups are counted. */
  readonly capacity: number
  readonly audit: (principal: Principal, grant: KeptGrant) => void
  readonly clock: Clock
  readonly log: Logger
}

/** How often one caller is asked for more scopes within the time that follows: an upstream could ask for ever. */
const STEP_UPS = { most: 3, seconds: 600 }

/** How long an upstream that refused a request without token is left alone, s. */
const SHY_SECONDS = 60

/** What the upstream last said it wants of who has no token (401). */
interface Wanted {
  readonly scopes: readonly string[]
  readonly hint: string | undefined
}

const NOTHING: Wanted = { scopes: [], hint: undefined }

/**
 * Passes callers on to an upstream of somebody else, where each signs in itself. A caller without a token is told where
 * (`consent_required`); what it grants is kept for that caller alone, used for its calls alone, and seen by nobody. The
 * node itself lists with the sign-in of the one caller the configuration names, or without a token.
 */
export class ConsentDelegator implements Delegator, SignInTarget {
  readonly signsIn = true
  readonly own: Authorization
  readonly label: string
  readonly address: string
  readonly #options: ConsentDelegatorOptions
  readonly #stepUps: Lru<string, { count: number; readonly until: number }>
  #wanted = NOTHING
  /** Scopes the lists need besides those their user granted (403). */
  #listsWant: readonly string[] = []
  #nonce: string | undefined

  constructor(options: ConsentDelegatorOptions) {
    const { label, url, grants, capacity, clock } = options
    const { origin, pathname } = new URL(url)
    this.#options = options
    this.label = label
    this.address = `${origin}${pathname}`
    this.#stepUps = new Lru(capacity)
    this.own = new ListingAuthorization({
      clock,
      lister: () => grants.lister(),
      authorization: (tokens) => this.#authorization(tokens),
      note: (refusal) => this.#note(refusal),
    })
  }

  delegate(principal: Principal): Authorization | Promise<Authorization> {
    const { auth, grants } = this.#options
    const { scopes = auth.requires } = principal
    const missing = auth.requires.filter((scope) => !isCovered(scopes, scope))
    if (missing.length > 0) {
      const text = 'the token does not allow what this upstream is used for'
      throw new Fault('insufficient_scope', text, { data: { scopes: missing } })
    }
    const tokens = grants.of(principal)
    const loading = tokens.load()
    const settle = (): Authorization | Promise<Authorization> => this.#signedIn(principal, tokens)
    return loading === undefined ? settle() : loading.then(settle)
  }

  denied(principal: Principal, scopes: readonly string[]): Fault {
    const { grant } = this.#options.grants.of(principal)
    if (grant === undefined) return this.#ask(principal, undefined, scopes)
    const isMore = scopes.some((scope) => !grant.facts.scopes.includes(scope))
    if (isMore && this.#mayStepUp(principal)) return this.#ask(principal, grant, scopes)
    return new Fault('delegation_refused', `upstream "${this.label}" denied it`)
  }

  plan(wish: SignInWish): Promise<SignInPlan> {
    return this.#options.flow.plan(wish)
  }

  start(plan: SignInPlan): Promise<SignInStarted> {
    return this.#options.flow.start(plan)
  }

  async granted(principal: Principal, grant: KeptGrant): Promise<void> {
    const { grants, audit } = this.#options
    await grants.of(principal).take(grant)
    if (this.#isLister(principal)) await grants.setLister(principal)
    this.#listsWant = []
    audit(principal, grant)
  }

  /** Tokens in memory go; what is kept stays. */
  clear(): void {
    this.#options.grants.clear()
    this.#stepUps.clear()
  }

  #signedIn(principal: Principal, tokens: UserTokens): Authorization | Promise<Authorization> {
    const { grant } = tokens
    if (grant === undefined) throw this.#ask(principal, undefined, this.#wanted.scopes)
    const wanted = this.#isLister(principal) ? this.#listsWant : []
    if (wanted.some((scope) => !grant.facts.scopes.includes(scope)) && this.#mayStepUp(principal)) {
      throw this.#ask(principal, grant, wanted)
    }
    const authorization = this.#authorization(tokens, principal)
    const ready = authorization.ready()
    return ready === undefined ? authorization : ready.then(() => authorization)
  }

  #authorization(tokens: UserTokens, principal?: Principal): TokenAuthorization {
    const { url } = this.#options
    return new TokenAuthorization(tokens, {
      url,
      proofs: { proof: (request) => proofsOf(tokens, this.#options.clock).proof(request) },
      nonce: () => this.#nonce,
      learn: (nonce) => {
        this.#nonce = nonce
      },
      failed: (error) => this.#failed(error, principal),
    })
  }

  #failed(error: unknown, principal: Principal | undefined): Fault {
    if (error instanceof SignInOver && principal !== undefined) {
      return this.#ask(principal, undefined, this.#wanted.scopes)
    }
    const fault = error instanceof SignInOver ? unlisted() : delegationFault(withRetryHint(error))
    const why = fault.cause instanceof Error ? fault.cause.message : fault.message
    this.#options.log.warn(
      { upstream: this.label, code: fault.code, why },
      'no token for an upstream',
    )
    return fault
  }

  #ask(principal: Principal, grant: KeptGrant | undefined, challenged: readonly string[]): Fault {
    const before = grant?.facts.scopes ?? []
    const wish = { challenged, before, hint: this.#wanted.hint }
    return consentRequired(this.#options.consents.ask(principal, this, wish))
  }

  #mayStepUp({ key }: Principal): boolean {
    const now = this.#options.clock()
    const known = this.#stepUps.get(key)
    if (known === undefined || now >= known.until) {
      this.#stepUps.set(key, { count: 1, until: now + STEP_UPS.seconds })
      return true
    }
    known.count += 1
    return known.count <= STEP_UPS.most
  }

  #isLister({ key, issuer, subject }: Principal): boolean {
    const { lists } = this.#options.auth
    if (lists === undefined) return key === LOCAL_CALLER.key
    return lists.subject === subject && (lists.issuer ?? issuer) === issuer
  }

  /** What the upstream said to the node itself; what it says to callers comes with their calls. */
  #note({ status, challenges = '' }: Refusal): void {
    const [first] = readResourceChallenges(challenges)
    if (first === undefined) return
    if (status === 403) this.#listsWant = first.scopes
    else this.#wanted = { scopes: first.scopes, hint: first.resourceMetadata }
  }
}

function proofsOf({ grant }: UserTokens, clock: Clock): ProofMaker {
  if (grant?.key === undefined) throw new SignInOver('the sign-in has ended')
  return new ProofMaker(grant.key, clock)
}

function unlisted(): Fault {
  const text = 'nobody whose lists may be shown has signed in there'
  return new Fault('upstream_unavailable', text)
}

interface ListingParts {
  readonly clock: Clock
  /** The tokens lists are fetched with; undefined while nobody who may has signed in. */
  readonly lister: () => UserTokens | undefined | Promise<UserTokens | undefined>
  readonly authorization: (tokens: UserTokens) => Authorization
  readonly note: (refusal: Refusal) => void
}

/** In whose name the node lists and watches: that of one caller, or nobody's for as long as the upstream takes that. */
class ListingAuthorization implements Authorization {
  readonly #parts: ListingParts
  #inner: Authorization | undefined
  #tokens: UserTokens | undefined
  /** Until then no request is sent without a token, seconds since 1970. */
  #shyUntil = -Infinity

  constructor(parts: ListingParts) {
    this.#parts = parts
  }

  lines(method: HttpMethod): readonly string[] | Promise<readonly string[]> {
    const lister = this.#parts.lister()
    return lister instanceof Promise
      ? lister.then((tokens) => this.#lines(tokens, method))
      : this.#lines(lister, method)
  }

  refused(refusal: Refusal): boolean {
    this.#parts.note(refusal)
    if (this.#inner !== undefined) return this.#inner.refused(refusal)
    if (refusal.status === 401) this.#shyUntil = this.#parts.clock() + SHY_SECONDS
    return false
  }

  #lines(
    tokens: UserTokens | undefined,
    method: HttpMethod,
  ): readonly string[] | Promise<readonly string[]> {
    if (tokens?.grant === undefined) {
      this.#inner = undefined
      this.#tokens = undefined
      if (this.#parts.clock() < this.#shyUntil) throw unlisted()
      return []
    }
    if (this.#tokens !== tokens) this.#inner = undefined
    this.#tokens = tokens
    this.#inner ??= this.#parts.authorization(tokens)
    return this.#inner.lines(method)
  }
}
