/**
 * Finds the URIs of resources in what servers send, by place, so that a hop can put others there, or leave out what a
 * caller must not learn of. Text that only looks like a URI is nobody's to change; what is not of the expected shape is
 * passed on as it is.
 */

import { Fault } from './errors.ts'
import {
  memberOf,
  members,
  readObject,
  skipString,
  type Member,
  type ReadPlan,
  type Span,
} from './json-bytes.ts'
import { readValue } from './json-value.ts'
import { checkValue, skipSpace } from './json-check.ts'
import type { Edit } from './json-edit.ts'
import type { UpstreamMessage } from './upstream-message.ts'

/** How a URI reads on the other side of the hop. */
export type UriMap = (uri: string) => string

/** Whether a resource is hidden from whoever gets the text, by its URI on this side of the hop. */
export type UriVeil = (uri: string) => boolean

/** The walk over one message. */
interface Walk {
  readonly bytes: Buffer
  readonly map: UriMap
  readonly hides: UriVeil | undefined
  readonly edits: Edit[]
}

/** What is looked at of an object, by its members. False: it is about what is hidden, and is left out. */
type Visit = (walk: Walk, list: readonly Member[]) => boolean

/** Where in a result, or in params, objects with URIs stand: one, or an array of them. */
interface Place {
  readonly key: string
  readonly visit: Visit
}

/**
 * The edits for the URIs in the result of a method; none for an error. Links to what is hidden and resources that are
 * hidden are left out with all that is said of them: blocks of content, messages that consist of one, items.
 *
 * @throws Fault `upstream_protocol` where something might be hidden in text that cannot be read
 */
export function resultUriEdits(
  method: string,
  { raw, members: list }: UpstreamMessage,
  map: UriMap,
  hides?: UriVeil,
): Edit[] {
  const places = RESULTS.get(method)
  const inside = memberOf(list, 'result')?.inside
  if (places === undefined || inside === undefined) return []
  return editsOf(raw, { map, hides }, (walk) => visitBody(walk, inside, places))
}

/** The same for the params, JSON text, of a request or notification of a server. */
export function paramUriEdits(
  method: string,
  params: Buffer,
  map: UriMap,
  hides?: UriVeil,
): Edit[] {
  const places = PARAMS.get(method)
  if (places === undefined) return []
  return editsOf(params, { map, hides }, (walk) => visitBody(walk, membersAt(walk, WHOLE), places))
}

/** The edit for the resource an error says is not there; none where both sides use the same URIs. */
export function errorUriEdits(
  { raw, members: list }: UpstreamMessage,
  map: UriMap | undefined,
): Edit[] {
  const error = map === undefined ? undefined : memberOf(list, 'error')
  if (map === undefined || error === undefined || raw[error.start] !== OPEN_BRACE) return []
  const data = memberOf(members(raw, error.start), 'data')
  if (data === undefined || raw[data.start] !== OPEN_BRACE) return []
  const place = memberOf(members(raw, data.start), 'uri')
  const uri = place === undefined ? undefined : readValue(raw, place)
  if (place === undefined || typeof uri !== 'string') return []
  return [{ ...spanOf(place), text: JSON.stringify(map(uri)) }]
}

/** The edits for the URIs an item of a list speaks of, its own `uri` or `uriTemplate` not among them. */
export function listItemUriEdits(item: Buffer, map: UriMap): Edit[] {
  if (!item.includes(APP_KEY_END)) return []
  return editsOf(item, { map, hides: undefined }, (walk) => visitMeta(walk, membersAt(walk, WHOLE)))
}

/** The edits for the URIs of the files in an entry of skills/list, its own `uri` not among them (SEP-2640); hidden ones go. */
export function skillFileUriEdits(entry: Buffer, map: UriMap, hides?: UriVeil): Edit[] {
  return editsOf(entry, { map, hides }, (walk) => {
    eachObject(walk, memberOf(membersAt(walk, WHOLE), 'resources'), visitResource)
  })
}

function editsOf(
  bytes: Buffer,
  rules: Pick<Walk, 'map' | 'hides'>,
  visit: (walk: Walk) => void,
): Edit[] {
  const edits: Edit[] = []
  try {
    visit({ bytes, ...rules, edits })
  } catch (error) {
    // Of strings in upstream text only the ends were checked; what a wrong escape means is for the caller to say.
    if (!(error instanceof Fault)) throw error
    // What stands behind it was not looked at, and might be hidden.
    if (rules.hides !== undefined) {
      throw new Fault('upstream_protocol', 'the upstream sent strings that are not JSON', {
        cause: error,
      })
    }
  }
  return edits
}

function visitBody(walk: Walk, list: readonly Member[], places: readonly Place[]): void {
  for (const { key, visit } of places) {
    const place = memberOf(list, key)
    if (place === undefined || !mayHoldUris(walk, place)) continue
    // One where there should be several, and it is hidden: then there is none.
    if (!eachObject(walk, place, visit)) walk.edits.push({ ...spanOf(place), text: '[]' })
  }
  visitMeta(walk, list)
}

const URI_KEY = Buffer.from('"uri"')
/** The search leaps to the first byte; this one is rare in text and not in base64. */
const META_KEY_END = Buffer.from('_meta"')
/** Of `resourceUri` and `ui/resourceUri`. */
const APP_KEY_END = Buffer.from('Uri"')

/**
 * Whether a key of ours may stand in a span: most results hold none, and are not looked into. A key spelt with an escape
 * (`"\u0075ri"`) is missed; no writer of JSON is known to escape letters.
 */
function mayHoldUris({ bytes }: Walk, span: Span): boolean {
  return isIn(bytes, span, URI_KEY) || isIn(bytes, span, META_KEY_END)
}

function isIn(bytes: Buffer, { start, end }: Span, key: Buffer): boolean {
  const at = bytes.indexOf(key, start)
  return at !== -1 && at < end
}

const QUOTE = 0x22
const COMMA = 0x2c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b

/** How the text is read: it was checked before, and objects are looked into on the way to what stands in them. */
const PLAN: ReadPlan = {
  depth: 1_000,
  into: new Set(['_meta', 'ui', 'resource']),
  openStrings: true,
}

/** Where an object begins that is a text of its own. */
const WHOLE: Pick<Member, 'start' | 'inside'> = { start: 0 }

function membersAt(
  { bytes }: Walk,
  place: Pick<Member, 'start' | 'inside'> | undefined,
): readonly Member[] {
  if (place === undefined) return []
  if (place.inside !== undefined) return place.inside
  return bytes[place.start] === OPEN_BRACE ? members(bytes, place.start, PLAN.depth, PLAN.into) : []
}

/** Visits the object at a place, or the objects of the array there, reading no byte twice. False: that object is hidden. */
function eachObject(walk: Walk, place: Member | undefined, visit: Visit): boolean {
  if (place === undefined) return true
  const { bytes } = walk
  if (bytes[place.start] === OPEN_BRACE) return stays(walk, membersAt(walk, place), visit)
  if (bytes[place.start] === OPEN_BRACKET) eachElement(walk, place.start, visit)
  return true
}

function eachElement(walk: Walk, open: number, visit: Visit): void {
  const { bytes } = walk
  const elements: Element[] = []
  let index = skipSpace(bytes, open + 1)
  while (bytes[index] !== CLOSE_BRACKET) {
    const element = visitElement(walk, index, visit)
    elements.push(element)
    index = skipSpace(bytes, element.end)
    if (bytes[index] === COMMA) index = skipSpace(bytes, index + 1)
  }
  leaveOut(walk.edits, elements)
}

/** One of an array. */
interface Element extends Span {
  readonly stays: boolean
}

function visitElement(walk: Walk, at: number, visit: Visit): Element {
  const { bytes } = walk
  if (bytes[at] !== OPEN_BRACE) {
    return { start: at, end: checkValue(bytes, at, PLAN.depth, skipString), stays: true }
  }
  const { members: list, end } = readObject(bytes, at, PLAN)
  return { start: at, end, stays: stays(walk, list, visit) }
}

/** Of what is left out nothing is edited. */
function stays(walk: Walk, list: readonly Member[], visit: Visit): boolean {
  const before = walk.edits.length
  if (visit(walk, list)) return true
  walk.edits.length = before
  return false
}

/** Takes elements out of their array, each with one comma. */
function leaveOut(edits: Edit[], elements: readonly Element[]): void {
  let kept = false
  for (const [index, { start, end, ...element }] of elements.entries()) {
    kept ||= element.stays
    if (element.stays) continue
    const from = kept ? (elements[index - 1]?.end ?? start) : start
    const to = kept ? end : (elements[index + 1]?.start ?? end)
    edits.push({ start: from, end: to, text: '' })
  }
}

function spanOf({ start, end }: Span): Span {
  return { start, end }
}

/** False: what has this URI is hidden. */
function takeUri({ bytes, map, hides, edits }: Walk, place: Member | undefined): boolean {
  if (place === undefined || bytes[place.start] !== QUOTE) return true
  const uri = String(readValue(bytes, place))
  if (hides?.(uri) === true) return false
  const mapped = map(uri)
  if (mapped !== uri) edits.push({ ...spanOf(place), text: JSON.stringify(mapped) })
  return true
}

/**
 * Which resource is the user interface of something, in its present and in its older spelling (SEP-1865). A URI alone says
 * nothing but itself, so that of what is hidden stays.
 */
function visitMeta(walk: Walk, list: readonly Member[]): void {
  const meta = membersAt(walk, memberOf(list, '_meta'))
  if (meta.length === 0) return
  const open = { ...walk, hides: undefined }
  takeUri(open, memberOf(meta, 'ui/resourceUri'))
  takeUri(open, memberOf(membersAt(walk, memberOf(meta, 'ui')), 'resourceUri'))
}

/** An object that has the URI of a resource: contents, an item of a directory. */
function visitResource(walk: Walk, list: readonly Member[]): boolean {
  if (!takeUri(walk, memberOf(list, 'uri'))) return false
  visitMeta(walk, list)
  return true
}

function textAt({ bytes }: Walk, place: Member | undefined): unknown {
  return place !== undefined && bytes[place.start] === QUOTE ? readValue(bytes, place) : undefined
}

/** A content block (MCP 2026-07-28, server/tools and server/prompts). */
function visitBlock(walk: Walk, list: readonly Member[]): boolean {
  const type = textAt(walk, memberOf(list, 'type'))
  if (type === 'resource_link' && !takeUri(walk, memberOf(list, 'uri'))) return false
  if (type === 'resource') {
    const embedded = membersAt(walk, memberOf(list, 'resource'))
    if (!visitResource(walk, embedded)) return false
  }
  visitMeta(walk, list)
  return true
}

/** A content block of sampling, where results of tools have blocks of their own (MCP 2026-07-28, client/sampling). */
function visitSamplingBlock(walk: Walk, list: readonly Member[]): boolean {
  if (!visitBlock(walk, list)) return false
  const type = textAt(walk, memberOf(list, 'type'))
  return type !== 'tool_result' || eachObject(walk, memberOf(list, 'content'), visitBlock)
}

/** Visits what stands under a key of an object; where that is one thing and hidden, the object is. */
function under(key: string, visit: Visit): Visit {
  return (walk, list) => {
    if (!eachObject(walk, memberOf(list, key), visit)) return false
    visitMeta(walk, list)
    return true
  }
}

/** An entry and the files that belong to it (SEP-2640). */
function visitSkill(walk: Walk, list: readonly Member[]): boolean {
  return visitResource(walk, list) && eachObject(walk, memberOf(list, 'resources'), visitResource)
}

const SAMPLING = 'sampling/createMessage'
const SAMPLED: Place = { key: 'messages', visit: under('content', visitSamplingBlock) }
const visitSampling = under(SAMPLED.key, SAMPLED.visit)

/** Questions, each under a key of its own (MCP 2026-07-28, patterns/mrtr). What is asked stays a question. */
function visitQuestions(walk: Walk, list: readonly Member[]): boolean {
  for (const question of list) eachObject(walk, question, visitQuestion)
  return true
}

function visitQuestion(walk: Walk, list: readonly Member[]): boolean {
  const method = textAt(walk, memberOf(list, 'method'))
  if (method === SAMPLING) eachObject(walk, memberOf(list, 'params'), visitSampling)
  return true
}

const TOOL_RESULT: Place = { key: 'content', visit: visitBlock }

/** What a task came to, and what it wants to know (SEP-2663). */
const TASK: readonly Place[] = [
  { key: 'result', visit: under(TOOL_RESULT.key, TOOL_RESULT.visit) },
  { key: 'inputRequests', visit: visitQuestions },
]

/** Where URIs stand in results. */
const RESULTS: ReadonlyMap<string, readonly Place[]> = new Map([
  ['tools/call', [TOOL_RESULT]],
  ['prompts/get', [{ key: 'messages', visit: under('content', visitBlock) }]],
  ['resources/read', [{ key: 'contents', visit: visitResource }]],
  ['resources/directory/read', [{ key: 'resources', visit: visitResource }]],
  ['skills/list', [{ key: 'skills', visit: visitSkill }]],
  ['skills/get', [{ key: 'skill', visit: visitSkill }]],
  ['tasks/get', TASK],
  ['tasks/result', [TOOL_RESULT]],
])

/** Where URIs stand in params of requests and notifications of servers. */
const PARAMS: ReadonlyMap<string, readonly Place[]> = new Map([
  [SAMPLING, [SAMPLED]],
  ['notifications/tasks', TASK],
])
