// `banyan lab up`: a lab in containers comes to the verdicts of the simulator and of processes.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LabOutcome } from '../../node/main/lab-outcome.ts'
import { programEnvironment } from '../needs.ts'
import { build, engine, IMAGE, ROOT } from './engine.ts'

const CLI = join(ROOT, 'node/main/cli.ts')
const ORGS = join(ROOT, 'test/topology/lab/small-orgs.mesh.yaml')

let folder = ''

beforeAll(async () => {
  await build()
  folder = await mkdtemp(join(tmpdir(), 'banyan-lab-up-'))
})

afterAll(async () => {
  await lab('down', ORGS)
  await rm(folder, { recursive: true, force: true })
})

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

function lab(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: programEnvironment() }
    execFile(process.execPath, [CLI, 'lab', ...args], options, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err })
    })
  })
}

function verdicts({ out }: Ended): string[] {
  const { checks } = JSON.parse(out) as LabOutcome
  return checks.map(({ expect: what, verdict }) => `${verdict}: ${what}`)
}

/** Names of the containers of labs of this test. */
async function containers(): Promise<string[]> {
  const list = await engine('ps', '--all', '--format', '{{.Image}} {{.Names}}')
  return list.split('\n').filter((line) => line.includes('banyan-small-orgs'))
}

test('containers come to the verdicts of the simulator and of processes', async () => {
  const up = await lab('up', ORGS, '--json', '--image', IMAGE)
  expect(up.err).toMatch(/^the containers go on; end them: banyan lab down /)
  expect(up.code).toBe(0)
  const outcome = JSON.parse(up.out) as LabOutcome
  expect(outcome).toMatchObject({ way: 'up', cut: false, verdict: 'ok' })
  expect(verdicts(up)).toEqual(verdicts(await lab('sim', ORGS, '--json')))
  expect(verdicts(up)).toEqual(verdicts(await lab('run', ORGS, '--json')))

  const { calls, faults, messages } = outcome.summary
  expect(faults.map(({ fault }) => fault)).toEqual(['start', 'crash', 'restart'])
  expect([calls.answered, messages.routes, messages.bytes].every((count) => count > 0)).toBe(true)
  const events = await readFile(join(folder, outcome.folder, 'events.ndjson'), 'utf8')
  expect(events).toMatch(/"node":"user","type":"link","peer":"gate","up":false/)

  // They go on until somebody ends them, and leave no keys behind then.
  expect(await containers()).toHaveLength(6)
  expect(await lab('down', ORGS)).toMatchObject({ code: 0, err: '' })
  expect(await containers()).toEqual([])
  expect(existsSync(join(folder, outcome.folder, 'keys'))).toBe(false)
}, 300_000)
