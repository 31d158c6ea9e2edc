import { randomBytes } from 'node:crypto'
import type { OAuthRequest } from '../../core/authentication.ts'

/** What a secret of ours looks like. */
const SECRET = /^[A-Za-z0-9_-]{43}$/

/**
 * The cookie that tells browsers apart while somebody signs in: a random secret, only for this host, out of the reach of
 * scripts, and sent along when the authorization server sends the browser back (RFC 6265bis, SameSite=Lax).
 */
export class BrowserCookie {
  readonly #name: string
  readonly #attributes: string

  /** @param base base URL of the node @param lifetime s */
  constructor(base: string, lifetime: number) {
    const isSecure = base.startsWith('https:')
    // With the prefix browsers take it from this very host only, over TLS.
    this.#name = isSecure ? '__Host-banyan-sign-in' : 'banyan-sign-in'
    const secure = isSecure ? '; Secure' : ''
    this.#attributes = `Path=/; Max-Age=${lifetime}; HttpOnly; SameSite=Lax${secure}`
  }

  /** The secret of a browser; undefined where it has none, or more than one. */
  read(request: Pick<OAuthRequest, 'header'>): string | undefined {
    const pairs = request.header('cookie').flatMap((line) => line.split(';'))
    const values = pairs
      .map((pair) => pair.trim())
      .filter((pair) => pair.startsWith(`${this.#name}=`))
      .map((pair) => pair.slice(this.#name.length + 1))
    const [value] = values
    return values.length === 1 && value !== undefined && SECRET.test(value) ? value : undefined
  }

  fresh(): string {
    return randomBytes(32).toString('base64url')
  }

  /** Names and values in turn. */
  header(secret: string): readonly string[] {
    return ['set-cookie', `${this.#name}=${secret}; ${this.#attributes}`]
  }
}
