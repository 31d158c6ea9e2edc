import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  BATCH_REVISION,
  isLegacyRevision,
  LEGACY_REVISIONS,
  MODERN_REVISION,
  negotiate,
  SERVED_REVISIONS,
} from '../../protocol/revisions.ts'

test('the revisions others depend on, newest first', () => {
  expect(SERVED_REVISIONS).toEqual(['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26'])
  expect(SERVED_REVISIONS).toEqual(SERVED_REVISIONS.toSorted().toReversed())
  expect(BATCH_REVISION).toBe('2025-03-26')
})

test('a session gets the revision its client asks for', () => {
  for (const revision of LEGACY_REVISIONS) expect(negotiate(revision)).toBe(revision)
})

test('law: who asks for anything else gets the newest of the sessions', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.anything(), fc.constantFrom(MODERN_REVISION, '2024-11-05', '')),
      (wanted) => {
        fc.pre(typeof wanted !== 'string' || !isLegacyRevision(wanted))
        expect(negotiate(wanted)).toBe('2025-11-25')
      },
    ),
  )
})

test('the stateless revision has no sessions', () => {
  expect(isLegacyRevision(MODERN_REVISION)).toBe(false)
})
