import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { Fault } from '../../../protocol/errors.ts'
import type { CodeAnswer } from '../../../protocol/token/authorization-code.ts'
import type { Principal } from '../../core/principal.ts'
import type { SignInPlace } from '../../core/consent-required.ts'
import type { Clock } from '../clock.ts'
import type { KeptGrant } from './kept-grant.ts'
import type { SignInPlan, SignInStarted, SignInWish } from './sign-in-flow.ts'

/** One upstream, as a sign-in needs it. */
export interface SignInTarget {
  readonly label: string
  /** URL without query, for people. */
  readonly address: string
  plan(wish: SignInWish): Promise<SignInPlan>
  start(plan: SignInPlan): Promise<SignInStarted>
  /** Keeps what was granted, for that caller alone. */
  granted(principal: Principal, grant: KeptGrant): Promise<void>
}

/** One caller's way to sign in at one upstream. */
export interface Consent {
  /** In its URL; 192 random bits. */
  readonly id: string
  readonly principal: Principal
  readonly target: SignInTarget
  readonly wish: SignInWish
}

interface Open extends Consent {
  readonly owner: string
  /** Seconds since 1970. */
  readonly until: number
  started?: { readonly browser: string; readonly flow: SignInStarted } | undefined
}

export interface ConsentsOptions {
  readonly clock: Clock
  /** Ties pages to browsers (HMAC). */
  readonly secret: Buffer
  /** How long a user has, s. */
  readonly lifetime: number
  /** Sign-ins under way at most. */
  readonly capacity: number
  /** URL of the page of an id. */
  readonly urlOf: (id: string) => string
}

/**
 * The sign-ins that callers were asked for and have not finished. Each belongs to one caller (issuer, subject and client)
 * at one upstream, is good once, and ends after a while. What keeps one user from granting for another: a browser must
 * open the page, agree on it and come back with the same secret in its cookie, and the `state` is made only after that.
 */
export class Consents {
  readonly #options: ConsentsOptions
  readonly #byId = new Map<string, Open>()
  readonly #byOwner = new Map<string, Open>()
  readonly #byState = new Map<string, Open>()

  constructor(options: ConsentsOptions) {
    this.#options = options
  }

  /** Where the caller signs in; the same place while it has not done so. @throws Fault `overloaded` when there are too many */
  ask(principal: Principal, target: SignInTarget, wish: SignInWish): SignInPlace {
    const { clock, lifetime, capacity, urlOf } = this.#options
    const owner = `${target.label}\n${principal.key}`
    const known = this.#byOwner.get(owner)
    const isSame = known !== undefined && clock() < known.until && covers(known.wish, wish)
    if (!isSame && known !== undefined) this.#drop(known)
    if (!isSame && this.#byId.size >= capacity) this.#sweep()
    if (!isSame && this.#byId.size >= capacity) {
      throw new Fault('overloaded', 'too many sign-ins are under way', { limit: 'signIns' })
    }
    const open = isSame ? known : this.#open({ principal, target, wish }, owner, clock() + lifetime)
    const message = `Sign in to "${target.label}" in your browser, then try again. Open the address only if you asked for this yourself.`
    return { id: open.id, url: urlOf(open.id), message }
  }

  /** The sign-in of a page; undefined when there is none, or not any more. */
  find(id: string): Consent | undefined {
    const open = this.#byId.get(id)
    if (open === undefined) return undefined
    if (this.#options.clock() < open.until) return open
    this.#drop(open)
    return undefined
  }

  /** What the page of a sign-in holds for the browser with this secret, and for no other. */
  formToken({ id }: Consent, browser: string): string {
    return createHmac('sha256', this.#options.secret)
      .update(`${id}\n${browser}`)
      .digest('base64url')
  }

  /** Whether a form was on a page for that browser. */
  isOfBrowser(consent: Consent, browser: string, token: string): boolean {
    const [a, b] = [this.formToken(consent, browser), token].map((text) => sha256(text))
    return a !== undefined && b !== undefined && timingSafeEqual(a, b)
  }

  /** A browser agreed. @returns where it goes; undefined when another browser was first */
  async begin(consent: Consent, browser: string): Promise<string | undefined> {
    const open = this.#byId.get(consent.id)
    if (open === undefined || this.#isOfAnother(open, browser)) return undefined
    const { target, wish } = open
    const flow = await target.start(await target.plan(wish))
    if (this.#byId.get(open.id) !== open || this.#isOfAnother(open, browser)) return undefined
    if (open.started !== undefined) this.#byState.delete(open.started.flow.state)
    open.started = { browser: digest(browser), flow }
    this.#byState.set(flow.state, open)
    return flow.location
  }

  /**
   * A browser came back: the sign-in is used up, whatever comes of it.
   *
   * @returns undefined when none was sent with that state, or it was another browser
   * @throws what redeeming throws
   */
  async finish(answer: CodeAnswer, browser: string): Promise<Consent | undefined> {
    const open = this.#byState.get(answer.state)
    if (open?.started === undefined) return undefined
    this.#drop(open)
    if (this.#options.clock() >= open.until || this.#isOfAnother(open, browser)) return undefined
    const grant = await open.started.flow.redeem(answer)
    await open.target.granted(open.principal, grant)
    return open
  }

  clear(): void {
    for (const open of this.#byId.values()) this.#drop(open)
  }

  #open(facts: Omit<Consent, 'id'>, owner: string, until: number): Open {
    const open: Open = { ...facts, id: randomBytes(24).toString('base64url'), owner, until }
    this.#byId.set(open.id, open)
    this.#byOwner.set(owner, open)
    return open
  }

  #isOfAnother({ started }: Open, browser: string): boolean {
    return started !== undefined && started.browser !== digest(browser)
  }

  #sweep(): void {
    const now = this.#options.clock()
    for (const open of this.#byId.values()) if (now >= open.until) this.#drop(open)
  }

  #drop(open: Open): void {
    this.#byId.delete(open.id)
    if (this.#byOwner.get(open.owner) === open) this.#byOwner.delete(open.owner)
    if (open.started !== undefined) this.#byState.delete(open.started.flow.state)
  }
}

/** Whether a sign-in under way would do for another wish. */
function covers(known: SignInWish, { challenged, before, hint }: SignInWish): boolean {
  const all = [...known.challenged, ...known.before]
  return known.hint === hint && [...challenged, ...before].every((scope) => all.includes(scope))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function digest(browser: string): string {
  return sha256(browser).toString('base64url')
}
