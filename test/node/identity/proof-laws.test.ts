// Proofs that are shown again and again, in any order, at any time, to memories of any size.
import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encode, signCompact } from '../../../node/identity/jwt.ts'
import { proofCheckers } from '../../../node/identity/proof-checkers.ts'
import { ProofMaker } from '../../../node/identity/proof-maker.ts'
import { MemoryReplay } from '../../../node/identity/replay.ts'
import { SigningKey } from '../../../node/identity/signing-key.ts'
import { accessTokenHash, IAT_WINDOW } from '../../../protocol/token/dpop.ts'
import { Fault } from '../../../protocol/errors.ts'

const NOW = 1_800_000_000
const TOKEN = 'token.of.somebody'
const TARGET = 'https://b.example/mcp/main'
/** Of two callers. */
const KEYS = [SigningKey.generate(), SigningKey.generate()] as const

function still(): number {
  return NOW
}

const WINDOWS = { off: IAT_WINDOW.replay, required: IAT_WINDOW.nonce }

/** A proof of a caller as a thief has it too: to be shown any number of times. */
interface Made {
  readonly raw: string
  readonly jkt: string
  readonly iat: number
}

const step = fc.oneof(
  // Clocks of callers are off, either way.
  fc.record({
    kind: fc.constant('make' as const),
    by: fc.nat(1),
    skew: fc.integer({ min: -40, max: 40 }),
  }),
  fc.record({ kind: fc.constant('show' as const), which: fc.nat(20) }),
  fc.record({ kind: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 400 }) }),
)

describe.each(['off', 'required'] as const)('proofs where nonces are %s', (nonces) => {
  test('law (invariant 24): each is accepted at most once, also by a memory that is full', () => {
    const sizes = fc.constantFrom(1, 2, 1_000)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), sizes, (steps, capacity) => {
        let now = NOW
        const clock = (): number => now
        const replay = new MemoryReplay({ clock, capacity })
        const check = proofCheckers({ replay, clock, secret: randomBytes(32) })[nonces]
        const proofs: Made[] = []
        const accepted = new Map<Made, number>()
        const wrong: string[] = []
        for (const one of steps) {
          if (one.kind === 'wait') now += one.seconds
          else if (one.kind === 'make') {
            const key = KEYS[one.by] ?? KEYS[0]
            const maker = new ProofMaker(key, () => now + one.skew)
            const asked = { method: 'POST', url: TARGET, accessToken: TOKEN, nonce: check.nonce() }
            proofs.push({ raw: maker.proof(asked), jkt: key.kid, iat: Math.floor(now + one.skew) })
          } else {
            const proof = proofs[one.which % Math.max(1, proofs.length)]
            if (proof === undefined) continue
            const facts = { lines: [proof.raw], method: 'POST', url: TARGET, accessToken: TOKEN }
            const outcome = outcomeOf(() => check.check({ ...facts, jkt: proof.jkt }))
            const before = accepted.get(proof) ?? 0
            if (outcome === 'accepted') accepted.set(proof, before + 1)
            if (outcome === 'accepted' && before > 0) wrong.push('twice')
            // What is fresh, and was not used, has no other reason to be refused but that there is no room.
            const isFresh = Math.abs(now - proof.iat) <= WINDOWS[nonces]
            if (before === 0 && isFresh && !['accepted', 'overloaded', 'nonce'].includes(outcome))
              wrong.push(`refused as ${outcome}`)
            if (capacity > steps.length && outcome === 'overloaded') wrong.push('full')
          }
        }
        expect(wrong).toEqual([])
      }),
      { numRuns: 150 },
    )
  })
})

test('law (invariant 24): the same id of two keys is two ids, of one key in two proofs is one', () => {
  const id = fc.stringMatching(/^[\x21-\x7e]{1,128}$/)
  fc.assert(
    fc.property(id, fc.array(fc.nat(1), { minLength: 1, maxLength: 8 }), (jti, order) => {
      const replay = new MemoryReplay({ clock: still })
      const check = proofCheckers({ replay, clock: still, secret: randomBytes(32) }).off
      const seen = new Set<number>()
      const wrong: unknown[] = []
      for (const [turn, by] of order.entries()) {
        const key = KEYS[by] ?? KEYS[0]
        // Another time, and so another proof, by the same name.
        const iat = NOW - turn
        const head = encode({ alg: 'ES256', typ: 'dpop+jwt', jwk: key.jwk })
        const about = { htm: 'POST', htu: TARGET, ath: accessTokenHash(TOKEN) }
        const raw = signCompact(key, head, { jti, iat, ...about })
        const facts = {
          lines: [raw],
          method: 'POST',
          url: TARGET,
          accessToken: TOKEN,
          jkt: key.kid,
        }
        const outcome = outcomeOf(() => check.check(facts))
        if (outcome !== (seen.has(by) ? 'replayed' : 'accepted')) wrong.push([turn, outcome])
        seen.add(by)
      }
      expect(wrong).toEqual([])
    }),
    { numRuns: 50 },
  )
})

function outcomeOf(work: () => unknown): string {
  try {
    return work() instanceof Promise ? 'later' : 'accepted'
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return 'problem' in error ? String(error.problem) : error.code
  }
}
