/**
 * What the origin of a tool, the node whose upstream is the server that has it, says of it under its signature. One
 * statement is about a result and one call; the other about a description.
 *
 * Both are compact JWS (RFC 7515, ES256, `kid` the thumbprint of a key of the purpose `result`), told apart by `typ`. They
 * name things as they are at the origin: names, namespaces and URIs change on the way.
 */

import { z } from 'zod'
import type { JsonObject } from '../jsonrpc.ts'
import type { ToolId } from '../names.ts'
import type { UriHome } from '../uris.ts'
import { identifier, numericDate, readClaims } from '../token/fields.ts'
import type { DescriptorDigests } from './descriptor-form.ts'
import type { Digest } from './result-form.ts'

const MAX_TEXT = 1_024
/** Namespaces one server feeds. */
const MAX_NAMESPACES = 256

const text = z.string().min(1).max(MAX_TEXT)
const digest = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
/** Random, chosen by who wants to know that the result is new. */
const nonce = z.string().regex(/^[A-Za-z0-9_-]{16,64}$/)

const resultSchema = z.object({
  iss: identifier,
  iat: numericDate,
  tool: z.tuple([text, text, text, text]),
  source: text,
  arguments: digest,
  result: digest,
  nonce: nonce.optional(),
  txn: text.optional(),
})

const descriptorSchema = z.object({
  iss: identifier,
  iat: numericDate,
  organisation: text,
  node: text,
  namespaces: z.array(text).min(1).max(MAX_NAMESPACES),
  source: text,
  name: text,
  descriptor: digest,
  withoutOutput: digest.optional(),
})

/** "This tool, called with these arguments, answered this." */
export interface ResultStatement {
  readonly id: ToolId
  /** Label of the upstream that has the tool, at the origin. */
  readonly source: string
  /** Of the arguments, JCS. */
  readonly arguments: Digest
  /** Of the result (result-form). */
  readonly result: Digest
  /** As it came with the call; absent where none did. */
  readonly nonce?: string
  /** Of the delegation the call was made under. */
  readonly txn?: string
}

/** "This tool is described so." */
export interface DescriptorStatement {
  /** Its namespace left out: one server may feed several. */
  readonly tool: Omit<ToolId, 'namespace'>
  readonly namespaces: readonly string[]
  readonly source: string
  readonly digests: DescriptorDigests
}

/** Who says it, and when. */
export interface Signed {
  /** Base URL of the node that signed. */
  readonly signer: string
  /** Seconds since 1970. */
  readonly at: number
}

/** The nonce a request asks the origin to sign; undefined when it asks for none, or not with what could be one. */
export function readNonce(value: unknown): string | undefined {
  const read = z.object({ nonce }).safeParse(value)
  return read.success ? read.data.nonce : undefined
}

/** The claims of a statement about a result. */
export function writeResult(statement: ResultStatement, { signer, at }: Signed): JsonObject {
  const { id, source, arguments: args, result, nonce: once, txn } = statement
  return {
    iss: signer,
    iat: at,
    tool: [id.organisation, id.node, id.namespace, id.name],
    source,
    arguments: args,
    result,
    ...(once !== undefined && { nonce: once }),
    ...(txn !== undefined && { txn }),
  }
}

/** @throws TokenFault `claims` */
export function readResult(claims: JsonObject): ResultStatement & Signed {
  const {
    iss,
    iat,
    tool,
    source,
    arguments: args,
    result,
    ...rest
  } = readClaims(resultSchema, claims)
  const [organisation, node, namespace, name] = tool
  return {
    signer: iss,
    at: iat,
    id: { organisation, node, namespace, name },
    source,
    arguments: args,
    result,
    ...(rest.nonce !== undefined && { nonce: rest.nonce }),
    ...(rest.txn !== undefined && { txn: rest.txn }),
  }
}

/** The claims of a statement about a description. */
export function writeDescriptor(
  statement: DescriptorStatement,
  { signer, at }: Signed,
): JsonObject {
  const { tool, namespaces, source, digests } = statement
  const { whole, withoutOutput } = digests
  return {
    iss: signer,
    iat: at,
    ...tool,
    namespaces: [...namespaces],
    source,
    descriptor: whole,
    ...(withoutOutput !== undefined && { withoutOutput }),
  }
}

/** @throws TokenFault `claims` */
export function readDescriptor(claims: JsonObject): DescriptorStatement & Signed {
  const read = readClaims(descriptorSchema, claims)
  const { organisation, node, name, withoutOutput } = read
  return {
    signer: read.iss,
    at: read.iat,
    tool: { organisation, node, name },
    namespaces: read.namespaces,
    source: read.source,
    digests: {
      whole: read.descriptor,
      ...(withoutOutput !== undefined && { withoutOutput }),
    },
  }
}

/** What an answer must be about to be the one that was asked for. */
export type ExpectedResult = Omit<ResultStatement, 'txn' | 'nonce'> & {
  readonly nonce: string
  /** Undefined where the call is under none that is known here. */
  readonly txn: string | undefined
}

/** What of a statement is not as expected; the first that is not. */
export type Difference = 'tool' | 'arguments' | 'nonce' | 'txn' | 'result' | 'descriptor'

/** What differs from what was asked for; undefined when nothing does. */
export function differenceOf(
  said: ResultStatement,
  expected: ExpectedResult,
): Difference | undefined {
  if (!isSameTool(said, expected)) return 'tool'
  if (said.arguments !== expected.arguments) return 'arguments'
  if (said.nonce !== expected.nonce) return 'nonce'
  const { txn } = expected
  if (txn !== undefined && said.txn !== undefined && said.txn !== txn) return 'txn'
  return said.result === expected.result ? undefined : 'result'
}

function isSameTool(
  a: Pick<ResultStatement, 'id' | 'source'>,
  b: Pick<ResultStatement, 'id' | 'source'>,
): boolean {
  return (
    a.source === b.source &&
    a.id.organisation === b.id.organisation &&
    a.id.node === b.id.node &&
    a.id.namespace === b.id.namespace &&
    a.id.name === b.id.name
  )
}

/** Whether a statement is about what is listed as `home` and `name`. */
export function isAbout(
  { tool, namespaces, source }: DescriptorStatement,
  home: UriHome,
  name: string,
): boolean {
  return (
    tool.organisation === home.organisation &&
    tool.node === home.node &&
    tool.name === name &&
    source === home.source &&
    namespaces.includes(home.namespace)
  )
}
