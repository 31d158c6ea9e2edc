import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { OLDEST_NODE, runtimeProblem } from '../../../node/main/cli-runtime.ts'

test('the oldest Node is the one the manifest names', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    engines: { node: string }
  }
  expect(engines.node).toBe(`>=${OLDEST_NODE}`)
})

test.each(['22.19.0', '22.20.1', '23.0.0', '24.21.0', '100.0.0'])('%s will do', (version) => {
  expect(runtimeProblem(version)).toBeUndefined()
})

test.each(['22.18.9', '20.20.2', '18.0.0', '6.17.1'])('%s is too old', (version) => {
  expect(runtimeProblem(version)).toBe(`banyan needs Node 22.19.0 or newer; this is ${version}`)
})
