import type { z } from 'zod'
import { Fault, RPC } from '../../protocol/errors.ts'
import {
  EXPLAIN_METHOD,
  FEDERATION,
  nextTrail,
  writeTrail,
  type HopTrail,
  type NodeId,
} from '../../protocol/federation.ts'
import type { JsonObject } from '../../protocol/jsonrpc.ts'
import { readResult } from '../../protocol/upstream-message.ts'
import { OWN } from '../core/stages.ts'
import type { Upstream } from '../hop/exchange.ts'
import { ask, ownFrame } from '../outbound/ask.ts'
import { hopAnswer, type HopAnswer, type HopQuestion } from './hop-question.ts'

/** Who asks, and on what way. */
export interface NodeAsker {
  readonly self: NodeId
  /** As the question came. */
  readonly trail: HopTrail
  /** For an answer, were it the first hop, milliseconds: who is nearer gives up first. */
  readonly patience: number
}

/** A question nodes ask each other. */
export interface NodeQuestion<T> {
  readonly method: string
  readonly params: JsonObject
  /** What an answer has to be. */
  readonly answer: z.ZodType<T>
}

/** Asks another node, in the name of this one, what it decides; in words why there is no answer. Never rejects. */
export function askNode(
  upstream: Pick<Upstream, 'link'>,
  question: HopQuestion,
  asker: NodeAsker,
): Promise<HopAnswer | string> {
  const params = { ...question }
  return putToNode(upstream, { method: EXPLAIN_METHOD, params, answer: hopAnswer }, asker)
}

/** Puts any question to another node, in the name of this one; in words why there is no answer. Never rejects. */
export async function putToNode<T>(
  { link }: Pick<Upstream, 'link'>,
  { method, params, answer }: NodeQuestion<T>,
  { self, trail, patience }: NodeAsker,
): Promise<T | string> {
  const named = `upstream "${link.label}"`
  const connection = link.current(OWN)
  const node = connection?.server.federation?.node
  if (connection === undefined) return `${named} is down, and cannot be asked`
  const onward = nextTrail(trail, self)
  if (onward.budget < 1) return `${named} is not asked: the hop budget is used up`
  if (node === undefined || connection.era !== '2026')
    return `${named} is no node that can be asked`
  if (onward.path.includes(node)) return `${named} is not asked: the question came from there`
  const meta = `${connection.meta('')},"${FEDERATION}":${writeTrail(onward)}`
  const frame = ownFrame(method, params, meta)
  try {
    const timeoutMs = patience / 2 ** onward.path.length
    const outcome = readResult(await ask(connection.send.bind(connection), frame, timeoutMs))
    if ('error' in outcome) return refusal(named, outcome.error.code)
    const read = answer.safeParse(outcome.result)
    return read.success ? read.data : `${named} answers what this node does not understand`
  } catch (error) {
    const why = error instanceof Fault ? error.code : 'internal'
    return `${named} gives no answer (${why})`
  }
}

function refusal(named: string, code: number): string {
  if (code !== RPC.methodNotFound) return `${named} refuses to answer (${code})`
  return `${named} does not say what it decides: "explainTo" of its endpoint names no class this node is in`
}
