import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { Fault } from '../errors.ts'
import { isNodeId, type NodeId } from '../federation.ts'
import { isObject, type JsonObject } from '../jsonrpc.ts'
import { jwkThumbprint } from '../token/dpop.ts'
import { LINK_PROTOCOL } from './frames.ts'

/** Who opened the link, and whose endpoint it is. Neither can be taken for the other. */
export type LinkRole = 'caller' | 'server'

/** What an end of a link says first. */
export interface LinkHello {
  /** RFC 7638 thumbprint of the key. */
  readonly node: NodeId
  readonly organisation: string
  readonly name: string
  /** `x` of the node's Ed25519 key (RFC 8037 §2), base64url. */
  readonly x: string
  /** 32 bytes that were never used before, base64url. */
  readonly nonce: string
  /** From the caller: the URL of the endpoint as it knows it. From the server: empty. */
  readonly resource: string
  readonly takes: LinkLimits
}

/** What an end takes from the other; what goes beyond that is a fault of the other. */
export interface LinkLimits {
  /** Of one JSON-RPC message, bytes. */
  readonly message: number
  /** Requests at a time. */
  readonly calls: number
  /** Slots for credentials. */
  readonly credentials: number
  /** Notifications of one call before it says that it takes more, bytes. */
  readonly window: number
}

/** Longest hello, bytes. */
const MAX_HELLO = 4_096
/** Longest name of a node or organisation, and longest URL, characters. */
const MAX_NAME = 256
const MAX_URL = 2_048
const BYTES_32 = /^[A-Za-z0-9_-]{43}$/

/** The body of a hello frame. */
export function writeHello({ x, ...rest }: LinkHello): Buffer {
  return Buffer.from(JSON.stringify({ ...rest, key: { kty: 'OKP', crv: 'Ed25519', x } }))
}

/**
 * Reads what the other end says of itself. That it holds the key is for its proof to show.
 *
 * @throws Fault `invalid_request`, and `unauthenticated` for an id of another key
 */
export function readHello(body: Buffer): LinkHello {
  if (body.length > MAX_HELLO) throw malformed('is too long')
  const value = parsed(body)
  const { node, organisation, name, key, nonce, resource, takes } = value
  if (!isObject(key) || key['kty'] !== 'OKP' || key['crv'] !== 'Ed25519') {
    throw malformed('has no Ed25519 key')
  }
  const { x } = key
  if (!isBytes32(x) || !isBytes32(nonce)) throw malformed('has no key or no nonce')
  if (!isNodeId(node) || node !== jwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x })) {
    throw new Fault('unauthenticated', 'the id of the other end is not the thumbprint of its key')
  }
  if (!isText(organisation, MAX_NAME) || !isText(name, MAX_NAME) || !isText(resource, MAX_URL)) {
    throw malformed('has no names')
  }
  return { node, organisation, name, x, nonce, resource, takes: readLimits(takes) }
}

function readLimits(value: unknown): LinkLimits {
  const given = isObject(value) ? value : {}
  const count = (key: keyof LinkLimits): number => {
    const number = given[key]
    if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number
    throw malformed(`does not say what it takes (${key})`)
  }
  return {
    message: count('message'),
    calls: count('calls'),
    credentials: count('credentials'),
    window: count('window'),
  }
}

/**
 * What an end signs. The hellos hold both ids, keys and nonces, and the endpoint; the role keeps a proof from being given
 * back to whoever made it.
 *
 * @param caller body of the hello of the caller
 * @param server body of that of the server
 */
export function proofInput(role: LinkRole, caller: Buffer, server: Buffer): Buffer {
  return Buffer.from(JSON.stringify([LINK_PROTOCOL, role, digest(caller), digest(server)]))
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64url')
}

function parsed(body: Buffer): JsonObject {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (isObject(value)) return value
  } catch {
    // As if it were no object.
  }
  throw malformed('is no JSON object')
}

function isBytes32(value: unknown): value is string {
  return typeof value === 'string' && BYTES_32.test(value)
}

function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length <= max
}

function malformed(what: string): Fault {
  return new Fault('invalid_request', `the hello of a link ${what}`)
}
