// Upstreams that tell of changes, over both transports, for the news contract.
import { fileURLToPath } from 'node:url'
import type { Connection } from '../../node/outbound/connection.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import type { Exchange } from '../fixtures/fixture-exchange.ts'
import { META, type Era, type Id, type JsonObject } from '../fixtures/wire.ts'
import { FEDERATION } from '../../protocol/federation.ts'
import { httpConnector } from './http-upstream.ts'
import { linkIdentity, linkInFront } from './link-upstream.ts'
import type { NewsUpstream } from './news.contract.ts'
import { call } from './recorder.ts'
import { Reports, type ReportState } from './reports.ts'
import { stdioConnector } from './stdio-upstream.ts'

const PROGRAM = fileURLToPath(new URL('reporting-stdio.ts', import.meta.url))

/** A process. */
export function stdioNews(era: Era, capabilities: JsonObject): Promise<NewsUpstream> {
  const args = [PROGRAM, era, JSON.stringify(capabilities)]
  const connector = stdioConnector({ command: process.execPath, args })
  return Promise.resolve({
    connector,
    state: async (connection) =>
      JSON.parse(await call(connection, 'state').sink.text()) as ReportState,
    emit: (connection, method, params) => call(connection, 'emit', { method, params }).sink.text(),
    say: (connection, message) => call(connection, 'say', { message }).sink.text(),
    answers: async (connection) =>
      JSON.parse(await call(connection, 'answers').sink.text()) as JsonObject[],
    interrupt: (connection) => call(connection, 'endListens').sink.text(),
    close: () => connector.close(),
  })
}

/** A server that has a GET stream or takes listens. */
export async function httpNews(era: Era, capabilities: JsonObject): Promise<NewsUpstream> {
  const server = await newsServer(era, capabilities)
  return newsOf(server, era, httpConnector(server.url))
}

/** A node that is reached by a link. */
export async function linkNews(capabilities: JsonObject): Promise<NewsUpstream> {
  const identity = linkIdentity('news')
  const extensions = { [FEDERATION]: identity.federation }
  const server = await newsServer('2026', { ...capabilities, extensions })
  const front = await linkInFront(identity, server.url)
  return newsOf(server, '2026', {
    connect: (...how) => front.connector.connect(...how),
    close: () => front.close(),
  })
}

function newsServer(era: Era, capabilities: JsonObject): Promise<FixtureServer> {
  return FixtureServer.start({
    era,
    decorate: (method, result) =>
      method === 'initialize' || method === 'server/discover'
        ? { ...result, capabilities }
        : result,
  })
}

function newsOf(
  server: FixtureServer,
  era: Era,
  connector: NewsUpstream['connector'],
): NewsUpstream {
  const reports = new Reports()
  const listens = new Map<Id, Exchange>()
  const answers: JsonObject[] = []
  serveSession(server, reports, answers)
  if (era === '2026') serveListens(server, reports, listens)
  return {
    connector,
    state: () => Promise.resolve(reports.state),
    emit: (_connection, method, params) => {
      if (era === '2025') server.emit({ jsonrpc: '2.0', method, params })
      for (const [id, listen] of listens) {
        listen.notify(method, { ...params, _meta: { [META.subscriptionId]: id } })
      }
    },
    say: (_connection: Connection, message) => server.emit({ jsonrpc: '2.0', ...message }),
    answers: () => Promise.resolve(answers),
    interrupt: () => {
      server.dropStreams()
      for (const [id, listen] of listens) {
        reports.endListen(id)
        listen.drop()
      }
      listens.clear()
    },
    close: async () => {
      await connector.close()
      await server.close()
    },
  }
}

function serveSession(server: FixtureServer, reports: Reports, answers: JsonObject[]): void {
  server.on('resources/subscribe', (exchange) => {
    const granted = reports.subscribe(String(exchange.request.params['uri']))
    if (granted) exchange.result({})
    else exchange.error({ code: -32_602, message: 'no' })
  })
  server.on('resources/unsubscribe', (exchange) => {
    reports.unsubscribe(String(exchange.request.params['uri']))
    exchange.result({})
  })
  server.on('logging/setLevel', (exchange) => {
    reports.setLevel(String(exchange.request.params['level']))
    exchange.result({})
  })
  server.on('answer', (exchange) => {
    answers.push(exchange.request.message as JsonObject)
    exchange.empty(202)
  })
}

function serveListens(server: FixtureServer, reports: Reports, listens: Map<Id, Exchange>): void {
  server.on('subscriptions/listen', (exchange) => {
    const { id = '', params } = exchange.request
    const notifications = reports.listen(id, params)
    listens.set(id, exchange)
    exchange.onClosed(() => {
      reports.endListen(id)
      listens.delete(id)
    })
    const meta = { [META.subscriptionId]: id }
    exchange.notify('notifications/subscriptions/acknowledged', { notifications, _meta: meta })
  })
}
