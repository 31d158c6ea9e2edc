import { Fault } from '../../protocol/errors.ts'
import { duplicateKey, memberOf, members, type Span } from '../../protocol/json-bytes.ts'
import { readValue } from '../../protocol/json-value.ts'
import type { RpcRequest } from '../../protocol/jsonrpc.ts'

/** What kind of name a request is about. */
export type TargetKind = 'tool' | 'prompt' | 'resource' | 'template' | 'skill' | 'task'

/** What one request is about, and where that stands in its text. */
export interface Target extends Span {
  readonly kind: TargetKind
  /** As the caller knows it. */
  readonly name: string
}

/** Limits of what a target may be; both are configuration, in bytes. */
export interface TargetLimits {
  readonly nameBytes: number
  readonly uriBytes: number
}

/** The parameter that names the target. */
const PARAMS: Readonly<Record<string, { readonly key: string; readonly kind: TargetKind }>> = {
  'tools/call': { key: 'name', kind: 'tool' },
  'prompts/get': { key: 'name', kind: 'prompt' },
  'resources/read': { key: 'uri', kind: 'resource' },
  'skills/get': { key: 'uri', kind: 'skill' },
  'resources/directory/read': { key: 'uri', kind: 'resource' },
  'tasks/get': { key: 'taskId', kind: 'task' },
  'tasks/update': { key: 'taskId', kind: 'task' },
  'tasks/result': { key: 'taskId', kind: 'task' },
  'tasks/cancel': { key: 'taskId', kind: 'task' },
}

/** What a completion may be for (MCP 2026-07-28, server/utilities/completion). */
const REFERENCES: Readonly<Record<string, { readonly key: string; readonly kind: TargetKind }>> = {
  'ref/prompt': { key: 'name', kind: 'prompt' },
  'ref/resource': { key: 'uri', kind: 'template' },
}

/**
 * Finds what a request is about.
 *
 * @throws Fault `invalid_params`, `duplicate_member`
 */
export function targetOf(request: RpcRequest, limits: TargetLimits): Target {
  const { method, raw } = request
  if (method === 'completion/complete') return referenceOf(request, limits)
  const rule = PARAMS[method]
  if (rule === undefined) throw new TypeError(`no target is known for ${method}`)
  const wanted = { ...rule, where: `params.${rule.key}` }
  const { envelope } = request
  if (envelope !== undefined) return namedBy({ request, ...wanted }, envelope.name, limits)
  return read(raw, memberOf(request.paramMembers, rule.key), wanted, limits)
}

/** By the envelope; where that stands in the text is looked up when somebody asks, who may find that it does not. */
function namedBy(
  { request, key, kind, where }: Wanted & { readonly request: RpcRequest; readonly key: string },
  name: string,
  limits: TargetLimits,
): Target {
  const { what, limit } = expected(kind, limits)
  if (name === '') throw new Fault('invalid_params', `${where} must be ${what}`)
  refuseTooLong(name, { where, limit, kind })
  const place = (): Span => {
    const found = memberOf(request.paramMembers, key)
    if (found === undefined) throw new Fault('invalid_params', `${where} must be ${what}`)
    return found
  }
  return {
    kind,
    name,
    get start() {
      return place().start
    },
    get end() {
      return place().end
    },
  }
}

function refuseTooLong(
  name: string,
  { where, limit, kind }: Wanted & { readonly limit: number },
): void {
  // A character of UTF-16 takes three bytes at most, so that most need no counting.
  if (name.length * 3 > limit && Buffer.byteLength(name) > limit) {
    const named = kind === 'tool' || kind === 'prompt' ? 'nameBytes' : 'uriBytes'
    const text = `${where} is longer than ${limit} bytes`
    throw new Fault('invalid_params', text, { limit: named })
  }
}

function referenceOf({ raw, paramMembers }: RpcRequest, limits: TargetLimits): Target {
  const place = memberOf(paramMembers, 'ref')
  const list = place !== undefined && raw[place.start] === 0x7b ? members(raw, place.start) : []
  // Whoever reads the first of two would serve another name than was looked up.
  if (duplicateKey(list) !== undefined) {
    throw new Fault('duplicate_member', 'params.ref has a member twice')
  }
  const typed = memberOf(list, 'type')
  const type = typed === undefined ? undefined : readValue(raw, typed)
  const rule =
    typeof type === 'string' && Object.hasOwn(REFERENCES, type) ? REFERENCES[type] : undefined
  if (rule === undefined) {
    throw new Fault('invalid_params', 'params.ref must be a ref/prompt or a ref/resource')
  }
  return read(raw, memberOf(list, rule.key), { ...rule, where: `params.ref.${rule.key}` }, limits)
}

interface Wanted {
  readonly kind: TargetKind
  readonly where: string
}

function expected(
  kind: TargetKind,
  { nameBytes, uriBytes }: TargetLimits,
): { readonly what: string; readonly limit: number } {
  if (kind === 'tool' || kind === 'prompt') {
    return { what: `the name of a ${kind}`, limit: nameBytes }
  }
  return { what: kind === 'task' ? 'the id of a task' : 'a resource URI', limit: uriBytes }
}

function read(
  raw: Buffer,
  place: Span | undefined,
  { kind, where }: Wanted,
  { nameBytes, uriBytes }: TargetLimits,
): Target {
  const { what, limit } = expected(kind, { nameBytes, uriBytes })
  const name = place === undefined ? undefined : readValue(raw, place)
  if (place === undefined || typeof name !== 'string' || name === '') {
    throw new Fault('invalid_params', `${where} must be ${what}`)
  }
  refuseTooLong(name, { where, limit, kind })
  return { kind, name, start: place.start, end: place.end }
}
