/** Hosts whose traffic never leaves the machine: there alone `http` will do. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** Printable ASCII without space, backslash and quote: parsers of URLs mend the rest in different ways. */
const PLAIN = /^[\x21\x23-\x5b\x5d-\x7e]+$/

const MAX_LENGTH = 2_048

/**
 * A URL this node is ready to name or to connect to: https, or http to this machine; without user, password and fragment.
 * Undefined when it is none.
 */
export function readSecureUrl(text: string): URL | undefined {
  if (text.length > MAX_LENGTH || !PLAIN.test(text) || text.includes('#')) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.username !== '' || url.password !== '') return undefined
  const isSecure = url.protocol === 'https:'
  return isSecure || (url.protocol === 'http:' && LOOPBACK.test(url.hostname)) ? url : undefined
}

/** Whether text is a URL for {@link readSecureUrl}. */
export function isSecureUrl(text: string): boolean {
  return readSecureUrl(text) !== undefined
}

/**
 * A well-known URL with its name between host and path (RFC 8615; RFC 8414 §3.1, 9728 §3.1). A slash that ends the path
 * is left out.
 */
export function insertWellKnown(identifier: string, name: string): string {
  const { origin, pathname, search } = new URL(identifier)
  return `${origin}/.well-known/${name}${pathname.replace(/\/$/, '')}${search}`
}

/**
 * A URL in the one form of its equals by RFC 3986 §6.2.2 and §6.2.3: case of scheme, host and percent-encoding, dot
 * segments, default port, characters that need no encoding. Undefined for what has a query, a fragment or a user.
 */
export function normaliseTarget(text: string): string | undefined {
  if (!PLAIN.test(text) || /[?#]/.test(text) || !URL.canParse(text)) return undefined
  const { protocol, host, pathname, username, password } = new URL(text)
  if (username !== '' || password !== '') return undefined
  return `${protocol}//${host}${pathname.replace(/%[0-9a-f]{2}/gi, normaliseOctet)}`
}

function normaliseOctet(encoded: string): string {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
  return /[A-Za-z0-9._~-]/.test(character) ? character : encoded.toUpperCase()
}
