import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSevereEnough, isSeverity } from '../../protocol/log-level.ts'

/** RFC 5424, the least severe first. */
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']
const level = fc.nat(LEVELS.length - 1)

test('law: what is at least as severe as wanted passes', () => {
  fc.assert(
    fc.property(level, level, (one, wanted) => {
      expect(isSevereEnough(LEVELS[one], LEVELS[wanted])).toBe(one >= wanted)
    }),
  )
})

test('law: what is no severity passes nothing and lets nothing pass', () => {
  const other = fc.oneof(fc.anything(), fc.constantFrom('warn', 'INFO', 'constructor', ''))
  fc.assert(
    fc.property(other, level, (value, known) => {
      fc.pre(typeof value !== 'string' || !LEVELS.includes(value))
      expect(isSeverity(value)).toBe(false)
      expect(isSevereEnough(value, LEVELS[known])).toBe(false)
      expect(isSevereEnough(LEVELS[known], value)).toBe(false)
    }),
  )
})
