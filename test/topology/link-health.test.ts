import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LINK_TIMING, LinkHealth, type ProbeOutcome } from '../../topology/link-health.ts'

const outcomes = fc.array(
  fc.tuple(
    fc.constantFrom<ProbeOutcome>('ok', 'ok', 'refused', 'silent'),
    fc.integer({ min: 1, max: 20_000 }),
  ),
  { maxLength: 60 },
)

function up(): LinkHealth {
  const health = new LinkHealth(LINK_TIMING)
  health.onOutcome('ok', 0)
  return health
}

describe('the state of a link', () => {
  test('law: its epoch grows by one whenever it comes up, and it says exactly when it turns', () => {
    fc.assert(
      fc.property(outcomes, (steps) => {
        const health = new LinkHealth(LINK_TIMING)
        let now = 0
        for (const [outcome, wait] of steps) {
          now += wait
          const { epoch, state } = health
          const turned = health.onOutcome(outcome, now)
          expect(turned).toBe((state === 'down') !== (health.state === 'down'))
          expect(health.epoch).toBe(epoch + (turned && health.state === 'up' ? 1 : 0))
          expect(turned && (health.state === 'up') !== (outcome === 'ok')).toBe(false)
          expect(health.nextProbe(now)).toBeGreaterThan(0)
          expect(health.nextProbe(now)).toBeLessThanOrEqual(LINK_TIMING.interval)
        }
      }),
    )
  })

  test('law: after a storm of flaps it must prove itself no longer than the maximum, and in the end as at the start', () => {
    fc.assert(
      fc.property(outcomes, (steps) => {
        const health = up()
        let now = 0
        for (const [outcome, wait] of steps) health.onOutcome(outcome, (now += wait))
        expect(health.holdUp(now)).toBeLessThanOrEqual(LINK_TIMING.holdUpMax)
        expect(health.holdUp(now + 30 * LINK_TIMING.halfLife)).toBeLessThan(
          LINK_TIMING.holdUp * 1.01,
        )
      }),
    )
  })

  test('two refusals in a row bring it down, three silences do, and one answer between them saves it', () => {
    const refused = up()
    expect(refused.onOutcome('refused', 1)).toBe(false)
    expect(refused.state).toBe('suspect')
    expect(refused.onOutcome('refused', 2)).toBe(true)
    const silent = up()
    for (const at of [1, 2]) expect(silent.onOutcome('silent', at)).toBe(false)
    silent.onOutcome('ok', 3)
    for (const at of [4, 5]) expect(silent.onOutcome('silent', at)).toBe(false)
    expect(silent.onOutcome('silent', 6)).toBe(true)
  })

  test('a node behind its own work blames others later', () => {
    const health = up()
    for (const at of [1, 2, 3, 4, 5]) expect(health.onOutcome('silent', at, 2)).toBe(false)
    expect(health.onOutcome('silent', 6, 2)).toBe(true)
  })

  test('it is up at once the first time, and later only when it has answered for a while', () => {
    const health = up()
    expect(health.state).toBe('up')
    for (const at of [1, 2]) health.onOutcome('refused', at)
    expect(health.onOutcome('ok', 10)).toBe(false)
    expect(health.onOutcome('ok', 10 + health.holdUp(10) - 100)).toBe(false)
    expect(health.onOutcome('ok', 10 + health.holdUp(10))).toBe(true)
    expect(health.epoch).toBe(2)
  })
})
