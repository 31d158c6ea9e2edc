import { isUtf8 } from 'node:buffer'
import { duplicateKey, elements, members, type Span } from '../json-bytes.ts'
import { readValue } from '../json-value.ts'
import { checkValue, malformed, skipSpace } from '../json-check.ts'

/** Names that mean something to JavaScript itself: no token needs them, and code that copies members trips over them. */
const FORBIDDEN: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Reads JSON about which two readers must never disagree: valid UTF-8, no member twice at any depth, no name JavaScript
 * gives a meaning to, finite numbers, strings without half a character. Objects have no prototype.
 *
 * The nesting is measured, and refused, before anything is made of the text; all later walks are that deep at most.
 *
 * @param depth levels of nesting, at least 1
 * @throws Fault `parse_error`, `too_deep`
 */
export function readStrictJson(bytes: Buffer, depth: number): unknown {
  if (!isUtf8(bytes)) throw malformed()
  const start = skipSpace(bytes, 0)
  const end = checkValue(bytes, start, depth)
  if (skipSpace(bytes, end) !== bytes.length) throw malformed()
  return build(bytes, { start, end })
}

function build(bytes: Buffer, span: Span): unknown {
  const first = bytes[span.start]
  if (first === 0x7b) return buildObject(bytes, span.start)
  if (first === 0x5b) return elements(bytes, span.start).map((element) => build(bytes, element))
  return checkScalar(readValue(bytes, span))
}

function buildObject(bytes: Buffer, at: number): Record<string, unknown> {
  const found = members(bytes, at)
  if (duplicateKey(found) !== undefined) throw malformed()
  const object = Object.create(null) as Record<string, unknown>
  for (const member of found) {
    if (FORBIDDEN.has(member.key) || !member.key.isWellFormed()) throw malformed()
    object[member.key] = build(bytes, member)
  }
  return object
}

/** The grammar of JSON allows 1e999 and "\ud800", for which no two readers have the same value. */
function checkScalar(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw malformed()
  if (typeof value === 'string' && !value.isWellFormed()) throw malformed()
  return value
}
