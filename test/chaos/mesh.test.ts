// Twelve nodes, twenty-two links and three buses that fail at random under load: a short trial of what `npm run soak:mesh`
// does for as long as there is time.
import { expect, test } from 'vitest'
import { trial } from './mesh-trial.ts'

const SEED = 1
const FAULTS_MS = 10_000

test('a mesh under faults gives no wrong answer, does nothing twice, and recovers', async () => {
  const { problems, faultLog, certain, recovery } = await trial({ seed: SEED, duration: FAULTS_MS })
  const repeat = `npm run soak:mesh -- --near --minutes ${FAULTS_MS / 60_000} --seed ${SEED}`
  expect(problems, `${repeat}\n${faultLog.join('\n')}`).toEqual([])
  expect(recovery).toBeGreaterThan(0)
  expect(certain).toBeGreaterThan(0)
}, 60_000)
