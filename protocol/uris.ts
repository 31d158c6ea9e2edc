/**
 * URIs of servers as nodes show them. Two servers may use the same ones, so each is shown under its home:
 *
 *     <scheme>://<authority>/<source>/<rest>     rest as the server has it: all behind `scheme:`
 *     <scheme>://<authority>/<source>~<rest>     rest percent-encoded, where as it is it could not stand there
 *
 * That is a prefix and nothing else, so that a template may be expanded before or after, and relative references
 * still lead to neighbours. Nodes agree on it: what one has made, others show unchanged.
 */

import { hash32, type ToolId } from './names.ts'

/** Where a URI means something: the server it comes from, by the node, namespace and upstream label it is fed through. */
export interface UriHome extends Pick<ToolId, 'organisation' | 'node' | 'namespace'> {
  /** Label of the upstream at the node it lives at. */
  readonly source: string
}

/** A URI as a node shows it, taken apart. */
export interface ExposedUri {
  /** Stands for organisation, node and namespace: that of `authorityOf`. */
  readonly authority: string
  readonly source: string
  /** The URI at its home. */
  readonly uri: string
}

type Namespace = Omit<UriHome, 'source'>

/** Takes a readable part; what tells two namespaces apart is the hash. */
const SLUG_CHARS = 32
/** 80 bits: nobody finds a namespace of his own that is taken for a given other one. */
const HASH_CHARS = 16
const NOT_SLUG = /[^a-z0-9]+/gu

/** Lists name one home many times in a row. */
let latest: { readonly of: Namespace; readonly authority: string } | undefined

/** The authority under which all URIs of one namespace are shown. */
export function authorityOf(home: Namespace): string {
  const { organisation, node, namespace } = home
  if (
    latest?.of.namespace === namespace &&
    latest.of.node === node &&
    latest.of.organisation === organisation
  ) {
    return latest.authority
  }
  const slug = namespace.toLowerCase().replace(NOT_SLUG, '-').slice(0, SLUG_CHARS)
  const hash = hash32(JSON.stringify([organisation, node, namespace]), HASH_CHARS)
  const authority = `${slug}.${hash}.banyan`
  latest = { of: { organisation, node, namespace }, authority }
  return authority
}

/** Scheme of URIs that are shown whole behind the prefix. */
const OWN_SCHEME = 'banyan'

/**
 * Schemes that are not kept: clients fetch those of the web, and rewrite them in their own way (WHATWG URL, special
 * schemes). `file` is one of these too, but what it does to a path with a host leaves ours as it is.
 */
const SHOWN_WHOLE: ReadonlySet<string> = new Set(['http', 'https', 'ws', 'wss', 'ftp', OWN_SCHEME])

/** RFC 3986 §3.1. A template that begins with an expression has no scheme before it is expanded. */
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):/

/** The scheme a URI is shown under and what stands behind the prefix. */
function divide(uri: string): { readonly scheme: string; readonly rest: string } {
  const scheme = SCHEME.exec(uri)?.[1]
  if (scheme === undefined || SHOWN_WHOLE.has(scheme.toLowerCase())) {
    return { scheme: OWN_SCHEME, rest: uri }
  }
  return { scheme, rest: uri.slice(scheme.length + 1) }
}

/** No character of a path, query or fragment (RFC 3986 §3.3 to §3.5), nor a percent sign with two digits. */
const ILLEGAL = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/?#%]|%(?![0-9A-Fa-f]{2})/
/** Clients that resolve it would go from one home to another (RFC 3986 §5.2.4; `%2e` as well in WHATWG URL). */
const DOT_SEGMENT = /(?:^|\/)(?:\.|%2e){1,2}(?:[/?#]|$)/i

function canStandAsItIs(rest: string): boolean {
  return (
    !ILLEGAL.test(rest) && rest.indexOf('#') === rest.lastIndexOf('#') && !DOT_SEGMENT.test(rest)
  )
}

/** A half of a surrogate pair, which is a character of JSON text and of no encoding. */
const LONE_SURROGATE = /(\p{Surrogate})/u
/** The same encoded the way UTF-8 would, if it were allowed: it can be taken for nothing else. */
const ENCODED_SURROGATE = /(%ED%[AB][0-9A-F]%[89AB][0-9A-F])/

function encode(rest: string): string {
  const parts = rest.split(LONE_SURROGATE)
  return parts
    .map((part, index) => (index % 2 === 0 ? encodeURIComponent(part) : encodeSurrogate(part)))
    .join('')
}

function encodeSurrogate(half: string): string {
  const unit = half.charCodeAt(0)
  const bytes = [0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)]
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase()}`).join('')
}

/** Undefined for what `encode` does not write. */
function decode(text: string): string | undefined {
  try {
    const parts = text.split(ENCODED_SURROGATE)
    const rest = parts
      .map((part, index) => (index % 2 === 0 ? decodeURIComponent(part) : decodeSurrogate(part)))
      .join('')
    return encode(rest) === text ? rest : undefined
  } catch {
    return undefined
  }
}

function decodeSurrogate(text: string): string {
  const byte = (at: number): number => Number.parseInt(text.slice(at, at + 2), 16) & 0x3f
  return String.fromCharCode(0xd000 | (byte(4) << 6) | byte(7))
}

/** The URI under which a node shows one of a server. Takes any text; gives a URI (RFC 3986). */
export function exposeUri(home: UriHome, uri: string): string {
  const { scheme, rest } = divide(uri)
  const prefix = `${scheme}://${authorityOf(home)}/${home.source}`
  return canStandAsItIs(rest) ? `${prefix}/${rest}` : `${prefix}~${encode(rest)}`
}

/**
 * The same for a URI template (RFC 6570). What expands from it leads to the expansion at home, and is what `exposeUri`
 * makes of that where it can stand as it is and the template names its scheme.
 */
export function exposeTemplate(home: UriHome, template: string): string {
  const { scheme, rest } = divide(template)
  return `${scheme}://${authorityOf(home)}/${home.source}/${rest}`
}

/** Host names have no case (RFC 3986 §3.2.2); the label of a source is that of the configuration. */
const EXPOSED =
  /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9-]{0,32}\.[a-z2-7]{16}\.banyan)\/([a-z0-9][a-z0-9_-]{0,31})([/~])/i

/** Takes an exposed URI or template apart; undefined for what neither `exposeUri` nor `exposeTemplate` makes. */
export function readExposed(uri: string): ExposedUri | undefined {
  const found = EXPOSED.exec(uri)
  if (found === null) return undefined
  const [prefix, scheme = '', authority = '', source = '', mark] = found
  const text = uri.slice(prefix.length)
  const rest = mark === '/' ? text : decode(text)
  if (rest === undefined) return undefined
  const original = scheme === OWN_SCHEME ? rest : `${scheme}:${rest}`
  const again = divide(original)
  // A template may expand to a URI of any scheme, and to one that would be shown encoded.
  const isOurs =
    mark === '/'
      ? scheme === OWN_SCHEME || again.scheme === scheme
      : again.scheme === scheme && !canStandAsItIs(rest)
  return isOurs ? { authority: authority.toLowerCase(), source, uri: original } : undefined
}
