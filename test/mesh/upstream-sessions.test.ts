// The sessions and processes a node keeps at its upstreams: who shares them, and when they are let go.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { legacySession, type LegacySession } from '../fixtures/raw-client.ts'
import { stdioCommand, type StdioFixtureOptions } from '../fixtures/stdio-command.ts'
import { until } from '../fixtures/wait.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { Mesh } from './mesh.ts'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []

afterEach(async () => {
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

async function server(): Promise<FixtureServer> {
  const fixture = await FixtureServer.start({ era: '2025' })
  fixtures.push(fixture)
  return fixture
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function childBehind(
  options: StdioFixtureOptions,
  more: Readonly<Record<string, unknown>> = {},
): Promise<BanyanNode> {
  const { restart, stopGrace, ...settings } = more
  const stdio = {
    ...stdioCommand(options),
    ...(restart === undefined ? {} : { restart }),
    ...(stopGrace === undefined ? {} : { stopGrace }),
  }
  return mesh.ready('front', {
    upstreams: { child: { stdio, ...settings } },
    namespaces: { fx: { from: ['child'] } },
  })
}

async function call(session: LegacySession, name: string): Promise<string> {
  return textOf(await session.call('tools/call', { name, arguments: { message: name } }))
}

async function pidSeenBy(session: LegacySession): Promise<number> {
  return Number(await call(session, 'fx__pid'))
}

describe('sessions of a server of era 2025', () => {
  test('all callers share one by default, and it is ended when the node closes', async () => {
    const fixture = await server()
    const node = await mesh.front('front', fixture.url)
    const url = node.endpointUrl('main')
    for (const era of ERAS) {
      const caller = await callerOf(era, url)
      await caller.call('fx__echo', { message: 'x' })
    }
    const [only] = fixture.openSessions
    expect(fixture.openSessions).toHaveLength(1)
    await mesh.close()
    expect(fixture.openSessions).toEqual([])
    expect(fixture.deletedSessions).toEqual([only])
    expect(fixture.openStreams).toBe(0)
  })

  test('with isolate: session each has its own, ended with the session it was for', async () => {
    const fixture = await server()
    const node = await mesh.front('front', fixture.url, { isolate: 'session' })
    const url = node.endpointUrl('main')
    const sessions = [await legacySession(url), await legacySession(url)] as const
    for (const session of sessions) await call(session, 'fx__echo')
    // One for the node itself, which lists and watches.
    expect(fixture.openSessions).toHaveLength(3)
    const used = fixture.calls().map(({ headers }) => headers['mcp-session-id'])
    expect(new Set(used).size).toBe(2)

    expect((await sessions[0].delete()).status).toBe(204)
    await until(() => fixture.deletedSessions.length === 1, 'the session upstream to be ended')
    expect(fixture.deletedSessions).toEqual([used[0]])
    expect(await call(sessions[1], 'fx__echo')).toBe('fx__echo')
    await mesh.close()
    expect(fixture.openSessions).toEqual([])
    expect(fixture.violations).toEqual([])
  })

  test('with isolate: session what a silent caller left is ended, but not under a call', async () => {
    const fixture = await server()
    const node = await mesh.ready('front', {
      upstreams: { fixture: { http: { url: fixture.url }, isolate: 'session' } },
      namespaces: { fx: { from: ['fixture'] } },
      limits: { sessionIdle: '100ms' },
    })
    const [left, busy] = await Promise.all([
      legacySession(node.endpointUrl('main')),
      legacySession(node.endpointUrl('main')),
    ])
    const waiting = call(busy, 'fx__slow')
    await until(() => fixture.calls().length === 1, 'the long call to be under way')
    await call(left, 'fx__echo')
    const [long, short] = fixture.calls().map(({ headers }) => headers['mcp-session-id'])
    await until(() => fixture.deletedSessions.length > 0, 'the idle session to be ended')
    expect(fixture.deletedSessions).toEqual([short])
    expect(fixture.openSessions).toContain(long)
    expect(await call(left, 'fx__echo')).toBe('fx__echo')
    fixture.gate.open()
    expect(await waiting).toBe('fx__slow')
    await until(() => fixture.openSessions.length === 1, 'all but the shared session to be ended')
    expect(fixture.violations).toEqual([])
  })

  test('a session per caller that the server forgot is opened anew', async () => {
    const fixture = await server()
    const node = await mesh.front('front', fixture.url, { isolate: 'session' })
    const session = await legacySession(node.endpointUrl('main'))
    await call(session, 'fx__echo')
    fixture.expireSessions()
    expect(await call(session, 'fx__echo')).toBe('fx__echo')
    expect(fixture.violations).toEqual([])
  })
})

describe.each(ERAS)('a process of era %s', (era) => {
  test('row 61: it is shared by default', async () => {
    const node = await childBehind({ era })
    const url = node.endpointUrl('main')
    const pids = [
      await pidSeenBy(await legacySession(url)),
      await pidSeenBy(await legacySession(url)),
    ]
    expect(pids[0]).toBe(pids[1])
  })

  test('row 61: it ends with the node, and so does what it left', async () => {
    const node = await childBehind({ era })
    const pid = await pidSeenBy(await legacySession(node.endpointUrl('main')))
    expect(isRunning(pid)).toBe(true)
    await mesh.close()
    expect(isRunning(pid)).toBe(false)
  })

  test('row 61: one that ignores the end of its input and SIGTERM is killed', async () => {
    const node = await childBehind({ era, linger: true }, { stopGrace: '100ms' })
    const pid = await pidSeenBy(await legacySession(node.endpointUrl('main')))
    await mesh.close()
    expect(isRunning(pid)).toBe(false)
  })

  test('row 61: it ends with the node also when a reload has just taken it away', async () => {
    const node = await childBehind({ era, linger: true }, { stopGrace: '100ms' })
    const pid = await pidSeenBy(await legacySession(node.endpointUrl('main')))
    const reloaded = mesh.replan(node, { endpoints: {} })
    await mesh.close()
    expect(isRunning(pid)).toBe(false)
    await reloaded
  })

  test.each(ERAS)(
    'row 61: after a crash in mid-call it is restarted (%s caller)',
    async (callerEra) => {
      const node = await childBehind({ era }, { restart: { min: '20ms', max: '100ms' } })
      const caller = await callerOf(callerEra, node.endpointUrl('main'))
      const first = textOf(await caller.call('fx__pid'))
      const waiting = caller.begin('fx__slow')
      await until(() => node.status().upstreams[0]?.callsInFlight === 1, 'a call in flight')
      const crash = await caller.call('fx__crash')
      expect(crash.error.code).toBe(-31_003)
      expect(await waiting.answer).toMatchObject({ error: { code: -31_003 } })
      await until(() => node.status().upstreams[0]?.phase === 'up', 'the restart')
      const second = textOf(await caller.call('fx__pid'))
      expect(second).not.toBe(first)
      expect(isRunning(Number(first))).toBe(false)
    },
  )

  test.each(ERAS)(
    'row 61: after a crash its changes are heard again (%s caller)',
    async (callerEra) => {
      const node = await childBehind({ era }, { restart: { min: '20ms', max: '100ms' } })
      const caller = await callerOf(callerEra, node.endpointUrl('main'))
      const changes = await caller.changes()
      await caller.call('fx__crash')
      await until(() => node.status().upstreams[0]?.phase === 'up', 'the restart')
      await caller.call('fx__toggle', { name: 'fresh' })
      expect(await changes.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
      expect(await caller.names()).toContain('fx__fresh')
      changes.close()
    },
  )
})

describe('processes with isolate: session', () => {
  test('row 61: one child is never shared between sessions, and ends with its own', async () => {
    const node = await childBehind({ era: '2025' }, { isolate: 'session' })
    const url = node.endpointUrl('main')
    const [a, b] = [await legacySession(url), await legacySession(url)]
    const [first, second] = [await pidSeenBy(a), await pidSeenBy(b)]
    expect(first).not.toBe(second)
    expect(await pidSeenBy(a)).toBe(first)
    await a.delete()
    await until(() => !isRunning(first), 'the child of the ended session to end')
    expect(isRunning(second)).toBe(true)
    await mesh.close()
    expect(isRunning(second)).toBe(false)
  })

  test('row 61: a crash in one session does not touch the other', async () => {
    const node = await childBehind({ era: '2025' }, { isolate: 'session' })
    const url = node.endpointUrl('main')
    const [a, b] = [await legacySession(url), await legacySession(url)]
    const [first, second] = [await pidSeenBy(a), await pidSeenBy(b)]
    await a.call('tools/call', { name: 'fx__crash', arguments: {} })
    await until(() => !isRunning(first), 'the crash')
    expect(await pidSeenBy(b)).toBe(second)
    expect(await pidSeenBy(a)).not.toBe(first)
    expect(isRunning(second)).toBe(true)
  })
})

test('row 61: a command that keeps failing is started again after growing pauses', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-starts-'))
  const file = join(folder, 'starts')
  const script = 'date +%s%N >> "$0"; exit 1'
  const stdio = { command: 'sh', args: ['-c', script, file], restart: { min: '20ms', max: '10s' } }
  const node = await mesh.ready('front', {
    upstreams: { child: { stdio, era: '2025' } },
    namespaces: { fx: { from: ['child'] } },
  })
  const starts = async (): Promise<number[]> => {
    const lines = (await readFile(file, 'utf8')).trim().split('\n')
    return lines.map((line) => Number(BigInt(line) / 1_000_000n))
  }
  await until(async () => (await starts()).length >= 5, 'five starts')
  const at = await starts()
  const pauses = at.slice(1, 5).map((time, index) => time - (at[index] ?? 0))
  ;[20, 40, 80, 160].forEach((least, index) => {
    expect(pauses[index]).toBeGreaterThanOrEqual(least - 1)
  })
  expect(node.status().upstreams[0]).toMatchObject({ phase: 'down', tools: 0 })
  expect(node.status().upstreams[0]?.problem).toContain('exited with code 1')
  await mesh.close()
  await rm(folder, { recursive: true })
})
