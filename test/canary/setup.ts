// In every test file: no byte of a credential goes out of a node (identity.md, invariant 14).
import { afterAll, afterEach, expect } from 'vitest'
import { canary } from './canary.ts'

function noLeak(): void {
  expect(canary.take(), 'invariant 14: a credential went out of a node').toEqual([])
}

afterEach(noLeak)
afterAll(noLeak)
