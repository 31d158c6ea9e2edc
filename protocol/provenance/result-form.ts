/**
 * What of a result a signature is over. Nodes on the way edit results, each in a way that can be done twice without a
 * difference; so the signature is over the result with all those edits done, and whoever checks it does them again:
 *
 *  - URIs of resources read as under their home (protocol/uris); one that reads so already stays
 *  - `structuredContent` that is no object stands under `result` in an object, as era 2025 needs it
 *  - `_meta` and `resultType` of the result are not part of it: each hop has its own
 *
 * Everything else is, members nobody knows included. The order of members, white space and the spelling of strings and
 * numbers do not matter: `canonical` has one for all.
 */

import { createHash } from 'node:crypto'
import { memberOf, type Member } from '../json-bytes.ts'
import { splice } from '../json-edit.ts'
import { resultUriEdits } from '../result-uris.ts'
import { readUpstreamMessage, type UpstreamMessage } from '../upstream-message.ts'
import { exposeUri, readExposed, type UriHome } from '../uris.ts'
import { canonical, canonicalObject } from './canonical.ts'

const PER_HOP: ReadonlySet<string> = new Set(['_meta', 'resultType'])
const CALL = 'tools/call'
const OPEN_BRACE = 0x7b

/** SHA-256, base64url. */
export type Digest = string

/** The digest of a canonical text. */
export function digestOf(text: Buffer): Digest {
  return createHash('sha256').update(text).digest('base64url')
}

/** The digest of the arguments of a call; none are an empty object. @throws Fault `parse_error`, `too_deep` */
export function argumentsDigest(raw: Buffer, place: Member | undefined): Digest {
  return place === undefined ? NO_ARGUMENTS : digestOf(canonical(raw, place))
}

const NO_ARGUMENTS: Digest = digestOf(Buffer.from('{}'))

/** How a URI reads under its home, wherever on the way it is read. */
function underHome(home: UriHome): (uri: string) => string {
  return (uri) => (readExposed(uri) === undefined ? exposeUri(home, uri) : uri)
}

/**
 * The digest of the result of a tool call.
 *
 * @param home where the tool lives
 * @param shown how this node is about to show URIs of the result; undefined: as they are
 * @throws Fault `parse_error`, `too_deep`, `upstream_protocol` when two readers could take it for two results
 */
export function resultDigest(
  message: UpstreamMessage,
  home: UriHome,
  shown?: (uri: string) => string,
): Digest {
  const whole = underHome(home)
  const map = shown === undefined ? whole : (uri: string): string => whole(shown(uri))
  const edits = resultUriEdits(CALL, message, map)
  const edited = edits.length === 0 ? message : readUpstreamMessage(splice(message.raw, edits))
  return digestOf(formOf(edited))
}

function formOf({ raw, members: list }: UpstreamMessage): Buffer {
  const result = memberOf(list, 'result')
  if (result === undefined) throw new TypeError('an error has no such form')
  const structured = memberOf(result.inside ?? [], 'structuredContent')
  const isLoose = structured !== undefined && raw[structured.start] !== OPEN_BRACE
  const instead = isLoose
    ? (key: string): Buffer | undefined =>
        key === 'structuredContent' ? wrapped(raw, structured) : undefined
    : undefined
  return canonicalObject(raw, result, { without: PER_HOP, ...(instead && { instead }) })
}

function wrapped(raw: Buffer, place: Member): Buffer {
  return Buffer.concat([Buffer.from('{"result":'), canonical(raw, place), Buffer.from('}')])
}
