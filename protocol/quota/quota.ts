/** Limits per client: who may ask for what how often, and how much of it at a time. Data, and what it is about. */

import { matchesGlob } from '../glob.ts'
import { Matcher } from '../policy/matcher.ts'
import { isFor, type Hints, type Policy, type RuleKind, type Selector } from '../policy/policy.ts'
import type { Rate } from './rate.ts'

/** What requests do, in one word. */
export const METHOD_GROUPS = [
  'list',
  'call',
  'get',
  'read',
  'complete',
  'subscribe',
  'task',
] as const

export type MethodGroup = (typeof METHOD_GROUPS)[number]

/**
 * The requests that are counted. Not those by which a client finds out whom it talks to (`initialize`, `server/discover`):
 * refused there, it would draw the wrong conclusion about the protocol; nor those that ask for nothing (`ping`,
 * `logging/setLevel`, `resources/unsubscribe`). `GET` opens the stream of a session, which is how era 2025 listens.
 */
export const METERED: ReadonlyMap<string, MethodGroup> = new Map<string, MethodGroup>([
  ['tools/list', 'list'],
  ['prompts/list', 'list'],
  ['resources/list', 'list'],
  ['resources/templates/list', 'list'],
  ['skills/list', 'list'],
  ['tools/call', 'call'],
  ['prompts/get', 'get'],
  ['resources/read', 'read'],
  ['resources/directory/read', 'read'],
  ['skills/get', 'read'],
  ['completion/complete', 'complete'],
  ['resources/subscribe', 'subscribe'],
  ['subscriptions/listen', 'subscribe'],
  ['GET', 'subscribe'],
  ['tasks/get', 'task'],
  ['tasks/update', 'task'],
  ['tasks/result', 'task'],
  ['tasks/cancel', 'task'],
])

/** Groups whose requests are about one capability. Those of a task are about the task. */
export const ABOUT: Readonly<Partial<Record<MethodGroup, readonly RuleKind[]>>> = {
  call: ['tools'],
  get: ['prompts'],
  read: ['resources'],
  complete: ['prompts', 'resources'],
}

/** One limit. What is there must all fit a request for it to count. */
export interface Quota {
  /** Unique; callers are told it. */
  readonly name: string
  /** Names of classes; `*` is everybody. */
  readonly for: readonly string[]
  /** Globs. */
  readonly endpoints: readonly string[]
  /** Groups and methods; undefined: all that are counted. */
  readonly methods: readonly string[] | undefined
  /** What requests must be about, if it matters at all. */
  readonly kinds: Readonly<Partial<Record<RuleKind, readonly Selector[]>>>
  /** Who shares it: each caller has its own, or all it is for have one. */
  readonly per: 'caller' | 'all'
  readonly rate?: Rate
  /** Requests without an answer yet. */
  readonly concurrent?: number
  /** Where it stands, `file:line`; absent where it was written in code. */
  readonly place?: string
}

/** Whether a limit speaks of requests about certain capabilities alone. */
export function isParticular({ kinds }: Quota): boolean {
  return Object.keys(kinds).length > 0
}

/** Whether a limit may count requests of a method, at an endpoint, by callers in these classes. */
export function concerns(
  quota: Quota,
  { classes, endpoint, method }: Asked & { readonly classes: ReadonlySet<string> },
): boolean {
  const group = METERED.get(method)
  if (group === undefined || !isFor(quota, classes)) return false
  if (!quota.endpoints.some((glob) => matchesGlob(glob, endpoint))) return false
  if (quota.methods?.some((one) => one === group || one === method) === false) return false
  return !isParticular(quota) || ABOUT[group]?.some((kind) => quota.kinds[kind]) === true
}

/** Where something is asked for, and how. */
export interface Asked {
  readonly endpoint: string
  readonly method: string
}

/**
 * Whether a request takes one of the places of a limit. A listen stays open, and to cancel a task makes room: the first
 * takes a place only where the limit names it, the other never does.
 */
export function takesPlace({ methods }: Quota, method: string): boolean {
  if (method === 'tasks/cancel') return false
  if (METERED.get(method) !== 'subscribe') return true
  return methods?.some((one) => one === 'subscribe' || one === method) === true
}

/** What a request is about, as its caller sees it. */
export interface MeteredSubject {
  readonly kind: RuleKind
  /** As in the globs of a policy: `<namespace>__<name>`, a URI or a template. */
  readonly label: string
  readonly hints: Hints
}

/** Prepares what a limit is about; undefined where it does not matter. */
export function compileSubjects(
  quota: Quota,
  tags: Policy['tags'],
): ((subject: MeteredSubject) => boolean) | undefined {
  if (!isParticular(quota)) return undefined
  const matchers = new Map(
    Object.entries(quota.kinds).map(([kind, selectors]) => [kind, new Matcher(selectors, tags)]),
  )
  return ({ kind, label, hints }) => matchers.get(kind)?.matches(label, hints) === true
}
