// What upstreams are told they can ask, and what comes of it before and beside the calls.
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { SILENT, type Logger } from '../../../node/core/logger.ts'
import type { Connection, Connector } from '../../../node/outbound/connection.ts'
import { httpConnector } from '../../contract/http-upstream.ts'
import { call, EventRecorder } from '../../contract/recorder.ts'
import { SELF } from '../../contract/self.ts'
import { stdioConnector } from '../../contract/stdio-upstream.ts'
import { FixtureServer, type FixtureOptions } from '../../fixtures/fixture-server.ts'
import { until } from '../../fixtures/wait.ts'
import { META, objectAt, type JsonObject } from '../../fixtures/wire.ts'

const ODD = fileURLToPath(new URL('odd-stdio.ts', import.meta.url))
const OFFERED = '"elicitation":{"form":{}},"roots":{}'
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function start(options: FixtureOptions): Promise<FixtureServer> {
  const server = await FixtureServer.start(options)
  cleanups.push(() => server.close())
  return server
}

async function open(
  connector: Connector,
  offered: string,
): Promise<{ connection: Connection; events: EventRecorder }> {
  cleanups.push(() => connector.close())
  const events = new EventRecorder()
  const connection = await connector.connect(events, offered)
  cleanups.push(() => connection.close())
  return { connection, events }
}

/** Without the extension by which nodes know each other. */
function askable(capabilities: JsonObject): JsonObject {
  const holders = ['experimental', 'extensions']
  return Object.fromEntries(Object.entries(capabilities).filter(([key]) => !holders.includes(key)))
}

/** Makes a server declare tools and nothing else. */
function toolsAlone(method: string, result: JsonObject): JsonObject {
  return method === 'initialize' ? { ...result, capabilities: { tools: {} } } : result
}

test.each(['', OFFERED])('a 2025 server over HTTP is told once: {%s}', async (offered) => {
  const server = await start({ era: '2025' })
  const { connection } = await open(httpConnector(server.url), offered)
  const capabilities = objectAt(server.received('initialize')[0]?.params, 'capabilities')
  expect(askable(capabilities)).toEqual(JSON.parse(`{${offered}}`))
  expect(Object.values(objectAt(capabilities, 'experimental'))).toEqual([SELF.federation])
  expect(connection.meta(offered)).toBe('')
})

test.each(['', OFFERED])('a 2025 server over stdio is told once: {%s}', async (offered) => {
  const connector = stdioConnector({ command: process.execPath, args: [ODD, '2025'] })
  const { connection } = await open(connector, offered)
  const received = JSON.parse(await call(connection, 'received').sink.text()) as JsonObject[]
  const initialize = received.find(({ method }) => method === 'initialize')
  const capabilities = objectAt(objectAt(initialize, 'params'), 'capabilities')
  expect(askable(capabilities)).toEqual(JSON.parse(`{${offered}}`))
  expect(connection.meta(offered)).toBe('')
})

test('row 36: a 2025 server, which has tasks of its own, is offered none of the extension', async () => {
  const tasks = '"io.modelcontextprotocol/tasks":{}'
  const ui = '"io.modelcontextprotocol/ui":{}'
  const told = [`"extensions":{${tasks}}`, `"roots":{},"extensions":{${ui},${tasks}}`]
  const seen: unknown[] = []
  for (const offered of told) {
    const server = await start({ era: '2025' })
    await open(httpConnector(server.url), offered)
    const capabilities = objectAt(server.received('initialize')[0]?.params, 'capabilities')
    const { experimental: _, ...rest } = capabilities
    seen.push(rest)
  }
  expect(seen).toEqual([{}, { roots: {}, extensions: JSON.parse(`{${ui}}`) }])
})

test('a 2026 server is told by each request, whatever the connection was opened for', async () => {
  const server = await start({ era: '2026' })
  const stdio = stdioConnector({ command: process.execPath, args: [ODD, '2026'] })
  for (const connector of [httpConnector(server.url), stdio]) {
    const { connection } = await open(connector, OFFERED)
    const [plain, asked] = ['', OFFERED].map((offered) =>
      askable(objectAt(JSON.parse(`{${connection.meta(offered)}}`), META.capabilities)),
    )
    expect([plain, asked]).toEqual([{}, JSON.parse(`{${OFFERED}}`)])
  }
})

test('what a server asks as soon as it may is heard while the connection opens, over HTTP', async () => {
  const server = await start({ era: '2025' })
  server.on('GET', async (exchange, proceed) => {
    await proceed()
    exchange.send({ jsonrpc: '2.0', id: 'at once', method: 'roots/list' })
  })
  const connector = httpConnector(server.url)
  const { events } = await open(connector, OFFERED)
  await until(() => events.questions.length > 0, 'the question')
  expect(events.questions).toMatchObject([{ message: { id: 'at once', method: 'roots/list' } }])
})

test('the event stream is opened for what may be asked on it alone', async () => {
  const server = await start({ era: '2025', decorate: toolsAlone })
  await open(httpConnector(server.url), '')
  expect(server.received('GET')).toEqual([])
  await open(httpConnector(server.url), OFFERED)
  expect(server.received('GET')).toHaveLength(1)
})

test.each([404, 405])(
  'a server without an event stream is used all the same (%s)',
  async (status) => {
    const server = await start({ era: '2025' })
    server.on('GET', (exchange) => exchange.empty(status))
    const { connection, events } = await open(httpConnector(server.url), OFFERED)
    expect(await call(connection, 'echo', { message: 'on' }).sink.text()).toBe('on')
    expect([server.received('GET').length, connection.watching('tools')]).toEqual([1, false])
    expect(events.losses).toEqual([])
  },
)

test('what a server asks as soon as it may is heard while the connection opens, over stdio', async () => {
  const args = [ODD, '2025', 'asks-at-once']
  const { connection, events } = await open(
    stdioConnector({ command: process.execPath, args }),
    OFFERED,
  )
  await until(() => events.questions.length > 0, 'the question')
  events.questions[0]?.respond(
    Buffer.from('{"jsonrpc":"2.0","id":"at once",\n"result":{"roots":[]}}'),
  )
  const received = await call(connection, 'received').sink.text()
  expect(JSON.parse(received)).toContainEqual({
    jsonrpc: '2.0',
    id: 'at once',
    result: { roots: [] },
  })
})

test('a request on the stream of a call is none in era 2026: it is logged, and not answered', async () => {
  const server = await start({ era: '2026' })
  const lines: unknown[] = []
  const log: Logger = { ...SILENT, debug: (facts) => lines.push(facts) }
  const { connection, events } = await open(httpConnector(server.url, { log }), '')
  server.on('tools/call:x', (exchange) => {
    const { id } = exchange.request
    exchange.send({ jsonrpc: '2.0', id: 7, method: 'ping' })
    exchange.send({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'done' }] } })
  })
  const { sink } = call(connection, 'x')
  expect(await sink.text()).toBe('done')
  expect([sink.questions, events.questions]).toEqual([[], []])
  expect(await call(connection, 'echo', { message: 'on' }).sink.text()).toBe('on')
  expect(server.received('answer')).toEqual([])
  expect(lines).toEqual([{ target: server.url, method: 'ping' }])
})
