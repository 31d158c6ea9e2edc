import { z } from 'zod'
import { isNodeId } from '../protocol/federation.ts'
import { isOrganisation, MAX_RECORD_CHARS } from './record.ts'
import type { Route, RouteKey } from './route.ts'
import { MAX_SUMMARY_CHARS } from './summary.ts'
import type { SyncReply, SyncRequest } from './sync.ts'
import { syncReply, syncRequest } from './sync-wire.ts'

/** What became of one key: a route, or none any more. */
export interface RouteDelta {
  readonly key: RouteKey
  readonly route: Route | undefined
}

/** What the two ends of a link tell each other besides calls. */
export type LinkMessage =
  /** Of either end inside an organisation: what it knows, and how it hears of more. */
  | {
      readonly type: 'hello'
      /** Whether it hears the bus; who does not is told over its links. */
      readonly bus: boolean
      /** Whether it missed something, as far as it knows. */
      readonly behind: boolean
      /** Of its hash tree. */
      readonly root: string
      /** Whether it is in answer to another one, and wants none itself. */
      readonly answer: boolean
    }
  /** Of the upstream. `full`: what is not listed is gone. */
  | {
      readonly type: 'routes'
      /** One more than that of the message before; from 1 on each connection. */
      readonly seq: number
      readonly full: boolean
      readonly routes: readonly RouteDelta[]
      /** Records that are the cause of it. */
      readonly records: readonly string[]
    }
  /** Of the downstream: it missed something, and wants all routes. */
  | { readonly type: 'resend' }
  /** Of either end, inside an organisation. */
  | { readonly type: 'records'; readonly records: readonly string[] }
  /** Of either end, between organisations: signed summaries of its own. */
  | { readonly type: 'summaries'; readonly summaries: readonly string[] }
  /** Of the downstream, inside an organisation: it compares notes. */
  | { readonly type: 'ask'; readonly round: number; readonly request: SyncRequest }
  /** Of the upstream: what comes of it. */
  | { readonly type: 'reply'; readonly round: number; readonly reply: SyncReply }

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const text = z.string().min(1).max(256)
const records = z.array(z.string().max(MAX_RECORD_CHARS)).max(20_000)
const nodeId = z.string().refine(isNodeId)
/** Node, `svc:` or `org:`; no space, which keys are joined by. */
const origin = z.string().regex(/^(?:svc:|org:)?[A-Za-z0-9_-]{1,64}$/)
const key = z.object({ origin, namespace: z.string().regex(/^[^\s]{1,256}$/) })

const MAX_STEPS = 64

const route = z.object({
  revision: z.string().regex(/^[A-Za-z0-9_-]{1,86}$/),
  path: z
    .array(z.object({ id: nodeId, inc: count, epoch: count }))
    .min(1)
    .max(MAX_STEPS)
    .refine((path) => new Set(path.map(({ id }) => id)).size === path.length),
  organisations: z
    .array(z.string().refine(isOrganisation))
    .min(1)
    .max(MAX_STEPS)
    .refine((names) => new Set(names).size === names.length),
  cost: z.number().min(0).max(1e9),
  tags: z.array(text).max(64),
})

const delta = z.object({ key, route: route.nullable() })

const message = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    bus: z.boolean(),
    behind: z.boolean(),
    root: z.string().max(64),
    answer: z.boolean(),
  }),
  z.object({
    type: z.literal('routes'),
    seq: count,
    full: z.boolean(),
    routes: z.array(delta).max(100_000),
    records,
  }),
  z.object({ type: z.literal('resend') }),
  z.object({ type: z.literal('records'), records }),
  z.object({
    type: z.literal('summaries'),
    summaries: z.array(z.string().max(MAX_SUMMARY_CHARS)).max(16),
  }),
  z.object({ type: z.literal('ask'), round: count, request: syncRequest }),
  z.object({ type: z.literal('reply'), round: count, reply: syncReply }),
])

/** A message as the other end sent it; undefined when it is none. */
export function readLinkMessage(value: unknown): LinkMessage | undefined {
  const { data } = message.safeParse(value)
  if (data?.type !== 'routes') return data
  const routes = data.routes.map((one) => ({
    key: one.key,
    route: one.route === null ? undefined : { key: one.key, ...one.route },
  }))
  return { ...data, routes }
}

/** The JSON value of a message. */
export function linkMessageJson(value: LinkMessage): unknown {
  if (value.type !== 'routes') return value
  const routes = value.routes.map(({ key: of, route: to }) => {
    if (to === undefined) return { key: of, route: null }
    const { key: _, ...rest } = to
    return { key: of, route: rest }
  })
  return { ...value, routes }
}
