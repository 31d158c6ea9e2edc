import { Fault, untaken } from '../../protocol/errors.ts'
import { checkMirrored, refuseAmbiguous } from '../../protocol/headers.ts'
import { memberOf } from '../../protocol/json-bytes.ts'
import { needed, normalise } from '../../protocol/token/scopes.ts'
import type { Authenticated, Entry, Received, Resolved, Visible, Watcher } from '../core/stages.ts'
import type { Catalogue } from './catalogue.ts'
import { askerOf } from './fresh-lists.ts'
import { capabilityOf } from './sight.ts'
import type { Target } from './target.ts'
import type { TaskIds } from './task-ids.ts'
import { isUsable } from './view.ts'

/**
 * What something hidden and something that never was both get: nothing tells them apart. A node that asks for a tool it was
 * shown here before may have other ways to it; it is told that no server has got the call.
 */
function unknown({ kind, name }: Target, { trail }: Received): Fault {
  // Of a task of somebody else, one of a hidden tool and one that never was; its id says nothing to its caller.
  if (kind === 'task') return new Fault('unknown_task', 'unknown task')
  if (kind === 'tool') {
    const fault = new Fault('unknown_tool', `unknown tool: ${name}`, { data: { name } })
    return trail.path.length > 0 ? untaken(fault) : fault
  }
  if (kind === 'prompt') {
    return new Fault('unknown_prompt', `unknown prompt: ${name}`, { data: { name } })
  }
  return new Fault('unknown_resource', `unknown resource: ${name}`, { data: { uri: name } })
}

function tooFar({ kind, name }: Target): Fault {
  return new Fault('hop_budget', `the hop budget does not reach the ${kind}: ${name}`, {
    data: { name },
  })
}

/**
 * Finds what a request is about, and holds its mirrored headers against the arguments: only here is a tool's schema known.
 *
 * @throws Fault `unknown_tool`, `unknown_prompt`, `unknown_resource`, `unknown_task`, `hop_budget`, `header_mismatch`, `duplicate_member`
 */
export function resolve(
  parts: { readonly catalogue: Catalogue; readonly tasks: TaskIds },
  call: Authenticated,
  target: Target,
): Resolved {
  const { received, principal } = call
  const { catalogue } = parts
  const asker = { endpoint: received.endpoint, principal }
  // Hidden before anything is said of it, its headers included: it must look as what was never there.
  const entry = target.kind === 'task' ? shownTask(parts, call, target) : shown(parts, call, target)
  if (entry === undefined) {
    if (isOutOfReach(parts, call, target)) throw tooFar(target)
    const refusal = target.kind === 'task' ? undefined : catalogue.refusal(asker, target.kind)
    throw refusal ?? unknown(target, received)
  }
  if (entry.paramHeaders.length > 0 && received.request.method === 'tools/call') {
    checkParams(entry, received)
  }
  return { received, principal, entry, target }
}

/** What a name stands for, if its caller can see that; undefined for a task, whose id says nothing to its caller. */
export function shown(
  { catalogue }: { readonly catalogue: Catalogue },
  call: Authenticated,
  target: Target,
): Entry | undefined {
  const { received, principal } = call
  const asker = { endpoint: received.endpoint, principal }
  return ifShown(catalogue, call, find(catalogue, asker, target))
}

function ifShown(
  catalogue: Catalogue,
  { received, principal }: Authenticated,
  entry: Entry | undefined,
): Entry | undefined {
  if (entry === undefined || !isUsable(entry, received.caller)) return undefined
  const sight = catalogue.sightOf({ endpoint: received.endpoint, principal })
  return sight?.shows(entry) === false ? undefined : entry
}

/** What must be waited for before what a request is about can be called unknown: lists that were never fetched. */
export function listsFor(
  { catalogue, tasks }: { readonly catalogue: Catalogue; readonly tasks: TaskIds },
  call: Authenticated,
  { kind, name }: Target,
): Promise<unknown> | undefined {
  const asker = askerOf(call)
  if (kind !== 'task') return catalogue.firstLists(asker, kind, name)
  const place = tasks.find(asker, name)
  return place === undefined ? undefined : catalogue.firstLists(asker, 'tool', place.tool)
}

/** The tool whose call the task is, at the upstream that runs it. */
function shownTask(
  { catalogue, tasks }: { readonly catalogue: Catalogue; readonly tasks: TaskIds },
  call: Authenticated,
  { name }: Target,
): Entry | undefined {
  const { received, principal } = call
  const { endpoint } = received
  const place = tasks.find({ endpoint, principal }, name)
  const entry =
    place === undefined ? undefined : catalogue.find({ endpoint, principal }, 'tool', place.tool)
  const candidate = entry?.candidates.find(({ upstream }) => upstream === place?.upstream)
  if (place === undefined || entry === undefined || candidate === undefined) return undefined
  const found: Entry = { ...entry, candidates: [{ ...candidate, name: place.id }] }
  return ifShown(catalogue, call, found)
}

function find(catalogue: Catalogue, asker: Watcher, { kind, name }: Target): Entry | undefined {
  if (kind === 'tool' || kind === 'prompt') return catalogue.find(asker, kind, name)
  if (kind === 'resource') return catalogue.findResource(asker, name)
  // A server may have more skills than it lists, and each is a resource.
  if (kind === 'skill') {
    return catalogue.find(asker, kind, name) ?? catalogue.findResource(asker, name)
  }
  // A reference may also name a resource that no template leads to.
  return catalogue.findTemplate(asker, name) ?? catalogue.findResource(asker, name)
}

function isOutOfReach(
  { catalogue }: { readonly catalogue: Catalogue },
  { received: { endpoint }, principal }: Authenticated,
  { kind, name }: Target,
): boolean {
  const asker = { endpoint, principal }
  const entry = kind === 'task' ? undefined : catalogue.outOfReach(asker, kind, name)
  return entry !== undefined && catalogue.sightOf(asker)?.shows(entry) !== false
}

function checkParams({ paramHeaders }: Entry, { request, mirrored, header }: Received): void {
  const place = memberOf(request.paramMembers, 'arguments')
  if (place !== undefined) refuseAmbiguous(paramHeaders, request.raw, place.start)
  if (mirrored) checkMirrored(paramHeaders, request.param('arguments'), header)
}

/**
 * The view's decision for one request, the same the lists are made by.
 *
 * @throws Fault `insufficient_scope` with all scopes of the call
 */
export function see(
  { catalogue }: { readonly catalogue: Pick<Catalogue, 'sightOf'> },
  resolved: Resolved,
): Visible {
  const { principal, entry, received } = resolved
  const sight = catalogue.sightOf({ endpoint: received.endpoint, principal })
  if (sight?.sees(entry) === false) {
    const text = `the token does not cover this ${entry.kind}`
    throw new Fault('insufficient_scope', text, { data: { scopes: sight.needs(entry) } })
  }
  return resolved as Visible
}

/** A challenge because of what lies behind, with what the call takes here as well: who asks for no more than it says can call. */
export function withOwnScope(fault: Fault, entry: Entry): Fault {
  const own = needed(capabilityOf(entry))
  const scopes: unknown = fault.data?.['scopes']
  if (fault.code !== 'insufficient_scope' || own === undefined || !Array.isArray(scopes))
    return fault
  const all = normalise([own, ...(scopes as readonly string[])])
  return new Fault(fault.code, fault.message, {
    data: { ...fault.data, scopes: all },
    cause: fault,
  })
}
