import fs from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AuditLine } from '../../../node/core/audit-chain.ts'
import { AuditFile, type AuditFileOptions } from '../../../node/core/audit-file.ts'
import { SILENT } from '../../../node/core/logger.ts'
import { until } from '../../fixtures/wait.ts'
import { runTrace } from '../main/trace-run.ts'
import { recordOf } from './audit-records.ts'

let folder: string
let file: string
let logged: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-audit-'))
  file = join(folder, 'audit.jsonl')
  logged = []
})

afterEach(() => rm(folder, { recursive: true }))

function open(more: Partial<AuditFileOptions> = {}): Promise<AuditFile> {
  const log = { ...SILENT, error: (_: unknown, message: string) => void logged.push(message) }
  const sizes = { maxBytes: 1_000_000, bufferBytes: 1_000_000 }
  return AuditFile.open({ file, node: 'acme/edge', log, ...sizes, ...more })
}

async function write(
  numbers: readonly number[],
  more: Partial<AuditFileOptions> = {},
): Promise<void> {
  const sink = await open(more)
  for (const number of numbers) sink.write(recordOf(number))
  await sink.close()
}

async function lines(of = file): Promise<AuditLine[]> {
  const text = await readFile(of, 'utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditLine)
}

async function files(): Promise<string[]> {
  return (await readdir(folder)).map((name) => join(folder, name))
}

async function isWhole(): Promise<boolean> {
  return (await runTrace('--verify', ...(await files()))).code === 0
}

describe('a file of audit lines', () => {
  test('is for its owner, and keeps the order', async () => {
    await write([1, 2, 3])
    expect((await lines()).map(({ count }) => count)).toEqual([1, 2, 3])
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await isWhole()).toBe(true)
  })

  test('goes on with its chain when the node starts again', async () => {
    await write([1])
    await write([])
    await write([2, 3])
    expect((await lines()).map(({ prev }) => prev === '')).toEqual([true, false, false])
    expect(await isWhole()).toBe(true)
  })

  test('a line cut off by a crash goes, is told, and the chain holds', async () => {
    await write([1, 2])
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.slice(0, -40))
    await write([3])
    expect((await lines()).map(({ decision }) => decision)).toEqual([
      'allowed',
      'resumed',
      'allowed',
    ])
    expect(await isWhole()).toBe(true)
  })

  test('a last line longer than is read at once is found', async () => {
    const sink = await open()
    sink.write(recordOf(1))
    sink.write(recordOf(2, { tool: 'x'.repeat(200_000) }))
    await sink.close()
    await write([3])
    expect(await isWhole()).toBe(true)
  })

  test('is put aside when it is large; the chain goes on, also after a start with nothing in the new one', async () => {
    const sizes = { maxBytes: 300 }
    for (let number = 1; number <= 24; number += 1) await write([number], sizes)
    const names = (await files()).map((name) => name.slice(file.length)).toSorted()
    expect(names).toContain('.10')
    expect(await isWhole()).toBe(true)
    const { out } = await runTrace('--verify', '--json', ...(await files()))
    const [{ head = '' } = {}] = JSON.parse(out) as { head?: string }[]
    expect((await runTrace('--verify', `--head=${head}`, ...(await files()))).code).toBe(0)
    await rm(file)
    await write([25], sizes)
    expect((await lines())[0]?.prev).not.toBe('')
    // An end that was cut off is missed by whoever knows what stood there.
    expect(await isWhole()).toBe(true)
    const missed = await runTrace('--verify', `--head=${head}`, ...(await files()))
    expect(missed).toMatchObject({ code: 1, err: expect.stringContaining(head) as string })
  })

  test('old files may be taken away; one from the middle is missed', async () => {
    for (let number = 1; number <= 20; number += 1) await write([number], { maxBytes: 300 })
    await rm(`${file}.1`)
    expect(await isWhole()).toBe(true)
    await rm(`${file}.3`)
    expect(await isWhole()).toBe(false)
  })

  test('lines that come faster than the disk takes them are lost and counted, and no call waits', async () => {
    const sink = await open({ bufferBytes: 1_000 })
    for (let number = 0; number < 100; number += 1) sink.write(recordOf(number))
    await until(
      async () => (await lines()).some(({ decision }) => decision === 'lost'),
      'it is said',
    )
    sink.write(recordOf(200))
    await sink.close()
    const written = await lines()
    const lost = written.find(({ decision }) => decision === 'lost')
    expect(written.length - 2 + (lost?.count ?? 0)).toBe(100)
    expect(written.at(-1)?.count).toBe(200)
    expect(logged).toEqual(['audit lines are lost'])
    expect(await isWhole()).toBe(true)
  })

  test('what cannot be written waits, and is said in the log', async () => {
    const sink = await open({ maxBytes: 10 })
    sink.write(recordOf(1))
    await until(async () => (await lines()).length === 1, 'the first is there')
    // It must be put aside now, and cannot be.
    const real = fs.promises.rename
    await chmod(folder, 0o500)
    const isRoot = process.getuid?.() === 0
    if (isRoot) await rm(folder, { recursive: true })
    sink.write(recordOf(2))
    await until(() => logged.length > 0, 'it is logged')
    expect(logged).toEqual(['the audit cannot be written'])
    expect(fs.promises.rename).toBe(real)
    if (isRoot) await fs.promises.mkdir(folder)
    else await chmod(folder, 0o700)
    await sink.close()
    expect((await lines()).map(({ count }) => count)).toEqual([2])
  })

  test('a folder that is not there stops the node from starting', async () => {
    await expect(open({ file: join(folder, 'no', 'audit.jsonl') })).rejects.toThrow('ENOENT')
  })
})
