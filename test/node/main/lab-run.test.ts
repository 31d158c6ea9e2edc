// `banyan lab run`: real processes, from a file of which the simulator says the same.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LabOutcome } from '../../../node/main/lab-outcome.ts'
import { programEnvironment } from '../../needs.ts'

const CLI = fileURLToPath(new URL('../../../node/main/cli.ts', import.meta.url))
const ORGS = fileURLToPath(new URL('../../topology/lab/small-orgs.mesh.yaml', import.meta.url))

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-lab-run-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
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

/** Command lines of processes that have to do with the folder. */
async function leftovers(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name))
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  )
  return lines.filter((line) => line.includes(folder) || line.includes('runs/'))
}

function verdicts({ checks }: LabOutcome): string[] {
  return checks.map(({ expect: what, verdict }) => `${verdict}: ${what}`)
}

test('real processes come to the verdict of the simulator, and leave the same behind', async () => {
  const simulated = await lab('sim', ORGS, '--json')
  const { code, err, out } = await lab('run', ORGS, '--json')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const outcome = JSON.parse(out) as LabOutcome
  expect(verdicts(outcome)).toEqual(verdicts(JSON.parse(simulated.out) as LabOutcome))
  expect(outcome).toMatchObject({ way: 'run', seed: 7, cut: false, verdict: 'ok' })

  const { calls, faults, messages } = outcome.summary
  expect(calls.answered).toBeGreaterThan(0)
  expect(faults.map(({ fault }) => fault)).toEqual(['start', 'crash', 'restart'])
  expect([messages.routes, messages.records, messages.bytes].every((count) => count > 0)).toBe(true)

  const files = await readdir(join(folder, outcome.folder))
  expect(files).toEqual(
    expect.arrayContaining([
      'manifest.json',
      'topology.expanded.yaml',
      'events.ndjson',
      'metrics.csv',
      'summary.json',
      'checks.json',
      'nodes',
    ]),
  )
  const events = await readFile(join(folder, outcome.folder, 'events.ndjson'), 'utf8')
  // What was not offered, or not taken, is a way for nobody over the border.
  expect(events).toContain('"node":"user","type":"route","key":"org:globex docs"')
  expect(events).not.toMatch(/"node":"user","type":"route","key":"org:globex (mail|wiki)"/)
  expect(events).toMatch(/"node":"user","type":"link","peer":"gate","up":false/)
  expect(await leftovers()).toEqual([])
}, 300_000)

test('an expectation that breaks ends with 1, and says how to do it again', async () => {
  const text = `name: soon
organisations: { lab: { gossip: off } }
nodes: { a: { upstreams: [b] }, b: {} }
duration: 4s
faults: [{ at: 3s, crash: b }]
expect: [{ eventually: converged, within: 1ms, after: crash }]
`
  await writeFile(join(folder, 'soon.mesh.yaml'), text)
  const { code, out } = await lab('run', 'soon.mesh.yaml')
  expect(code).toBe(1)
  expect(out).toMatch(
    /broken {2}eventually converged within 1ms after crash +at 3\.\d+ s: a has a way/,
  )
  expect(out).toContain('repeat it: banyan lab run soon.mesh.yaml --seed 1')
  expect(await leftovers()).toEqual([])
}, 300_000)

test('what real nodes cannot do is refused before anything starts', async () => {
  const text = `name: odd
nodes: { a: {} }
faults:
  - { at: 1s, skew: { a: +5m } }
  - { at: 2s, byzantine: { a: [replay] } }
  - { at: 3s, bus: nats-lab, drop: 10%, for: 1s }
`
  await writeFile(join(folder, 'odd.mesh.yaml'), text)
  const { code, err } = await lab('run', 'odd.mesh.yaml')
  expect(code).toBe(3)
  expect(err).toContain(
    'odd.mesh.yaml:4:21 faults[0].skew: processes of one machine have one clock',
  )
  expect(err).toContain('odd.mesh.yaml:5:26 faults[1].byzantine: real nodes are not made to lie')
  expect(err).toContain('odd.mesh.yaml:6:36 faults[2].drop: over TCP a bus loses nothing')
  expect(existsSync(join(folder, 'runs/odd'))).toBe(false)
}, 60_000)

test('without nats-server a file with buses is not run, and it is said how to get one', async () => {
  await writeFile(join(folder, 'bus.mesh.yaml'), 'name: bus\nnodes: { a: {} }\n')
  const ended = await new Promise<Ended>((resolve) => {
    const args = [CLI, 'lab', 'run', 'bus.mesh.yaml']
    execFile(
      process.execPath,
      args,
      { cwd: folder, env: { PATH: '/nowhere' } },
      (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }),
    )
  })
  expect(ended.code).toBe(5)
  expect(ended.err).toMatch(/^banyan: nats-server is not on the PATH.*apt-get install nats-server/)
  expect(ended.err.trim().split('\n')).toHaveLength(1)
}, 60_000)
