import { asFault } from '../../../protocol/errors.ts'
import { readCodeAnswer } from '../../../protocol/token/authorization-code.ts'
import { isFormType, readForm } from '../../../protocol/token/form.ts'
import type { OAuthRequest, OAuthResponse, OAuthService } from '../../core/authentication.ts'
import type { Logger } from '../../core/logger.ts'
import { LOCAL_CALLER, type Principal } from '../../core/principal.ts'
import { BrowserCookie } from './browser-cookie.ts'
import { messagePage, questionPage, redirect } from './consent-page.ts'
import type { Consent, Consents } from './consents.ts'

/** Where users agree, and where they come back to. */
export const CONSENT_PATH = '/oauth/consent/'
export const CALLBACK_PATH = '/oauth/callback'

export interface ConsentPagesOptions {
  readonly consents: Consents
  /** Base URL of the node. */
  readonly base: () => string
  /** Name of the node, for people. */
  readonly name: () => string
  /** How long a browser is known, s. */
  readonly lifetime: number
  readonly log: Logger
}

/** Largest form of ours, bytes. */
const MAX_FORM = 4_096

/**
 * The two places of the node a user's browser goes to: a page that names user, client, upstream and server and waits for a
 * click, and where the authorization server sends the browser back. What goes wrong is said in words of this node: neither
 * a server's nor an upstream's reach the page.
 */
export class ConsentPages implements OAuthService {
  readonly maxBodyBytes: number = MAX_FORM
  readonly #options: ConsentPagesOptions

  constructor(options: ConsentPagesOptions) {
    this.#options = options
  }

  owns(path: string): boolean {
    return path.startsWith(CONSENT_PATH) || path === CALLBACK_PATH
  }

  async serve(request: OAuthRequest): Promise<OAuthResponse> {
    try {
      if (request.path === CALLBACK_PATH) return await this.#back(request)
      if (request.method === 'POST') return await this.#agreed(request)
      if (request.method === 'GET') return await this.#ask(request)
      return { status: 405, headers: ['allow', 'GET, POST'], body: '' }
    } catch (error) {
      const { code, message } = asFault(error)
      this.#options.log.warn({ code, why: message }, 'a sign-in at an upstream failed')
      const text = 'The sign-in did not work. Whoever runs this node finds the reason in its log.'
      return messagePage(502, 'Not signed in', text)
    }
  }

  async #ask(request: OAuthRequest): Promise<OAuthResponse> {
    const consent = this.#find(request)
    if (consent === undefined) return GONE
    const { target, principal, wish } = consent
    const { server, scopes } = await target.plan(wish)
    const known = this.#cookie.read(request)
    const browser = known ?? this.#cookie.fresh()
    const question = {
      node: this.#options.name(),
      upstream: target.label,
      address: target.address,
      ...namesOf(principal),
      server: new URL(server.authorizationEndpoint).host,
      scopes,
      formToken: this.#options.consents.formToken(consent, browser),
    }
    return questionPage(question, this.#cookie.header(browser))
  }

  async #agreed(request: OAuthRequest): Promise<OAuthResponse> {
    const consent = this.#find(request)
    if (consent === undefined) return GONE
    const { consents } = this.#options
    const browser = this.#cookie.read(request)
    const token = formTokenIn(request)
    const isOurs = browser !== undefined && token !== undefined && this.#isSameOrigin(request)
    if (!isOurs || !consents.isOfBrowser(consent, browser, token)) return FOREIGN
    const location = await consents.begin(consent, browser)
    return location === undefined ? FOREIGN : redirect(location)
  }

  async #back(request: OAuthRequest): Promise<OAuthResponse> {
    if (request.method !== 'GET') return { status: 405, headers: ['allow', 'GET'], body: '' }
    const browser = this.#cookie.read(request)
    const answer = readCodeAnswer(request.query ?? '')
    if (browser === undefined || answer === undefined) return FOREIGN
    const consent = await this.#options.consents.finish(answer, browser)
    if (consent === undefined) return FOREIGN
    const text = `You are signed in to ${consent.target.label}. Close this page and try again in your client.`
    return messagePage(200, 'Signed in', text)
  }

  #find({ path }: OAuthRequest): Consent | undefined {
    return this.#options.consents.find(path.slice(CONSENT_PATH.length))
  }

  /** Browsers say where a form was sent from; other clients need not (Fetch standard, Origin header). */
  #isSameOrigin({ header }: OAuthRequest): boolean {
    const own = new URL(this.#options.base()).origin
    return header('origin').every((origin) => origin === own)
  }

  get #cookie(): BrowserCookie {
    return new BrowserCookie(this.#options.base(), this.#options.lifetime)
  }
}

const GONE = messagePage(
  404,
  'Nothing to sign in to',
  'The address is none of this node, was used already, or has expired. Ask for a new one in your client.',
)

const FOREIGN = messagePage(
  403,
  'Not your sign-in',
  'This browser did not begin the sign-in it wants to go on with. Ask for a new address in your client, and open it in one browser.',
)

function formTokenIn({ header, body }: OAuthRequest): string | undefined {
  const [type, ...others] = header('content-type')
  if (others.length > 0 || !isFormType(type)) return undefined
  try {
    return readForm(body).get('form')
  } catch {
    return undefined
  }
}

function namesOf({ key, subject, clientId }: Principal): { subject: string; client: string } {
  if (key !== LOCAL_CALLER.key) return { subject, client: clientId }
  return { subject: 'whoever uses this node on this machine', client: 'any' }
}
