import { Fault } from '../../protocol/errors.ts'
import { nextTrail, PROBE_METHOD, type HopTrail } from '../../protocol/federation.ts'
import type { Authenticated, Candidate, Entry } from '../core/stages.ts'
import type { WayRank } from '../core/way-rank.ts'
import { choose, type Upstream } from '../hop/exchange.ts'
import type { Connection } from '../outbound/connection.ts'
import { putToNode } from './ask-node.ts'
import { askedByNode } from './explain-for-node.ts'
import { entriesOf, listedItem } from './explain-live.ts'
import { reach, type Reached } from './mesh/probe.ts'
import { passedOn, type HopAsking, type HopGround } from './over-hops.ts'
import {
  probeAnswer,
  type PassedWay,
  type ProbeAnswer,
  type ProbeHop,
  type ProbeToken,
} from './probe-answer.ts'

/** What ways are followed with. */
export interface ProbeGround extends HopGround {
  readonly ways: WayRank
}

/** Whose call is followed; without an explainer it is that of an operator, who sees all. */
export type ProbeAsking = Pick<HopAsking, 'endpoint' | 'trail'> &
  Partial<Pick<HopAsking, 'explainer' | 'whom'>>

/** Ways that are tried at one node at most, so that whoever waits hears of it in time. */
const MAX_TRIED = 3

/** Says to another node which way a call would take from here; undefined where it may not ask. @throws Fault `invalid_params` */
export async function probeForNode(
  ground: ProbeGround,
  request: Authenticated,
): Promise<ProbeAnswer | undefined> {
  const asked = askedByNode(ground, request)
  if (asked === undefined) return undefined
  const { asking, named } = asked
  const { endpoint, kinds } = asking
  const { catalogue } = ground.registry
  const [entry] = kinds.flatMap((kind) => entriesOf(catalogue, { endpoint, kind }, named))
  if (entry !== undefined) return forOthers(await probeWay(ground, asking, entry))
  const problem = 'the node does not list it'
  return { end: 'unreached', problem, hops: [hopOf(ground, named.name)] }
}

/** Where its upstreams are is nothing a node tells others. */
function forOthers(answer: ProbeAnswer): ProbeAnswer {
  const [own, ...others] = answer.hops
  if (own?.token === undefined) return answer
  return { ...answer, hops: [{ ...own, token: { mode: own.token.mode } }, ...others] }
}

/**
 * Follows the way a call of something takes from this node, to the server: it is chosen as for a call, what lies next is
 * asked whether it is there, and a node how it goes on. Nothing is called. Never rejects.
 */
export async function probeWay(
  ground: ProbeGround,
  asking: ProbeAsking,
  entry: Entry,
): Promise<ProbeAnswer> {
  const own = hopOf(ground, entry.name)
  const seen = asking.explainer?.explain(listedItem(entry))
  if (seen?.visible === false) {
    return { end: 'unreached', problem: `it is hidden: ${seen.because}`, hops: [own] }
  }
  const onward = nextTrail(asking.trail, ground.self)
  const passed: PassedWay[] = []
  const hopNow = (): ProbeHop => (passed.length === 0 ? own : { ...own, passed })
  while (passed.length < MAX_TRIED) {
    const way = nextWay(ground, entry, { onward, passed })
    if (typeof way === 'string') return { end: 'unreached', problem: way, hops: [hopNow()] }
    const reached = await reach(way.upstream.link, patienceOf(ground, onward) / 4)
    if (!(reached instanceof Fault)) {
      return follow({ ground, asking, hop: hopNow() }, { ...way, reached, kind: entry.kind })
    }
    const { upstream } = way.candidate
    passed.push({ upstream, why: inWords(upstream, reached) })
  }
  return { end: 'unreached', problem: passed.at(-1)?.why, hops: [hopNow()] }
}

/** Links name their upstream in what they say of it; what is asked over them does not. */
function inWords(label: string, { message }: Fault): string {
  const named = `upstream "${label}"`
  const why = message.startsWith(named) ? message : `${named} does not answer: ${message}`
  return why.slice(0, 1_000)
}

interface Way {
  readonly candidate: Candidate
  readonly upstream: Upstream
}

/** The way a call takes that could not be sent on those before; in words why there is none. */
function nextWay(
  { registry: { upstreams }, ways }: ProbeGround,
  entry: Entry,
  { onward, passed }: { readonly onward: HopTrail; readonly passed: readonly PassedWay[] },
): Way | string {
  const avoid = passed.map((one) => one.upstream)
  try {
    const candidate = choose({ upstreams, ways, avoid }, entry, onward.path)
    const upstream = upstreams.get(candidate.upstream)
    if (upstream === undefined) return `upstream "${candidate.upstream}" is gone`
    if (upstream.kind === 'node' && onward.budget < 1) {
      return 'the hop budget does not reach the next node'
    }
    return { candidate, upstream }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return passed.at(-1)?.why ?? error.message
  }
}

interface Following {
  readonly ground: ProbeGround
  readonly asking: ProbeAsking
  readonly hop: ProbeHop
}

/** What lies next is there: the server, or a node that is asked how it goes on. */
async function follow(
  { ground, asking, hop: before }: Following,
  { candidate, upstream, reached, kind }: Way & { reached: Reached; kind: Entry['kind'] },
): Promise<ProbeAnswer> {
  const { connection, ms } = reached
  const { federation, name: server } = connection.server
  const { label } = upstream.link
  const transport = transportOf(upstream, connection)
  const token = tokenFor(ground, label)
  const now = { upstream: label, transport, ms: Math.round(ms * 100) / 100 }
  const hop = { ...before, ...now, ...(token && { token }) }
  if (upstream.kind !== 'node') {
    return { end: 'reached', server: server.slice(0, 256), hops: [hop] }
  }
  const { node = '', organisation = '', name = server } = federation ?? {}
  const onward = nextTrail(asking.trail, ground.self)
  if (onward.path.includes(node)) {
    const problem = `upstream "${label}" is a node the call has passed already`
    return { end: 'unreached', problem, hops: [hop] }
  }
  const whom = asking.whom && passedOn(ground.config, upstream, asking.whom)
  const params = { kind, name: candidate.name, ...(whom && { whom }) }
  const question = { method: PROBE_METHOD, params, answer: probeAnswer }
  const asker = {
    self: ground.self,
    trail: asking.trail,
    patience: ground.config.limits.listTimeout,
  }
  const answer = await putToNode(upstream, question, asker)
  if (typeof answer !== 'string') return { ...answer, hops: [hop, ...answer.hops].slice(0, 64) }
  const unsaid = { node, name, organisation, called: candidate.name }
  return { end: 'unsaid', problem: answer, hops: [hop, unsaid] }
}

/** What calls of an upstream show there; undefined where they show nothing. */
function tokenFor({ config }: ProbeGround, label: string): ProbeToken | undefined {
  const upstream = config.upstreams[label]
  if (upstream === undefined || upstream.kind === 'stdio') return undefined
  const { mode } = upstream.auth
  if (mode === 'none') return undefined
  const [audience] =
    (upstream.kind === 'http' ? upstream.http : upstream.node).url?.split('?') ?? []
  return { mode, audience }
}

function transportOf(
  { kind }: Upstream,
  { transport = 'http' }: Connection,
): ProbeHop['transport'] {
  return kind === 'stdio' ? kind : transport
}

/** For the answer of what lies next, as {@link putToNode} has it, ms. */
function patienceOf({ config }: ProbeGround, { path }: HopTrail): number {
  return config.limits.listTimeout / 2 ** path.length
}

function hopOf({ config: { node }, self }: ProbeGround, called: string): ProbeHop {
  return { node: self, name: node.name, organisation: node.organisation, called }
}
