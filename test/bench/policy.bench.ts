// What visibility costs: `npm run bench:policy`. Goals that are missed are reported, never asserted.
import { createHash } from 'node:crypto'
import { availableParallelism, cpus } from 'node:os'
import process from 'node:process'
import { Quotas } from '../../node/core/quotas.ts'
import { Sealer } from '../../node/core/seal.ts'
import { LOCAL_CALLER, type Principal } from '../../node/core/principal.ts'
import { PageStore } from '../../node/hop/page-store.ts'
import { Sights, subjectOf, type VisibilityPolicy } from '../../node/hop/sight.ts'
import { buildView, type View } from '../../node/hop/view.ts'
import type { AccessClaims } from '../../protocol/token/claims.ts'
import { listedItem, type Listed } from '../../protocol/listing.ts'
import { compilePolicy } from '../../protocol/policy/decide.ts'
import { UNKNOWN_HINTS, type Rule } from '../../protocol/policy/policy.ts'
import { quantile } from './stats.ts'
import { figure, table } from './table.ts'

const RULES = 1_000
const TOOLS = 10_000
const NAMESPACES = 20
const CLASSES = 50
const PRINCIPALS = 1_000
const ROUNDS = 9
const MEBI = 2 ** 20

/** What is promised at most: of visibility, and of limits. */
const GOALS = { decision: 1, firstView: 20, limits: 2 }

const ANY = { allow: ['*'], deny: [], within: 'all' as const }

/** Each class has its share of the rules: what it may see of some namespace, and what of that it may not. */
function policyOf(): VisibilityPolicy {
  const rules = Array.from({ length: RULES }, (_, index): Rule => {
    const namespace = `ns${index % NAMESPACES}`
    const allow = [
      { name: `${namespace}__tool_${index % 10}*` },
      { name: `${namespace}__*`, readOnly: true },
    ]
    const deny = [{ name: `${namespace}__*_${index % 97}` }]
    return {
      for: [`class-${index % CLASSES}`],
      endpoints: ANY,
      namespaces: { allow: [namespace], deny: [], within: [namespace] },
      kinds: { tools: { allow, deny, within: allow } },
    }
  })
  const classes = Object.fromEntries(
    Array.from({ length: CLASSES }, (_, index) => [
      `class-${index}`,
      [{ claims: { groups: [`group-${index}`] } }],
    ]),
  )
  return { rules, tags: {}, classes }
}

function toolOf(index: number): Listed {
  const properties = { query: { type: 'string', description: 'What to look for.' } }
  return listedItem('tool', {
    name: `tool_${index % 500}_${index}`,
    description: `Does the ${index}th thing there is to do, and says how it went.`,
    inputSchema: { type: 'object', properties, required: ['query'] },
    annotations: { readOnlyHint: index % 3 === 0 },
  })
}

function viewOf(): View {
  const rule = {
    self: { node: 'n', organisation: 'acme' },
    namespaces: ['*'],
    names: { style: 'prefixed', maxLength: 48 },
    uriBytes: 8_192,
    hopBudget: 8,
  } as const
  const sources = Array.from({ length: NAMESPACES }, (_, space) => ({
    upstream: `up${space}`,
    peer: undefined,
    era: '2026' as const,
    items: Array.from({ length: TOOLS / NAMESPACES }, (__, index) =>
      toolOf(index * NAMESPACES + space),
    ),
    from: { kind: 'own', namespace: `ns${space}` } as const,
  }))
  return buildView('tool', rule, sources)
}

function holder(index: number): Principal {
  const claims: AccessClaims = {
    iss: 'https://login.example',
    sub: `user-${index}`,
    aud: 'https://edge.example/mcp/main',
    clientId: 'app',
    jti: String(index),
    iat: 0,
    exp: 2 ** 40,
    scope: ['*'],
    others: { groups: [`group-${index % CLASSES}`] },
  }
  const { iss: issuer, sub: subject, clientId } = claims
  return { ...LOCAL_CALLER, issuer, subject, clientId, key: subject, scopes: ['*'], claims }
}

/** Processor time of a step, ms: the median of some rounds. */
function cpuOf(step: () => void): number {
  const each = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage()
    step()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  })
  return quantile(Float64Array.from(each).toSorted(), 0.5)
}

function liveMb(): number {
  if (globalThis.gc === undefined) throw new Error('start it with --expose-gc')
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / MEBI
}

/** Limits that are about one call at once: more than most files have. */
const LIMITS_EACH = 3

/** What counting a call costs, CPU µs: the headers for its caller and the place it takes and gives back included. */
function limitsUs(): number {
  const quota = {
    for: ['*'],
    endpoints: ['*'],
    methods: undefined,
    kinds: {},
    per: 'caller',
  } as const
  const often = { count: 1_000_000, periodMs: 1_000, burst: 1_000_000 }
  const quotas = [
    { ...quota, name: 'calls', rate: often, concurrent: 1_000 },
    { ...quota, name: 'tools', rate: often, kinds: { tools: [{ name: 'ns1__*' }, { tag: 'x' }] } },
    { ...quota, name: 'class', for: ['class-1'], rate: often, per: 'all' as const },
    { ...quota, name: 'other', for: ['class-2'], rate: often },
  ]
  const parts = { now: () => performance.now(), callers: 100_000, node: 'n', name: 'acme/n' }
  const rules = { quotas, classes: policy.classes, tags: { x: ['ns2__*'] } }
  const { meter } = new Quotas(rules, parts)
  if (meter === undefined) throw new Error('nothing is limited')
  const holders = Array.from({ length: PRINCIPALS }, (_, index) => holder(index * CLASSES + 1))
  const subject = { kind: 'tools', label: 'ns1__tool_1', hints: UNKNOWN_HINTS } as const
  const CALLS = 100_000
  const all = cpuOf(() => {
    for (let count = 0; count < CALLS; count += 1) {
      const principal = holders[count % PRINCIPALS] ?? again
      const request = { principal, endpoint: 'main', method: 'tools/call', subject }
      meter.take(request)?.release()
    }
  })
  return (all * 1_000) / CALLS
}

const policy = policyOf()
const view = viewOf()
const subjects = view.items.map(({ entry }) => subjectOf(entry))
const sealer = new Sealer(Buffer.alloc(32, 1), 'cursor')
const dialect = { era: '2026', revision: '2026-07-28', federated: false } as const
const context = { sealer, bound: 'x', pageSize: 1_000, dialect }

const decision =
  (cpuOf(() => {
    const compiled = compilePolicy(policy, new Set(['class-7']), 'main')
    for (const subject of subjects) compiled.sees(subject)
  }) *
    1_000) /
  TOOLS

const sights = new Sights('main', policy)
const principals = Array.from({ length: PRINCIPALS }, (_, index) => holder(index))
const store = new PageStore('tool main')
const before = liveMb()
const first: number[] = []
for (const principal of principals.slice(0, CLASSES)) {
  const began = process.cpuUsage()
  store.of(view, context, sights.of(principal))
  const { user, system } = process.cpuUsage(began)
  first.push((user + system) / 1_000)
}
for (const principal of principals) store.of(view, context, sights.of(principal))
const after = liveMb()
const [again = holder(0)] = principals
const repeated =
  (cpuOf(() => {
    for (let count = 0; count < 1_000; count += 1) store.of(view, context, sights.of(again))
  }) *
    1_000) /
  1_000
const counted = limitsUs()
const firstView = quantile(Float64Array.from(first).toSorted(), 0.5)

/** Three nodes, each with the rules, each made from what the one behind it lists for that class. */
const HOPS = 3

interface Hop {
  readonly sights: Sights
  readonly stores: Map<string, { readonly view: View; readonly store: PageStore }>
}

/** What a node lists, as the next one gets it: the same for all who see the same, so that nothing is built twice. */
function listedBy(hop: Hop, behind: View, principal: Principal): View {
  const sight = hop.sights.of(principal)
  const items = behind.items.filter(({ entry }) => sight?.sees(entry) !== false)
  const names = items.map(({ entry }) => entry.name).join(' ')
  const digest = createHash('sha256').update(names).digest('base64url')
  const kept = hop.stores.get(digest) ?? {
    view: { ...behind, items },
    store: new PageStore('tool main'),
  }
  hop.stores.set(digest, kept)
  kept.store.of(kept.view, context, sight)
  return kept.view
}

const hops = Array.from({ length: HOPS }, (): Hop => {
  return { sights: new Sights('main', policy), stores: new Map() }
})
const listThrough = (principal: Principal): View =>
  hops.reduce((behind, hop) => listedBy(hop, behind, principal), view)

const beforeHops = liveMb()
const firstDeep = principals.slice(0, CLASSES).map((principal) => {
  const began = process.cpuUsage()
  listThrough(principal)
  const { user, system } = process.cpuUsage(began)
  return (user + system) / 1_000
})
const shownDeep = principals.map((principal) => hops.map((hop) => hop.sights.of(principal)))
const [outermost] = hops.at(-1)?.stores.values() ?? []
const deepAgain =
  outermost === undefined
    ? Number.NaN
    : cpuOf(() => {
        for (let times = 0; times < 1_000; times += 1) {
          outermost.store.of(outermost.view, context, shownDeep[0]?.[HOPS - 1])
        }
      })
const afterHops = liveMb()

const judged = (value: number, most: number): string =>
  `${most} (${value <= most ? 'met' : 'NOT MET'})`
const rows = [
  [
    'a decision, with what preparing all of them costs, CPU µs',
    figure(decision),
    judged(decision, GOALS.decision),
  ],
  ['the first list of a class, CPU ms', figure(firstView), judged(firstView, GOALS.firstView)],
  ['the very first, CPU ms', figure(first[0] ?? Number.NaN), ''],
  ['a list again, CPU µs', figure(repeated), ''],
  [`${PRINCIPALS} callers in ${CLASSES} classes: different lists kept`, String(store.size), ''],
  [
    `a call under ${LIMITS_EACH} limits of its caller, CPU µs`,
    figure(counted),
    judged(counted, GOALS.limits),
  ],
  ['their text, MB', figure(store.bytes / MEBI), '64'],
  ['all they take that stays, MB', figure(after - before), ''],
  [
    `${HOPS} nodes deep: the first list of a class, CPU ms`,
    figure(quantile(Float64Array.from(firstDeep).toSorted(), 0.5)),
    '',
  ],
  [`${HOPS} nodes deep: a list again, CPU µs`, figure(deepAgain), ''],
  [
    `${HOPS} nodes deep: what ${shownDeep.length} callers take at all of them, MB`,
    figure(afterHops - beforeHops),
    '',
  ],
]
const about = `node ${process.version} · ${cpus()[0]?.model ?? 'unknown'} · ${availableParallelism()} cores`
process.stdout.write(
  `${about}\n\n${table([`${RULES} rules, ${TOOLS} tools`, 'measured', 'at most'], rows)}\n`,
)
