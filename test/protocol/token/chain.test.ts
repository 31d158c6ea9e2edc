// The invariants of delegation, over chains of issuers with policies nobody chose with care.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../../protocol/errors.ts'
import {
  acceptGrant,
  subjectPattern,
  type GrantTrust,
  type Redemption,
} from '../../../protocol/token/accept.ts'
import {
  actDepth,
  actorsOf,
  canonicalChain,
  disclose,
  hasCycle,
  hashedActor,
  type Disclosure,
} from '../../../protocol/token/act.ts'
import type { AccessClaims, GrantClaims } from '../../../protocol/token/claims.ts'
import { readAccessClaims, writeAccessClaims } from '../../../protocol/token/access.ts'
import { readGrantClaims, writeGrantClaims } from '../../../protocol/token/grant.ts'
import {
  narrow,
  parentOf,
  type Ask,
  type NarrowRecord,
  type Parent,
} from '../../../protocol/token/narrow.ts'
import { problemOf } from '../../../protocol/token/refusals.ts'
import { intersect, isCovered, mapScopes } from '../../../protocol/token/scopes.ts'
import { everything, reach, scopeAbout, type Offer } from './reach.ts'
import { NOW } from './tokens.ts'

/** One endpoint of a chain; what its node does not offer itself it takes over from the next, under another name. */
interface Stop {
  readonly issuer: string
  readonly resource: string
  readonly node: string
  readonly catalogue: readonly Offer[]
}

/** The namespace of what lives so many stops further on, as each stop calls it. */
function space(distance: number): string {
  return `l${distance}`
}

const LONGEST = 6
const SPACES = Array.from({ length: LONGEST + 1 }, (_, distance) => space(distance))
const OFFERED = ['find', 'drop', 'x:y']

/** What the map of one link, or of a trust record, could be made of: a key and an image. */
type Entry = readonly [string, string]

interface Link {
  readonly inside: boolean
  readonly outbound: readonly Entry[]
  readonly inbound: readonly Entry[]
  /** Whether the maps take whole namespaces over besides. */
  readonly generous: boolean
  readonly max: readonly string[] | undefined
  readonly trustMax: readonly string[]
  readonly asked: readonly string[] | undefined
  readonly requested: readonly string[] | undefined
  readonly ttl: number
  readonly trustTtl: number
  readonly maxDepth: number
  readonly trustDepth: number
  readonly maxBudget: number
  readonly trustBudget: number
  readonly pairwise: boolean
  readonly disclose: Disclosure
  readonly transit: boolean
  readonly pause: number
}

const remote = scopeAbout(SPACES, OFFERED)
const some = (one: fc.Arbitrary<string>): fc.Arbitrary<readonly string[]> =>
  fc.array(one, { minLength: 1, maxLength: 4 })
const often = <T>(value: T, rarely: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: rarely })

const link: fc.Arbitrary<Link> = fc.record({
  inside: fc.boolean(),
  outbound: fc.array(fc.tuple(remote, remote), { maxLength: 8 }),
  inbound: fc.array(fc.tuple(remote, remote), { maxLength: 8 }),
  generous: often(true, fc.boolean()),
  max: often(undefined, some(remote)),
  trustMax: often<readonly string[]>(['*'], some(remote)),
  asked: often(undefined, some(remote)),
  requested: often(undefined, some(remote)),
  ttl: fc.integer({ min: 1, max: 300 }),
  trustTtl: fc.integer({ min: 1, max: 300 }),
  maxDepth: often(8, fc.integer({ min: 0, max: 8 })),
  trustDepth: often(8, fc.integer({ min: 0, max: 8 })),
  maxBudget: often(8, fc.integer({ min: 0, max: 8 })),
  trustBudget: often(8, fc.integer({ min: 0, max: 8 })),
  pairwise: fc.boolean(),
  disclose: fc.constantFrom('full', 'self', 'hashed'),
  transit: often(true, fc.boolean()),
  pause: fc.integer({ min: 0, max: 20 }),
})

/** Each stop offers something of its own, and all the next one offers, a namespace further on. */
function stopsOf(links: readonly Link[]): readonly Stop[] {
  const stops: Stop[] = []
  for (let at = links.length; at >= 0; at -= 1) {
    const own = everything([space(0)], `n${at}`, OFFERED)
    const imported = (stops[0]?.catalogue ?? []).map((offer) => {
      return { ...offer, namespace: space(distanceOf(offer.namespace) + 1) }
    })
    const borders = links.slice(0, at).filter(({ inside }) => !inside).length
    stops.unshift({
      issuer: `https://i${borders}.example`,
      resource: `https://n${at}.example/mcp/main`,
      node: `https://n${at}.example/oauth/client.json`,
      catalogue: [...own, ...imported],
    })
  }
  return stops
}

/** The number in the first namespace of a text. */
function distanceOf(text: string): number {
  return Number(/l(\d)/.exec(text)?.[1])
}

function about(scope: string, distance: number): string {
  return scope.replace(/l\d/, space(distance))
}

/** A map of the entries that are honest: an image opens nothing its key does not open. */
function honest(
  entries: readonly Entry[],
  from: Stop,
  to: Stop,
): Record<string, readonly string[]> {
  const map: Record<string, string[]> = {}
  for (const [key, image] of entries) {
    const source = reach([key], from.catalogue)
    const isHonest = [...reach([image], to.catalogue)].every((origin) => source.has(origin))
    if (isHonest) map[key] = [...(map[key] ?? []), image]
  }
  return map
}

/** What is so many stops away here is one stop nearer there. */
function outboundMap(policy: Link, from: Stop, to: Stop): Record<string, readonly string[]> {
  const far = policy.outbound.filter(([key]) => distanceOf(key) > 0)
  const aligned = far.map(([key, image]) => [key, about(image, distanceOf(key) - 1)] as const)
  const direct = far.map(([key]) => [key, about(key, distanceOf(key) - 1)] as const)
  const whole = SPACES.slice(1).map((name, at) => [`ns:${name}`, `ns:${space(at)}`] as const)
  return honest([...aligned, ...direct, ...(policy.generous ? whole : [])], from, to)
}

function inboundMap(policy: Link, at: Stop): Record<string, readonly string[]> {
  const aligned = policy.inbound.map(
    ([key, image]) => [key, about(image, distanceOf(key))] as const,
  )
  const whole = SPACES.map((name) => [`ns:${name}`, `ns:${name}`] as const)
  return honest([...aligned, ...(policy.generous ? whole : [])], at, at)
}

const SECRET = Buffer.alloc(32, 3)

function recordOf(policy: Link, from: Stop, to: Stop): NarrowRecord {
  return {
    issuer: from.issuer,
    targets: [
      { resource: to.resource, issuer: to.issuer, owner: { iss: to.issuer, sub: to.node } },
    ],
    scopes: {
      map: outboundMap(policy, from, to),
      ...(policy.max === undefined ? {} : { max: policy.max }),
    },
    maxTtl: policy.ttl,
    maxDepth: policy.maxDepth,
    maxBudget: policy.maxBudget,
    subject: policy.pairwise ? { rule: 'pairwise', secret: SECRET } : { rule: 'same' },
    disclose: policy.disclose,
  }
}

function askOf(policy: Link, from: Stop, to: Stop): Ask {
  return {
    kind: policy.inside ? 'access' : 'grant',
    resource: to.resource,
    audience: policy.inside ? to.resource : to.issuer,
    actor: { iss: from.issuer, sub: from.node },
    cnf: { jkt: keyOf(from) },
    ...(policy.asked === undefined ? {} : { scopes: policy.asked }),
  }
}

function keyOf({ node }: Stop): string {
  return node.replace(/[^a-z0-9]/g, '').padEnd(43, '_')
}

function trustOf(policy: Link, from: Stop, to: Stop): GrantTrust {
  return {
    issuer: from.issuer,
    clients: [from.node],
    profiles: ['mesh'],
    cnf: 'dpop',
    resources: [to.resource],
    subjects: { mode: 'public', pattern: subjectPattern('.*'), map: {}, anonymous: false },
    transit: policy.transit ? ['*'] : [],
    scopes: { map: inboundMap(policy, to), max: policy.trustMax },
    maxDepth: policy.trustDepth,
    maxBudget: policy.trustBudget,
    maxTtl: policy.trustTtl,
  }
}

function requestOf(policy: Link, from: Stop, to: Stop): Redemption {
  return {
    profile: 'mesh',
    issuer: to.issuer,
    clientId: from.node,
    cnf: { jkt: keyOf(from) },
    owner: { iss: to.issuer, sub: to.node },
    ...(policy.requested === undefined ? {} : { scopes: policy.requested }),
  }
}

/** What a decision comes to: a value, or undefined where it was refused for a reason that is one. */
function decide<T>(decision: () => T): T | undefined {
  try {
    return decision()
  } catch (error) {
    if (error instanceof Fault && problemOf(error) !== undefined) return undefined
    throw error
  }
}

function stampAt(now: number, at: number): { now: number; jti: string; txn: string } {
  return { now, jti: `j${at}-${now}`, txn: `t${at}` }
}

/** Narrows over one link; a grant is redeemed at once, as both sides would after a wire. */
function cross(
  parent: Parent,
  { policy, from, to }: { readonly policy: Link; readonly from: Stop; readonly to: Stop },
  now: number,
):
  | { readonly child: AccessClaims | GrantClaims; readonly token: AccessClaims | undefined }
  | undefined {
  const [ask, record, stamp] = [
    askOf(policy, from, to),
    recordOf(policy, from, to),
    stampAt(now, 1),
  ]
  if (ask.kind === 'access') {
    const child = decide(() => narrow(parent, { ...ask, kind: 'access' }, record, stamp))
    return child && { child, token: readAccessClaims(writeAccessClaims(child)) }
  }
  const child = decide(() => narrow(parent, { ...ask, kind: 'grant' }, record, stamp))
  if (child === undefined) return undefined
  const grant = readGrantClaims(writeGrantClaims(child))
  const [trust, request] = [trustOf(policy, from, to), requestOf(policy, from, to)]
  return { child, token: decide(() => acceptGrant(grant, trust, request, stampAt(now, 2))) }
}

const edge = fc.record({
  scopes: fc.oneof(
    { weight: 2, arbitrary: fc.constant<readonly string[]>(SPACES.map((name) => `ns:${name}`)) },
    { weight: 1, arbitrary: fc.constant<readonly string[]>(['*']) },
    some(remote),
  ),
  life: fc.integer({ min: 1, max: 600 }),
  session: fc.option(fc.integer({ min: 1, max: 600 }), { nil: undefined }),
})

interface Hop {
  readonly policy: Link
  readonly from: Stop
  readonly to: Stop
  readonly parent: Parent
  readonly child: AccessClaims | GrantClaims
  readonly token: AccessClaims
  readonly now: number
}

/** Walks a chain as far as its policies let it; `visit` sees every hop that was granted. */
function walk(
  links: readonly Link[],
  start: { scopes: readonly string[]; life: number; session: number | undefined },
  visit: (hop: Hop) => void,
): number {
  const stops = stopsOf(links)
  let now = NOW
  let parent: Parent = {
    issuer: stops[0]?.issuer ?? '',
    subject: 'user',
    clientId: 'client',
    audience: stops[0]?.resource ?? '',
    scopes: start.scopes,
    expiresAt: NOW + start.life,
    ...(start.session === undefined ? {} : { sessionExpiry: NOW + start.session }),
  }
  for (const [at, policy] of links.entries()) {
    const [from, to] = [stops[at], stops[at + 1]]
    if (from === undefined || to === undefined) return at
    const crossed = cross(parent, { policy, from, to }, now)
    if (crossed?.token === undefined) return at
    visit({ policy, from, to, parent, child: crossed.child, token: crossed.token, now })
    parent = parentOf(crossed.token, 'own')
    now += policy.pause
  }
  return links.length
}

const chain = fc.array(link, { minLength: 1, maxLength: LONGEST })

/** Runs a check over every hop of many chains; that chains do get far is checked too. */
function forEachHop(check: (hop: Hop) => void): void {
  let longest = 0
  fc.assert(
    fc.property(chain, edge, (links, start) => {
      longest = Math.max(longest, walk(links, start, check))
    }),
    { numRuns: 150 },
  )
  expect(longest).toBeGreaterThanOrEqual(3)
}

describe('over any chain of issuers', { timeout: 60_000 }, () => {
  test('invariant 1, 2: a token is for exactly the next endpoint, and of the issuer pinned for it', () => {
    forEachHop(({ to, child, token, from }) => {
      expect(token.aud).toBe(to.resource)
      expect(token.iss).toBe(to.issuer)
      expect(child.iss).toBe(from.issuer)
      expect(child.aud).toBe('resource' in child ? to.issuer : to.resource)
      expect('resource' in child ? child.resource : child.aud).toBe(to.resource)
    })
  })

  test('invariant 3: nobody reaches more than before', () => {
    let reached = 0
    forEachHop(({ from, to, parent, token }) => {
      const before = reach(parent.scopes, from.catalogue)
      const after = reach(token.scope, to.catalogue)
      expect([...after].filter((origin) => !before.has(origin))).toEqual([])
      reached = Math.max(reached, after.size)
    })
    expect(reached).toBeGreaterThan(5)
  })

  test('invariant 4, 16: scopes are of the images and the maxima, and never none', () => {
    forEachHop(({ policy, from, to, parent, child, token }) => {
      const { map = {}, max = ['*'] } = recordOf(policy, from, to).scopes
      expect(child.scope.length).toBeGreaterThan(0)
      expect(token.scope.length).toBeGreaterThan(0)
      for (const scope of child.scope) {
        expect(isCovered(mapScopes(parent.scopes, map), scope)).toBe(true)
        expect(isCovered(max, scope) && scope !== '*').toBe(true)
        expect(isCovered(policy.asked ?? ['*'], scope)).toBe(true)
      }
      if (policy.inside) return
      const trust = trustOf(policy, from, to).scopes
      const { requested = ['*'] } = policy
      // In the names of either side.
      const asked = [...requested, ...mapScopes(requested, trust.map)]
      for (const scope of token.scope) {
        expect(isCovered(mapScopes(child.scope, trust.map), scope)).toBe(true)
        expect(isCovered(trust.max, scope) && scope !== '*').toBe(true)
        expect(isCovered(asked, scope)).toBe(true)
      }
    })
  })

  test('invariant 5, 6: lives only shrink', () => {
    forEachHop(({ policy, parent, child, token, now }) => {
      for (const made of [child, token]) {
        expect(made.exp).toBeGreaterThan(now)
        expect(made.exp).toBeLessThanOrEqual(parent.expiresAt)
        expect(made.exp).toBeLessThanOrEqual(parent.sessionExpiry ?? made.exp)
        expect(made.sessionExpiry).toBeLessThanOrEqual(parent.sessionExpiry ?? parent.expiresAt)
        expect(made.iat).toBe(now)
      }
      expect(child.exp).toBeLessThanOrEqual(now + policy.ttl)
      expect(token.exp).toBeLessThanOrEqual(now + (policy.inside ? policy.ttl : policy.trustTtl))
    })
  })

  test('invariant 7, 8, 9: the exchanging node is the new outermost actor and the client; the rest is as it was', () => {
    forEachHop(({ policy, from, parent, child, token }) => {
      for (const made of [child, token]) {
        expect(actDepth(made.act)).toBe(actDepth(parent.act) + 1)
        expect(actorsOf(made.act)[0]).toEqual({ iss: from.issuer, sub: from.node })
        expect(made.clientId).toBe(from.node)
        const told = disclose(parent.act, policy.disclose, from.issuer)
        expect(canonicalChain(made.act?.act)).toBe(canonicalChain(told))
        const hashes = actorsOf(parent.act).map((entry) => hashedActor(entry).hid)
        expect(actorsOf(made.act?.act).map((entry) => hashedActor(entry).hid)).toEqual(hashes)
      }
    })
  })

  test('invariant 10, 11: budgets are spent, and no maximum of depth is passed', () => {
    forEachHop(({ policy, parent, child, token }) => {
      const before = Math.min(parent.budget ?? policy.maxBudget, policy.maxBudget)
      expect(child.mesh?.budget).toBe(before - 1)
      expect(child.mesh?.budget).toBeGreaterThanOrEqual(0)
      const bound = policy.inside ? before - 1 : Math.min(before - 1, policy.trustBudget)
      expect(token.mesh?.budget).toBe(bound)
      expect(actDepth(token.act)).toBeLessThanOrEqual(policy.maxDepth)
      const trustDepth = policy.inside ? policy.maxDepth : policy.trustDepth
      expect(actDepth(token.act)).toBeLessThanOrEqual(trustDepth)
    })
  })

  test('invariant 12: the name of the delegation stays', () => {
    forEachHop(({ parent, child, token }) => {
      expect(child.txn).toBe(parent.txn ?? 't1')
      expect(token.txn).toBe(child.txn)
    })
  })

  test('invariant 13: a subject is told to each issuer under another name', () => {
    forEachHop(({ policy, parent, child, to, from }) => {
      if (!policy.pairwise) return
      expect(child.sub).not.toBe(parent.subject)
      const elsewhere = { ...to, issuer: 'https://elsewhere.example' }
      const record = { ...recordOf({ ...policy, inside: false }, from, elsewhere), scopes: {} }
      const ask = { ...askOf({ ...policy, inside: false, asked: ['ns:l0'] }, from, elsewhere) }
      const again = decide(() =>
        narrow({ ...parent, scopes: ['*'] }, { ...ask, kind: 'grant' }, record, stampAt(NOW, 9)),
      )
      expect(again?.sub).not.toBe(child.sub)
    })
  })

  test('invariant 25: a token is bound to the key of the one who asked', () => {
    forEachHop(({ from, child, token }) => {
      expect(child.cnf).toEqual({ jkt: keyOf(from) })
      expect(token.cnf).toEqual(child.cnf)
    })
  })

  test('invariant 19: round and round any circle, every request ends', () => {
    const circle = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 20, maxLength: 20 })
    fc.assert(
      fc.property(circle, fc.integer({ min: 1, max: 8 }), (path, limit) => {
        let parent: Parent = {
          issuer: 'https://i.example',
          subject: 'u',
          clientId: 'c',
          scopes: ['ns:l0'],
          expiresAt: NOW + 100,
        }
        let hops = 0
        for (const at of path) {
          const resource = `https://n${at}.example/mcp/main`
          const actor = { iss: 'https://i.example', sub: `n${hops % 4}` }
          const record: NarrowRecord = {
            issuer: actor.iss,
            targets: [{ resource, issuer: actor.iss }],
            scopes: {},
            maxTtl: 60,
            maxDepth: limit,
            maxBudget: limit,
            disclose: 'hashed',
            subject: { rule: 'same' },
          }
          const ask = { kind: 'access', resource, audience: resource, actor } as const
          const next = decide(() => narrow(parent, ask, record, stampAt(NOW, hops)))
          if (next === undefined) break
          hops += 1
          const { mayAct: _, ...rest } = parentOf(next, 'own')
          parent = rest
        }
        expect(hops).toBeLessThanOrEqual(Math.min(limit, 4))
        expect(hasCycle(parent.act)).toBe(false)
      }),
    )
  })
})

test('invariant 17: asking twice never yields more than asking once for what both asks have in common', () => {
  const near = scopeAbout(SPACES.slice(0, 2), OFFERED)
  const asks = fc.tuple(some(near), some(near))
  let granted = 0
  fc.assert(
    fc.property(link, edge, asks, (policy, start, [first, second]) => {
      const stops = stopsOf([{ ...policy, inside: true }])
      const [from, to] = [stops[0] as Stop, stops[1] as Stop]
      const generous = { ...policy, inside: true, maxDepth: 8, maxBudget: 8 }
      const record = recordOf(generous, from, to)
      const parent: Parent = {
        issuer: from.issuer,
        subject: 'u',
        clientId: 'c',
        scopes: start.scopes,
        expiresAt: NOW + start.life,
      }
      const ask = { ...askOf(generous, from, to), kind: 'access' } as const
      const third = 'https://third.example/mcp/main'
      const onward: NarrowRecord = {
        ...record,
        scopes: {},
        maxTtl: 10_000,
        targets: [{ resource: third, issuer: from.issuer }],
      }
      const onwardAsk = { ...ask, resource: third, audience: third }
      const actor = { iss: to.issuer, sub: to.node }
      const once = decide(() =>
        narrow(parent, { ...ask, scopes: intersect(first, second) }, record, stampAt(NOW, 1)),
      )
      const half = decide(() => narrow(parent, { ...ask, scopes: first }, record, stampAt(NOW, 1)))
      const twice =
        half &&
        decide(() =>
          narrow(
            parentOf(half, 'own'),
            { ...onwardAsk, actor, scopes: second },
            onward,
            stampAt(NOW, 2),
          ),
        )
      if (twice === undefined) return
      granted += 1
      expect(once).toBeDefined()
      expect(twice.scope).toEqual(once?.scope)
      expect(twice.exp).toBeLessThanOrEqual(once?.exp ?? 0)
    }),
  )
  expect(granted).toBeGreaterThan(0)
})

function without(
  map: Readonly<Record<string, readonly string[]>>,
): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(map).slice(1))
}

describe('invariant 18: a restriction never enlarges what is accepted', { timeout: 60_000 }, () => {
  type Restriction = (
    trust: GrantTrust,
    record: NarrowRecord,
  ) => readonly [GrantTrust, NarrowRecord]

  const restrictions: Readonly<Record<string, Restriction>> = {
    'fewer actors': (trust, record) => [
      { ...trust, maxDepth: trust.maxDepth - 1 },
      { ...record, maxDepth: record.maxDepth - 1 },
    ],
    'a smaller budget': (trust, record) => [
      { ...trust, maxBudget: Math.max(0, trust.maxBudget - 1) },
      { ...record, maxBudget: record.maxBudget - 1 },
    ],
    'a shorter life': (trust, record) => [
      { ...trust, maxTtl: Math.ceil(trust.maxTtl / 2) },
      { ...record, maxTtl: Math.ceil(record.maxTtl / 2) },
    ],
    'an end': (trust, record) => [{ ...trust, notAfter: NOW + 10 }, record],
    'no transit': (trust, record) => [{ ...trust, transit: [] }, record],
    'no client': (trust, record) => [{ ...trust, clients: [] }, record],
    'no target': (trust, record) => [trust, { ...record, targets: [] }],
    'a map of fewer scopes': (trust, record) => [
      { ...trust, scopes: { ...trust.scopes, map: without(trust.scopes.map) } },
      { ...record, scopes: { ...record.scopes, map: without(record.scopes.map ?? {}) } },
    ],
    'a smaller maximum': (trust, record) => [
      { ...trust, scopes: { ...trust.scopes, max: intersect(trust.scopes.max, ['ns:l0:read']) } },
      {
        ...record,
        scopes: { ...record.scopes, max: intersect(record.scopes.max ?? ['*'], ['ns:l0:read']) },
      },
    ],
    'a form of subjects': (trust, record) => [
      {
        ...trust,
        subjects: { ...trust.subjects, mode: 'pairwise', pattern: subjectPattern('\\S{43}') },
      },
      record,
    ],
  }

  test.each(Object.keys(restrictions))('%s', (name) => {
    const restrict = restrictions[name] as Restriction
    let granted = 0
    fc.assert(
      fc.property(link, edge, fc.boolean(), (policy, start, relayed) => {
        const border = { ...policy, inside: false }
        const [from, to] = stopsOf([border]) as readonly [Stop, Stop]
        const record = recordOf(border, from, to)
        const trust = trustOf(border, from, to)
        const parent: Parent = {
          issuer: from.issuer,
          subject: 'u',
          clientId: 'c',
          scopes: start.scopes,
          expiresAt: NOW + start.life,
          ...(relayed ? { act: { iss: 'https://other.example', sub: 'n' } } : {}),
        }
        const attempt = (used: GrantTrust, by: NarrowRecord): AccessClaims | undefined => {
          const ask = { ...askOf(border, from, to), kind: 'grant' } as const
          const grant = decide(() => narrow(parent, ask, by, stampAt(NOW, 1)))
          const request = requestOf(border, from, to)
          return grant && decide(() => acceptGrant(grant, used, request, stampAt(NOW, 2)))
        }
        const strict = attempt(...restrict(trust, record))
        if (strict === undefined) return
        granted += 1
        const loose = attempt(trust, record)
        expect(loose).toBeDefined()
        expect(strict.scope.every((scope) => isCovered(loose?.scope ?? [], scope))).toBe(true)
        expect(strict.exp).toBeLessThanOrEqual(loose?.exp ?? 0)
        expect(strict.mesh?.budget).toBeLessThanOrEqual(loose?.mesh?.budget ?? -1)
      }),
    )
    const isForbidding = name === 'no client' || name === 'no target'
    expect(granted > 0).toBe(!isForbidding)
  })
})
