import process from 'node:process'
import { expect, test } from 'vitest'
import { processorTicks, residentMb, residentOf, ticksOf } from './proc.ts'

const STAT =
  '4242 (a (strange) name) S 1 4242 4242 0 -1 4194560 5163 0 0 0 321 45 7 8 20 0 11 0 100 1 2 3'

test('processor time is user and system, whatever the command is called', () => {
  expect(ticksOf(STAT)).toBe(366)
})

test('resident memory is read from its line', () => {
  expect(residentOf('Name:\tnode\nVmHWM:\t  99 kB\nVmRSS:\t   20480 kB\nThreads:\t11\n')).toBe(
    20_480,
  )
})

test('a process that does not exist has neither', () => {
  expect(processorTicks(2 ** 30)).toBeUndefined()
  expect(residentMb(2 ** 30)).toBeUndefined()
})

test.runIf(process.platform === 'linux')('this process has both', () => {
  const spent = process.cpuUsage()
  expect(processorTicks(process.pid)).toBeGreaterThanOrEqual(
    Math.floor((spent.user + spent.system) / 20_000),
  )
  expect(residentMb(process.pid)).toBeGreaterThan(10)
})
