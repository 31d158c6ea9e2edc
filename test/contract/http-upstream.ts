// Upstreams over HTTP for the connection contract.
import { HttpConnector, type HttpConnectorOptions } from '../../node/outbound/http-connector.ts'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { CONTRACT_BODY_BYTES, type Upstream } from './connection.contract.ts'
import { SELF } from './self.ts'

/** A connector with the defaults of a test. */
export function httpConnector(
  url: string,
  options: Partial<HttpConnectorOptions> = {},
): HttpConnector {
  return new HttpConnector({
    url,
    headers: [],
    era: 'auto',
    self: SELF,
    connectTimeoutMs: 2_000,
    answerTimeoutMs: 5_000,
    bodyBytes: CONTRACT_BODY_BYTES,
    ...options,
  })
}

/** A fixture server on a port of its own. */
export async function httpUpstream(options: FixtureOptions): Promise<Upstream> {
  const server = await FixtureServer.start(options)
  const connector = httpConnector(server.url)
  return {
    connector,
    slowCalls: () => server.calls('slow').flatMap(({ id }) => id ?? []),
    cancelled: () => (server.era === '2026' ? server.cancelled.closed : server.cancelled.ids),
    release: () => server.gate.open(),
    changeTools: () => server.tools.add(plainTool('late')),
    die: () => server.close(),
    holding: () => Promise.resolve(() => server.openSessions.length > 0 || server.openStreams > 0),
    violations: () => Promise.resolve(server.violations),
    close: async () => {
      await connector.close()
      await server.close()
    },
  }
}

/** A connector to a port that nobody listens on any more. */
export async function refusedUrl(): Promise<string> {
  const server = await FixtureServer.start()
  await server.close()
  return server.url
}
