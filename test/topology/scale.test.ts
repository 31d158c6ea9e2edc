// A whole organisation of a thousand nodes, in virtual time.
import { expect, test } from 'vitest'
import { lose, MODES } from '../bench/topology-run.ts'
import { meshOf } from '../bench/topology-scale.ts'

const NODES = 1_000

test('a thousand nodes of one organisation start, lose one, and agree again, at a price that is held to', () => {
  const [, , both] = MODES
  const { bytesPerNode, loss, start } = lose(meshOf(NODES, 1), 1, both)
  // Each node says twice of itself what all hear, and is told on greeting only what it lacks.
  expect(start.records).toBeLessThan(2.1 * NODES * NODES)
  // Refused twice, said, heard, chosen: see docs/topology.md.
  expect(loss.convergence).toBeLessThan(600)
  // Plain path vector takes hundreds of thousands.
  expect(loss.routes).toBeLessThan(20 * NODES)
  expect(bytesPerNode).toBeLessThan(1_500 * NODES)
}, 180_000)
