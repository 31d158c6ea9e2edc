import type { AuditLine } from '../core/audit-chain.ts'

/** One node a call passed. */
export interface Hop {
  readonly node: string
  readonly call: AuditLine
  /** Decisions about the token for the next hop, by whichever node; for the first hop also about the caller's. */
  readonly tokens: readonly AuditLine[]
}

/** One call from its first node to its last. */
export interface Story {
  /** What became of it, at the last node that decided. */
  readonly decision: AuditLine['decision']
  readonly ts: string
  readonly txn?: string
  readonly trace?: string
  readonly hops: readonly Hop[]
  /** Where it ended before its end, and why: the decision farthest from the caller. */
  readonly end?: { readonly node: string; readonly kind: string; readonly reason: string }
}

/** What is asked for; all of it must hold. Nothing: every call. */
export interface Wanted {
  readonly txn?: string | undefined
  readonly trace?: string | undefined
  readonly jti?: string | undefined
}

/** What was found: calls by time, and decisions about tokens that belong to none of them. */
export interface Found {
  readonly stories: readonly Story[]
  readonly loose: readonly AuditLine[]
}

/** How long a refusal is remembered by a node that does not ask again, ms (identity.md §4.7). */
const REMEMBERED_MS = 6_000

/** Joins the lines of several nodes into calls. */
export function tellStories(lines: readonly AuditLine[], wanted: Wanted): Found {
  const joined = new Joined(lines)
  const chosen = lines.filter((line) => isWanted(line, wanted))
  const roots = new Set(chosen.filter(isCall).map((line) => joined.rootOf(line)))
  const stories = [...roots].map((root) => joined.story(root)).toSorted(byTime)
  const told = new Set(stories.flatMap(({ hops }) => hops.flatMap(({ tokens }) => tokens)))
  const isAsked = Object.values(wanted).some((value) => value !== undefined)
  const loose = isAsked ? chosen.filter((line) => !isCall(line) && !told.has(line)) : []
  return { stories, loose: loose.toSorted(byTime) }
}

function isCall({ kind }: AuditLine): boolean {
  return kind === 'call'
}

function isWanted(line: AuditLine, { txn, trace, jti }: Wanted): boolean {
  if (txn !== undefined && line.txn !== txn) return false
  if (trace !== undefined && line.trace !== trace) return false
  return jti === undefined || line.in?.jti === jti || line.out?.jti === jti
}

function byTime(one: { readonly ts: string }, other: { readonly ts: string }): number {
  return one.ts.localeCompare(other.ts)
}

/** Lines by what joins them: the jti of a token, and for one of its calls the id of the request. */
class Joined {
  readonly #calls = new Map<string, AuditLine[]>()
  readonly #made = new Map<string, AuditLine[]>()
  readonly #used = new Map<string, AuditLine[]>()
  readonly #tokens: readonly AuditLine[]
  readonly #parents = new Map<AuditLine, AuditLine>()

  constructor(lines: readonly AuditLine[]) {
    const calls = lines.filter(isCall)
    this.#tokens = lines.filter((line) => !isCall(line) && line.kind !== 'refusals')
    for (const call of calls) add(this.#calls, arrivalKey(call), call)
    for (const line of this.#tokens) {
      add(this.#made, line.out?.jti, line)
      add(this.#used, line.in?.jti, line)
    }
    for (const call of calls) {
      const next = this.#next(call)
      if (next !== undefined) this.#parents.set(next, call)
    }
  }

  rootOf(call: AuditLine): AuditLine {
    const seen = new Set<AuditLine>()
    let root = call
    for (;;) {
      const parent = this.#parents.get(root)
      if (parent === undefined || seen.has(parent)) return root
      seen.add(parent)
      root = parent
    }
  }

  story(root: AuditLine): Story {
    const hops: Hop[] = []
    const seen = new Set<AuditLine>()
    for (let call: AuditLine | undefined = root; call !== undefined; call = this.#next(call)) {
      if (seen.has(call)) break
      seen.add(call)
      const before = hops.length === 0 ? this.#makersOf(call.in?.jti) : []
      const tokens = [...new Set([...before, ...this.#tokensFor(call)])].toSorted(byTime)
      hops.push({ node: call.node, call, tokens })
    }
    const txn = hops.map(({ call }) => call.txn).find((one) => one !== undefined)
    const { ts, trace } = root
    const end = endOf(hops)
    // A node that passed a refusal on has let the call through.
    const last = hops.findLast(({ call }) => call.decision !== 'allowed')
    return {
      decision: (last?.call ?? root).decision,
      ts,
      ...(txn !== undefined && { txn }),
      ...(trace !== undefined && { trace }),
      hops,
      ...(end !== undefined && { end }),
    }
  }

  /** The line of the same call at the node it was sent to. */
  #next(call: AuditLine): AuditLine | undefined {
    const candidates = this.#calls.get(departureKey(call) ?? '') ?? []
    const others = candidates.filter((line) => line !== call)
    // Ids begin anew with each process: of two that are alike the nearer one.
    const distance = (line: AuditLine): number =>
      Math.abs(Date.parse(line.ts) - Date.parse(call.ts))
    return others.toSorted((a, b) => distance(a) - distance(b))[0]
  }

  /** Decisions that made a token, and the grant it was made from. */
  #makersOf(jti: string | undefined): readonly AuditLine[] {
    if (jti === undefined) return []
    const makers = this.#made.get(jti) ?? []
    const grants = makers.flatMap((maker) => this.#made.get(maker.in?.jti ?? '') ?? [])
    return [
      ...makers,
      ...grants.filter(({ kind }) => kind === 'local' || kind === 'token_exchange'),
    ]
  }

  #tokensFor(call: AuditLine): readonly AuditLine[] {
    const makers = this.#makersOf(call.out?.jti)
    return makers.length > 0 || call.decision === 'allowed' ? makers : this.#attempts(call)
  }

  /** What was tried for a call that got no token: by its node within its time, and with the grants it made. */
  #attempts(call: AuditLine): readonly AuditLine[] {
    const end = Date.parse(call.ts)
    const start = end - (call.ms ?? 0) - REMEMBERED_MS
    const own = this.#tokens.filter((line) => {
      const at = Date.parse(line.ts)
      if (line.node !== call.node || at < start || at > end + 1) return false
      if (line.kind !== 'obtained' && line.kind !== 'local') return false
      return line.in?.jti === call.in?.jti && line.in?.subH === call.in?.subH
    })
    const spent = own.flatMap(({ out }) =>
      out?.jti === undefined ? [] : (this.#used.get(out.jti) ?? []),
    )
    return [...own, ...spent]
  }
}

function add(table: Map<string, AuditLine[]>, key: string | undefined, line: AuditLine): void {
  if (key === undefined) return
  const known = table.get(key)
  if (known === undefined) table.set(key, [line])
  else known.push(line)
}

/** Without tokens only a trace id tells the calls of one node from those of another. */
function arrivalKey({ in: input, trace }: AuditLine): string | undefined {
  if (input?.id === undefined) return undefined
  return keyOf(input.id, input.jti, trace)
}

function departureKey({ out, trace }: AuditLine): string | undefined {
  return out?.id === undefined ? undefined : keyOf(out.id, out.jti, trace)
}

function keyOf(id: number, jti: string | undefined, trace: string | undefined): string | undefined {
  if (jti !== undefined) return `token ${jti} ${id}`
  return trace === undefined ? undefined : `trace ${trace} ${id}`
}

function endOf(hops: readonly Hop[]): Story['end'] {
  for (const { call, tokens } of hops.toReversed()) {
    if (call.decision === 'allowed') continue
    // The token's own node says less than the issuer that refused it.
    const refused = tokens
      .filter(({ decision }) => decision === 'refused')
      .toSorted((a, b) => Number(a.node === call.node) - Number(b.node === call.node))
    const { node, kind, reason = 'unknown' } = refused[0] ?? call
    return { node, kind, reason }
  }
  return undefined
}
