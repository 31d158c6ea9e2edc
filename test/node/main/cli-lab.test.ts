// `banyan lab`, as a process: what it prints, what it leaves behind, and how it ends.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { labOption } from '../../../node/main/lab-options.ts'
import type { LabOutcome } from '../../../node/main/lab-outcome.ts'

const CLI = fileURLToPath(new URL('../../../node/main/cli.ts', import.meta.url))
const BORDERS = fileURLToPath(new URL('../../topology/lab/borders.mesh.yaml', import.meta.url))

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-lab-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

function lab(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env }
    execFile(process.execPath, [CLI, 'lab', ...args], options, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err })
    })
  })
}

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text)
  return name
}

const PAIR = 'name: pair\nnodes: { a: { upstreams: [b] }, b: {} }\n'

test('a run leaves behind what it did, and how to do it again', async () => {
  const { code, err, out } = await lab(['sim', BORDERS, '--check-determinism'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/^two-orgs, seed 42: 16 nodes/)
  expect(out).toContain('ok  the same events twice')
  const latest = join(folder, 'runs/two-orgs/latest')
  expect(new Set(await readdir(latest))).toEqual(
    new Set([
      'manifest.json',
      'topology.expanded.yaml',
      'events.ndjson',
      'metrics.csv',
      'summary.json',
      'checks.json',
      'graph.svg',
      'space-time.svg',
      'report.html',
    ]),
  )
  const manifest = JSON.parse(await readFile(join(latest, 'manifest.json'), 'utf8')) as object
  const events = await readFile(join(latest, 'events.ndjson'), 'utf8')
  const digest = createHash('sha256').update(events).digest('hex')
  const repeat = `banyan lab sim ${BORDERS} --seed 42`
  expect(manifest).toMatchObject({ seed: 42, eventsSha256: digest, cut: false, repeat })
  const metrics = await readFile(join(latest, 'metrics.csv'), 'utf8')
  expect(metrics).toMatch(/^t,node,metric,value\n/)
  // The expanded file says the same without generators.
  const again = await lab(['sim', join(latest, 'topology.expanded.yaml'), '--format', 'json'])
  const outcome = JSON.parse(again.out) as LabOutcome
  expect(outcome).toMatchObject({ verdict: 'ok', events: digest })
}, 120_000)

test.each<[string, string, string[], readonly [number, string]]>([
  ['ok', 'expect: [{ always: no-loops }]', [], [0, '']],
  [
    'broken',
    'faults: [{ at: 5s, crash: b }]\nexpect: [{ eventually: converged, within: 1ms, after: crash }]',
    [],
    [1, 'repeat it: banyan lab sim broken.mesh.yaml --seed 1'],
  ],
  ['unknown', 'expect: [{ sometimes: twin-found }]', [], [2, 'never came about']],
  [
    'both',
    'faults: [{ at: 5s, crash: b }]\nexpect: [{ sometimes: twin-found }, { eventually: silent, within: 0ms, after: crash }, { eventually: converged, within: 0ms, after: crash }]',
    [],
    [1, 'broken'],
  ],
  ['bad', 'expct: []', [], [3, 'bad.mesh.yaml:3:1 expct: unknown key, did you mean "expect"?']],
  ['usage', '', ['--seeds', '5'], [4, 'write FIRST..LAST']],
  ['format', '', ['--format', 'xml'], [4, 'write one of table, json, csv']],
  ['option', '', ['--sed', '5'], [4, "Unknown option '--sed'"]],
  ['place', '', ['--out', 'place.mesh.yaml'], [5, 'ENOTDIR']],
  [
    'cut',
    'duration: 10d\nexpect: [{ always: no-loops }]',
    ['--time-limit', '1ms'],
    [2, 'cut short'],
  ],
])('%s', async (name, rest, args, [code, words]) => {
  const path = await file(`${name}.mesh.yaml`, `${PAIR}${rest}\n`)
  const ended = await lab(['sim', path, ...args])
  expect(ended.code).toBe(code)
  expect(ended.out + ended.err).toContain(words)
})

test('many seeds, in this process and in others, come to the same', async () => {
  const path = await file(
    'seeds.mesh.yaml',
    `${PAIR}faults: [{ every: exp(3s), pick: random(node), crash: {}, until: 20s }]\nexpect: [{ sometimes: link-down }]\n`,
  )
  const [here, there] = await Promise.all([
    lab(['sim', path, '--seeds', '1..3', '--format', 'csv']),
    lab(['sim', path, '--seeds', '1..3', '--jobs', '2', '--format', 'csv', '--out', 'elsewhere']),
  ])
  expect(there).toEqual(here)
  expect(here.out.split('\n').slice(0, 2)).toEqual([
    'seed,expect,verdict,looked,disturbed,at,what',
    expect.stringMatching(/^1,sometimes link-down,/),
  ])
  const { code, out } = await lab(['sim', path, '--seeds', '1..3'])
  expect(code).toBe(here.code)
  expect(out).toMatch(/^\d ok, \d broken, \d unknown$/m)
}, 120_000)

test('a shape is written out, checked and drawn', async () => {
  expect(await lab(['gen', 'tree:3,2', '--out', 'tree.mesh.yaml'])).toMatchObject({
    code: 0,
    out: '',
  })
  const text = await readFile(join(folder, 'tree.mesh.yaml'), 'utf8')
  expect(text).toMatch(/^# yaml-language-server: /)
  expect(text).not.toContain('generate')
  const { out } = await lab(['validate', 'tree.mesh.yaml'])
  expect(out).toContain('ok, tree: 1 organisations, 13 nodes, 12 links')
  expect((await lab(['graph', 'tree.mesh.yaml'])).out).toContain('"n0" -> "n1"')
  expect(await lab(['gen', 'tree:3'])).toMatchObject({ code: 4 })
  expect((await lab(['gen', 'ring:2'])).err).toContain('ring needs n from 3')
}, 120_000)

test('options may stand in the environment', async () => {
  const path = await file('env.mesh.yaml', PAIR)
  const { out } = await lab(['sim', path], { BANYAN_LAB_SEED: '9', BANYAN_LAB_FORMAT: 'json' })
  expect(JSON.parse(out)).toMatchObject({ seed: 9 })
  const options = { has: () => false, text: () => undefined, texts: () => [] }
  const read = (name: string, value: string): string | undefined =>
    labOption({ options }, name, { [`BANYAN_LAB_${name.toUpperCase().replace('-', '_')}`]: value })
  expect([read('check-determinism', '0'), read('seed', '0'), read('out', 'x')]).toEqual([
    undefined,
    '0',
    'x',
  ])
})

test('what is kept of runs is told, drawn, compared and repeated', async () => {
  const path = await file(
    'kept.mesh.yaml',
    `${PAIR}faults: [{ at: 5s, crash: b }]\nexpect: [{ eventually: converged, within: 0ms, after: crash }]\n`,
  )
  expect(await lab(['sim', path, '--seeds', '1..2', '--out', 'kept'])).toMatchObject({ code: 1 })
  const latest = 'kept/pair/latest'
  const { code, out } = await lab(['inspect', latest])
  expect(code).toBe(0)
  expect(out).toMatch(/^pair, seed 2: broken\n/)
  expect(out).toContain('again: banyan lab sim kept.mesh.yaml --seed 2')
  expect(out).toMatch(/broken {2}eventually converged within 0ms after crash/)

  const report = join(folder, latest, 'report.html')
  const before = await readFile(report, 'utf8')
  await rm(report)
  expect(await lab(['report', latest])).toMatchObject({ code: 0, out: `${latest}/report.html\n` })
  expect(await readFile(report, 'utf8')).toBe(before)

  const compared = await lab(['compare', 'kept/pair', 'kept/pair', '--json'])
  expect(JSON.parse(compared.out)).toMatchObject({
    runs: { a: 2, b: 2 },
    figures: expect.arrayContaining([
      { figure: 'expectations broken', a: 1, b: 1, difference: 0, interval: { low: 0, high: 0 } },
    ]) as unknown,
  })
  expect(await lab(['compare', 'kept/pair'])).toMatchObject({ code: 4 })
  expect((await lab(['compare', 'kept/pair', 'kept'])).err).toContain('kept: there is no run in it')

  expect((await lab(['replay', latest])).out).toMatch(/^the same events\n/)
  const manifest = join(folder, latest, 'manifest.json')
  await writeFile(manifest, (await readFile(manifest, 'utf8')).replace(/"eventsSha256": "./, '$&0'))
  const events = join(folder, latest, 'events.ndjson')
  await writeFile(events, (await readFile(events, 'utf8')).replace('"crash"', '"crush"'))
  const other = await lab(['replay', latest])
  expect(other).toMatchObject({ code: 1 })
  expect(other.out).toMatch(/^other events, from line \d+ of events\.ndjson on\n/)
}, 120_000)
