import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { SILENT, type LogFacts, type Logger } from '../../../node/core/logger.ts'
import type { Connection } from '../../../node/outbound/connection.ts'
import type { StdioConnectorOptions } from '../../../node/outbound/stdio-connector.ts'
import { call, EventRecorder } from '../../contract/recorder.ts'
import { isAlive, pidOf, stdioConnector, stdioUpstream } from '../../contract/stdio-upstream.ts'
import { stdioCommand } from '../../fixtures/stdio-command.ts'
import { until } from '../../fixtures/wait.ts'
import type { Era, JsonObject } from '../../fixtures/wire.ts'

const ODD = fileURLToPath(new URL('odd-stdio.ts', import.meta.url))
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** The command line of the odd server. */
function odd(era: Era, ...oddities: string[]): { command: string; args: string[] } {
  return { command: process.execPath, args: [ODD, era, ...oddities] }
}

async function open(
  options: Pick<StdioConnectorOptions, 'command' | 'args'> & Partial<StdioConnectorOptions>,
): Promise<{ connection: Connection; events: EventRecorder }> {
  const connector = stdioConnector(options)
  cleanups.push(() => connector.close())
  const events = new EventRecorder()
  const connection = await connector.connect(events, '')
  cleanups.push(() => connection.close())
  return { connection, events }
}

/** What the server has read so far. */
async function receivedBy(connection: Connection): Promise<JsonObject[]> {
  return JSON.parse(await call(connection, 'received').sink.text()) as JsonObject[]
}

function methodsOf(messages: JsonObject[]): unknown[] {
  return messages.map(({ method }) => method).filter((method) => method !== 'tools/call')
}

describe('the era of a process', () => {
  test('is asked for before anything else is said', async () => {
    const { connection } = await open(odd('2026'))
    expect(methodsOf(await receivedBy(connection))).toEqual([
      'server/discover',
      'subscriptions/listen',
    ])
  })

  test('is 2025 after an error, on the same process', async () => {
    const { connection } = await open(odd('2025'))
    expect([connection.era, connection.revision]).toEqual(['2025', '2025-03-26'])
    expect(methodsOf(await receivedBy(connection))).toEqual([
      'server/discover',
      'initialize',
      'notifications/initialized',
    ])
  })

  test('is 2025 after silence', async () => {
    const fixture = stdioCommand({ era: '2025', silentTo: 'server/discover', garbage: true })
    const { connection } = await open({ ...fixture, silenceMs: 100 })
    expect(connection.era).toBe('2025')
    expect(await call(connection, 'violations').sink.text()).toBe('[]')
  })

  test('is 2025 when the process ends over the probe: another one gets initialize first', async () => {
    const { connection, events } = await open(odd('2025', 'dies-of-probe'))
    expect(methodsOf(await receivedBy(connection))).toEqual([
      'initialize',
      'notifications/initialized',
    ])
    expect(events.losses).toEqual([])
  })

  test('is 2025 after an answer that makes no sense', async () => {
    const { connection } = await open(odd('2025', 'nonsense-probe'))
    expect(connection.era).toBe('2025')
  })

  test('is 2025 for a server of both eras that answers the probe late', async () => {
    const { connection } = await open({ ...odd('2025', 'late-probe'), silenceMs: 100 })
    expect(connection.era).toBe('2025')
    expect(await call(connection, 'echo', { message: 'fine' }).sink.text()).toBe('fine')
  })

  test('is 2026 for one of 2026 alone that answers the probe late', async () => {
    const { connection } = await open({ ...odd('2026', 'late-probe'), silenceMs: 100 })
    expect([connection.era, connection.watching('tools')]).toEqual(['2026', true])
    expect(await call(connection, 'echo', { message: 'fine' }).sink.text()).toBe('fine')
  })

  test('is not asked for when it is configured', async () => {
    const { connection } = await open({ ...odd('2025'), era: '2025' })
    expect(methodsOf(await receivedBy(connection))).toEqual([
      'initialize',
      'notifications/initialized',
    ])
  })

  test.each([
    { configured: '2026', real: '2025' },
    { configured: '2025', real: '2026' },
  ] as const)(
    '$configured as configured is not given up for $real',
    async ({ configured, real }) => {
      const connector = stdioConnector({ ...odd(real), era: configured })
      await expect(connector.connect(new EventRecorder(), '')).rejects.toThrow(
        /cannot be used|answers initialize with error/,
      )
    },
  )
})

describe('a pipe', () => {
  test('keeps the order of what arrives in one chunk', async () => {
    const { connection } = await open(odd('2026'))
    const { sink } = call(connection, 'burst', {}, { progress: true })
    expect(await sink.text()).toBe('burst')
    expect(sink.notifications).toHaveLength(2)
  })

  test('puts together what arrives in pieces, whatever ends the line', async () => {
    const { connection } = await open(odd('2026'))
    const message = 'grüße ☃ 𝄞'
    const { sink } = call(connection, 'pieces', { message })
    expect(await sink.text()).toBe(message)
  })

  test('gives nobody what is not theirs, and logs no word of it', async () => {
    const lines: unknown[] = []
    const log: Logger = { ...SILENT, warn: (facts, text) => lines.push([facts, text]) }
    const { connection, events } = await open({ ...odd('2025'), log })
    const other = call(connection, 'mute', {}, { progress: true })
    const { sink } = call(connection, 'noise', {}, { progress: true })
    expect(await sink.text()).toBe('heard')
    expect(await call(connection, 'echo', { message: 'after' }).sink.text()).toBe('after')
    expect([sink.notifications, other.sink.notifications]).toEqual([[], []])
    expect([sink.endings.length, other.sink.endings.length]).toEqual([1, 0])
    expect([events.changes, events.losses]).toEqual([0, []])
    const text = 'the process wrote a line to stdout that is no MCP message'
    expect(lines).toEqual(
      // The unfinished object, the words, and null; empty lines and an empty batch are nothing at all.
      [19, 8, 4].map((bytes) => [{ upstream: 'contract', bytes }, text]),
    )
  })

  test('takes a batch apart', async () => {
    const { connection } = await open(odd('2025'))
    const { sink } = call(connection, 'batch', {}, { progress: true })
    expect(await sink.text()).toBe('batch')
    expect(sink.notifications).toHaveLength(1)
  })

  test('of 2025 answers pings', async () => {
    const { connection, events } = await open(odd('2025'))
    const { sink } = call(connection, 'ask', { method: 'ping' })
    expect(JSON.parse(await sink.text())).toEqual({ jsonrpc: '2.0', id: 'ask', result: {} })
    expect([sink.questions, events.questions]).toEqual([[], []])
  })

  test('of 2025 answers nothing but pings before there is a conversation', async () => {
    const { connection, events } = await open(odd('2025', 'asks-early'))
    expect(await receivedBy(connection)).toContainEqual({
      jsonrpc: '2.0',
      id: 'early',
      error: { code: -32_601, message: 'this client offers no roots/list' },
    })
    expect(events.questions).toEqual([])
  })

  test('of 2026 sends no answers: its server may not ask', async () => {
    const { connection } = await open(odd('2026'))
    const { sink } = call(connection, 'ask', { method: 'ping' })
    // Its answer comes behind the question, so an answer to that would have been sent before the next call.
    await call(connection, 'echo', { message: 'x' }).sink.answer()
    const received = await receivedBy(connection)
    expect(received.filter(({ id }) => id === 'ask')).toEqual([])
    expect(sink.endings).toEqual([])
  })

  test('hears of changes that name no listen', async () => {
    const { connection, events } = await open(odd('2026'))
    expect(await call(connection, 'change').sink.text()).toBe('changed')
    expect(events.changes).toBe(1)
  })

  test.each(['ends-listens', 'cancels-listens'])('listens again: %s', async (oddity) => {
    const { connection, events } = await open(odd('2026', oddity))
    await until(() => events.changes > 0, 'what may have been missed')
    const listens = (await receivedBy(connection)).filter(
      ({ method }) => method === 'subscriptions/listen',
    )
    expect(listens.length).toBeGreaterThan(1)
    expect(new Set(listens.map(({ id }) => id)).size).toBe(listens.length)
    expect(events.losses).toEqual([])
  })

  test('takes its listen back before it closes', async () => {
    const upstream = await stdioUpstream({ era: '2026' })
    cleanups.push(() => upstream.close())
    const connection = await upstream.connector.connect(new EventRecorder(), '')
    await connection.close()
    expect(upstream.cancelled()).toHaveLength(1)
  })

  test('fails a call that the server takes back', async () => {
    const { connection } = await open(odd('2026'))
    const { fault, unsent } = await call(connection, 'cancel').sink.failure()
    expect([fault.code, unsent]).toEqual(['upstream_unavailable', false])
  })

  test('of 2025 takes back only what the server asked itself, whatever number that has', async () => {
    const { connection, events } = await open(odd('2025'))
    const { frame, sink } = call(connection, 'cancel')
    await until(() => events.notifications.length > 0, 'the word')
    const cancelled = { method: 'notifications/cancelled', params: { requestId: frame.id } }
    expect([events.notifications, sink.endings]).toMatchObject([[cancelled], []])
  })

  test('fails at once what a process that does not read cannot take', async () => {
    const { connection, events } = await open({ ...odd('2026'), bodyBytes: 100_000 })
    await call(connection, 'deafen').sink.answer()
    const calls = Array.from({ length: 20 }, () =>
      call(connection, 'echo', { message: 'x'.repeat(90_000) }),
    )
    const last = calls.at(-1)
    expect(await last?.sink.failure()).toMatchObject({
      fault: { code: 'overloaded' },
      unsent: true,
    })
    expect(calls[0]?.sink.endings).toEqual([])
    expect(events.losses).toEqual([])
  })
})

describe('a process', () => {
  test('delivers its last answer before its end is told', async () => {
    const { connection, events } = await open(odd('2026'))
    const pending = call(connection, 'mute')
    const { sink } = call(connection, 'exit', { code: 3 })
    expect(await sink.text()).toBe('bye')
    const { fault, unsent } = await pending.sink.failure()
    expect([fault.message, unsent]).toEqual(["the upstream's process exited with code 3", false])
    expect(fault.cause).toMatchObject({
      message: expect.stringContaining('first words\nlast words'),
    })
    expect(events.losses).toEqual([fault])
  })

  test('is lost when it hangs up but stays, and is ended', async () => {
    const { connection, events } = await open({ ...odd('2026'), stopGraceMs: 100 })
    const pid = await pidOf(connection)
    const { fault } = await call(connection, 'hangUp').sink.failure()
    expect(fault.message).toContain('closed its end of the pipe')
    expect(events.losses).toHaveLength(1)
    await until(() => !isAlive(pid), 'the process to go')
  })

  test('that ignores the end of its input and SIGTERM is killed, within the time given', async () => {
    const fixture = stdioCommand({ era: '2025', linger: true })
    const { connection, events } = await open({ ...fixture, stopGraceMs: 100 })
    const pid = await pidOf(connection)
    const pending = call(connection, 'slow')
    const start = performance.now()
    await connection.close()
    expect(isAlive(pid)).toBe(false)
    expect(performance.now() - start).toBeGreaterThan(190)
    expect(await pending.sink.failure()).toMatchObject({ unsent: false })
    expect(events.losses).toEqual([])
  })

  test('gets the environment it is given and none of ours', async () => {
    const { connection } = await open({
      ...odd('2026'),
      baseEnv: { LANG: 'C', TOKEN: 'base' },
      env: { TOKEN: 'configured' },
    })
    const environment = JSON.parse(await call(connection, 'environment').sink.text()) as JsonObject
    expect(environment).toMatchObject({ LANG: 'C', TOKEN: 'configured' })
    expect(environment).not.toHaveProperty('PATH')
  })

  test('runs in its folder', async () => {
    const cwd = await realpath(await mkdtemp(path.join(tmpdir(), 'banyan-cwd-')))
    cleanups.push(() => rm(cwd, { recursive: true }))
    const { connection } = await open({ ...odd('2026'), cwd })
    expect(await call(connection, 'folder').sink.text()).toBe(cwd)
  })

  test('has its stderr in the log, line by line', async () => {
    const lines: LogFacts[] = []
    const log: Logger = { ...SILENT, debug: (facts) => lines.push(facts) }
    await open({ ...stdioCommand({ era: '2025', noise: true }), log })
    await until(() => lines.length > 1, 'two lines')
    expect(lines[0]).toEqual({ upstream: 'contract', stderr: 'noise: started' })
    expect(lines[1]?.['stderr']).toMatch(/^noise: \d+ bytes$/)
  })

  test.each([
    {
      what: 'does not exist',
      command: 'banyan-no-such-command',
      code: 'ENOENT: no such command or working folder',
    },
    { what: 'is a folder', command: tmpdir(), code: 'EACCES' },
    { what: 'cannot be named', command: 'nul\0', code: 'ERR_INVALID_ARG_VALUE' },
  ])('whose command $what is told by that alone', async ({ command, code }) => {
    const secrets = { args: ['--token=canary'], env: { TOKEN: 'canary' } }
    const connector = stdioConnector({ command, ...secrets })
    const failed = connector.connect(new EventRecorder(), '')
    await expect(failed).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: `the command ${command} cannot be started (${code})`,
    })
    await expect(failed).rejects.not.toThrow('canary')
    expect(connector.target).toBe(command)
  })

  test('that ends at once is no connection, and its last words are the cause', async () => {
    const args = ['-e', 'console.error("no such database"); process.exit(7)']
    const connector = stdioConnector({ command: process.execPath, args })
    await expect(connector.connect(new EventRecorder(), '')).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: "the upstream's process exited with code 7",
      cause: { message: expect.stringContaining('no such database') },
    })
  })

  test('that never answers is ended', async () => {
    const args = ['-e', 'console.error(process.pid); process.stdin.resume()']
    const pids: unknown[] = []
    const log: Logger = { ...SILENT, debug: (facts) => pids.push(facts['stderr']) }
    const limits = { silenceMs: 1, answerTimeoutMs: 1_500 }
    const connector = stdioConnector({ command: process.execPath, args, log, ...limits })
    await expect(connector.connect(new EventRecorder(), '')).rejects.toMatchObject({
      code: 'upstream_timeout',
    })
    expect(pids).toHaveLength(1)
    expect(isAlive(Number(pids[0]))).toBe(false)
  })

  test('that is still being asked is ended by closing the connector', async () => {
    const args = ['-e', 'process.stdin.resume()']
    const connector = stdioConnector({ command: process.execPath, args, answerTimeoutMs: 60_000 })
    const connecting = connector.connect(new EventRecorder(), '')
    connecting.catch(() => undefined)
    await new Promise(setImmediate)
    await connector.close()
    await expect(connecting).rejects.toMatchObject({ code: 'upstream_unavailable' })
    await expect(connector.connect(new EventRecorder(), '')).rejects.toThrow('is being closed')
  })
})
