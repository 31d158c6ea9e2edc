import { z } from 'zod'
import { Fault } from '../../protocol/errors.ts'
import type { ConfigProblem } from '../core/config-error.ts'
import type { LimitName } from '../core/config-limits.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { SessionsReport, StatusReport } from './admin-models.ts'
import type { Mesh } from './mesh/mesh.ts'
import type { Registry } from './registry.ts'
import type { Slices } from './slices.ts'

/** What the running node tells of itself, and what can be done to it. */
export interface AdminNode {
  readonly id: string
  readonly version: string
  /** Base URL. */
  readonly url: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly phase: () => StatusReport['phase']
  /** What callers hold open; the sessions in the order of their ids. */
  readonly sessions: () => Omit<SessionsReport, 'next'>
  /** How much of a limit is used, for those that are counted. */
  readonly usage: () => Partial<Readonly<Record<LimitName, number>>>
  /** Sends callers elsewhere, or takes them again. */
  readonly drain: (away: boolean) => void
  /**
   * Takes its file again, and gives what is doubtful in it; undefined where it is from no file.
   *
   * @throws ConfigError when the file is bad or takes a restart; nothing has changed then
   */
  readonly reload: (() => Promise<readonly ConfigProblem[]>) | undefined
}

/** What answers are made from. */
export interface AdminGround {
  readonly config: () => NodeConfig
  readonly registry: Registry
  readonly mesh: Mesh
  readonly node: AdminNode
}

/** What a request says, as far as its route takes it. */
export interface RouteInput<Query, Body> {
  readonly query: Query
  readonly body: Body
  /** Of the path; empty where it has none. */
  readonly endpoint: string
}

type Answer<T> = T | Promise<T>

/** One thing that can be asked, with all there is to say about it. */
export interface RouteSpec<Query, Body, Reply> {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below the base; `{endpoint}` stands for the name of one. */
  readonly path: string
  /** One line. */
  readonly summary: string
  /** Whether it changes anything. */
  readonly writes?: boolean
  /** Whether it may last. */
  readonly isPatient?: boolean
  /** Parameters behind the question mark; absent: it takes none. */
  readonly query?: z.ZodType<Query>
  /** Absent: it takes no body. */
  readonly body?: z.ZodType<Body>
  /** The largest body it takes, bytes. */
  readonly maxBodyBytes?: number
  readonly reply: z.ZodType<Reply>
  /** @throws Fault */
  run(ground: AdminGround, input: RouteInput<Query, Body>, slices: Slices): Answer<Reply>
}

/** A route, whatever it takes. */
export interface Route extends Omit<
  RouteSpec<unknown, unknown, unknown>,
  'run' | 'query' | 'body' | 'reply'
> {
  readonly query: z.ZodType | undefined
  readonly body: z.ZodType | undefined
  readonly reply: z.ZodType
  /**
   * @param sent text of the body
   * @throws Fault `parse_error`, `invalid_request`, and what it is for
   */
  run(ground: AdminGround, sent: SentInput, slices: Slices): Promise<unknown>
}

/** What a request says, as it came. */
export interface SentInput {
  readonly query: string
  readonly body: Buffer
  readonly endpoint: string
}

/** Makes a route that reads what it is sent. */
export function route<Query, Body, Reply>(spec: RouteSpec<Query, Body, Reply>): Route {
  const { query, body } = spec
  return {
    ...spec,
    query,
    body,
    run: async (ground, sent, slices) => {
      const input = {
        query: readBy<unknown>(query ?? NOTHING, queryOf(sent.query)) as Query,
        body: (body === undefined ? undefined : readBy(body, jsonOf(sent.body))) as Body,
        endpoint: sent.endpoint,
      }
      return spec.run(ground, input, slices)
    },
  }
}

const NOTHING = z.strictObject({})

/** Parameters by name; one that comes more than once is a list. */
function queryOf(query: string): Record<string, string | string[]> {
  const given = new URLSearchParams(query)
  return Object.fromEntries(
    [...new Set(given.keys())].map((name) => {
      const [first = '', ...others] = given.getAll(name)
      return [name, others.length === 0 ? first : [first, ...others]]
    }),
  )
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw new Fault('parse_error', 'the body is no JSON')
  }
}

function readBy<T>(schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value)
  if (read.success) return read.data
  const [issue] = read.error.issues
  const parameter = (issue?.path ?? []).join('.')
  const named = parameter === '' ? '' : `${parameter}: `
  throw new Fault('invalid_request', `${named}${issue?.message ?? 'not understood'}`, {
    data: parameter === '' ? undefined : { parameter },
  })
}
