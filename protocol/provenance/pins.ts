/**
 * Descriptions of tools an operator has accepted, as text to be kept and read in a version control system: one line a
 * tool, canonical, so that a line changes when the tool does and not otherwise.
 */

import { Buffer } from 'node:buffer'
import { duplicateKey, memberOf, members, type Member } from '../json-bytes.ts'
import { readValue } from '../json-value.ts'
import type { Listed } from '../listing.ts'
import { canonical } from './canonical.ts'
import { descriptorText } from './descriptor-form.ts'

/** What is accepted of each upstream: canonical text by the name of the tool there. */
export type Pins = ReadonlyMap<string, ReadonlyMap<string, string>>

const VERSION = 1

/**
 * What is pinned of a tool: its description (descriptor-form), and where it lives if a node says so.
 *
 * @throws Fault `parse_error`, `too_deep` when it can be read in two ways
 */
export function pinOf(listed: Pick<Listed, 'text' | 'origin'>): string {
  const described = `"tool":${descriptorText(listed).toString('utf8')}`
  if (listed.origin === undefined) return `{${described}}`
  const { organisation, node, namespace, name } = listed.origin.id
  return `{"origin":${JSON.stringify([organisation, node, namespace, name])},${described}}`
}

function sortedByName<Value>(
  map: ReadonlyMap<string, Value>,
): readonly (readonly [string, Value])[] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** The text of a file of pins. */
export function writePins(pins: Pins): string {
  const upstreams = sortedByName(pins).map(([label, tools]) => {
    const lines = sortedByName(tools).map(
      ([name, text]) => `\n      ${JSON.stringify(name)}: ${text}`,
    )
    return `\n    ${JSON.stringify(label)}: {${lines.join(',')}\n    }`
  })
  return `{\n  "banyanPins": ${VERSION},\n  "upstreams": {${upstreams.join(',')}\n  }\n}\n`
}

/**
 * Reads a file of pins. How it is formatted does not matter.
 *
 * @throws Fault `parse_error`, `too_deep`; TypeError saying what is wrong with it
 */
export function readPins(bytes: Buffer): Pins {
  // The canonical form is one value, well-formed, without a name twice at any depth.
  const text = canonical(bytes)
  const whole = objectAt(text, { start: 0, end: text.length })
  const version = memberOf(whole, 'banyanPins')
  if (version === undefined || readValue(text, version) !== VERSION) {
    throw new TypeError(`is no file of pins of version ${VERSION}`)
  }
  const upstreams = memberOf(whole, 'upstreams')
  if (upstreams === undefined) throw new TypeError('has no "upstreams"')
  return new Map(
    objectAt(text, upstreams).map((upstream) => {
      const tools = objectAt(text, upstream).map(
        (tool) => [tool.key, text.toString('utf8', tool.start, tool.end)] as const,
      )
      return [upstream.key, new Map(tools)] as const
    }),
  )
}

function objectAt(bytes: Buffer, { start }: Pick<Member, 'start' | 'end'>): readonly Member[] {
  if (bytes[start] !== 0x7b) throw new TypeError('is no file of pins')
  const list = members(bytes, start)
  if (duplicateKey(list) !== undefined) throw new TypeError('has a name twice')
  return list
}

/** One place where two pins differ. */
export interface PinDifference {
  /** Names of members from the outside in, with dots between. */
  readonly field: string
  /** JSON text; undefined where there was nothing. */
  readonly before: string | undefined
  readonly after: string | undefined
}

/** Most differences told of one tool: beyond, it is another tool. */
const MAX_DIFFERENCES = 50

/** Where two pins differ, down to the members of objects; none when they are the same. */
export function differences(before: string, after: string): readonly PinDifference[] {
  const found: PinDifference[] = []
  compare({ before, after }, '', found)
  return found
}

function compare(
  { before, after }: Omit<PinDifference, 'field'>,
  field: string,
  found: PinDifference[],
): void {
  if (before === after || found.length >= MAX_DIFFERENCES) return
  const [old, now] = [partsOf(before), partsOf(after)]
  if (old === undefined || now === undefined) {
    found.push({ field, before, after })
    return
  }
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const path = field === '' ? key : `${field}.${key}`
    compare({ before: old.get(key), after: now.get(key) }, path, found)
  }
}

/** The members of an object in canonical text; undefined when it is none. */
function partsOf(text: string | undefined): ReadonlyMap<string, string> | undefined {
  if (text?.startsWith('{') !== true) return undefined
  const bytes = Buffer.from(text)
  return new Map(
    members(bytes, 0).map(({ key, start, end }) => [key, bytes.toString('utf8', start, end)]),
  )
}
