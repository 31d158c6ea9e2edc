import type { AddressInfo } from 'node:net'
import { AdminApi } from '../control/admin.ts'
import type { AdminNode } from '../control/admin-route.ts'
import type { AdminSettings, TlsSettings } from '../core/config-types.ts'
import type { Logger } from '../core/logger.ts'
import { ProcessWatch } from '../control/metrics/process-metrics.ts'
import type { ScrapeSources } from '../control/metrics/scrape.ts'
import { AdminServer } from '../inbound/admin-http.ts'
import { Admission } from '../inbound/admission.ts'
import type { TlsMaterial } from '../inbound/tls.ts'
import { packageVersion } from './cli-version.ts'
import type { Parts } from './compose.ts'
import { reportSessions } from './session-report.ts'
import { readTls } from './tls-files.ts'

/** What the parts of a node do not know of it. */
export interface AdminHost extends Pick<AdminNode, 'url'> {
  readonly log: Logger
  /** How its file is taken again; undefined where it is from no file, or as long as nobody has said how. */
  readonly reload: () => AdminNode['reload']
}

/** The listener for operators. */
export interface AdminListener {
  readonly url: string
  /** As of the listener for callers. @throws Error of OpenSSL */
  renew(tls: TlsMaterial): void
  close(graceMs: number): Promise<void>
}

/**
 * Opens the listener for operators; undefined where none is configured.
 *
 * @throws Error of the system when the address cannot be had, ConfigError when the files of TLS cannot be used
 */
export async function openAdmin(parts: Parts, host: AdminHost): Promise<AdminListener | undefined> {
  const { admin, limits } = parts.config()
  if (admin === undefined) return undefined
  const { listen, tls } = admin
  const { log } = host
  const watch = new ProcessWatch()
  const server = new AdminServer({
    ...limits,
    log,
    tls: tls === undefined ? undefined : await readTls(tls),
    admission: () => admissionOf(parts.config().admin ?? admin),
    service: new AdminApi({
      log,
      config: parts.config,
      registry: parts.registry,
      mesh: parts.mesh,
      node: nodeOf(parts, host),
      sources: sourcesOf(parts, watch),
    }),
  })
  const address = await server.listen(listen.host, listen.port).catch((error: unknown) => {
    watch.close()
    throw error
  })
  const url = urlOf(address, tls)
  log.info({ url }, 'listening for operators')
  return {
    url,
    renew: (renewed) => server.renew(renewed),
    close: (graceMs) => {
      watch.close()
      return server.close(graceMs)
    },
  }
}

function urlOf({ address, family, port }: AddressInfo, tls: TlsSettings | undefined): string {
  const host = family === 'IPv6' ? `[${address}]` : address
  return `${tls === undefined ? 'http' : 'https'}://${host}:${port}`
}

/** No page of any origin may ask anything. */
function admissionOf({ listen, allowedHosts }: AdminSettings): Admission {
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host.toLowerCase()
  return new Admission({ loopback: false, hosts: [host, ...allowedHosts], origins: [] })
}

function sourcesOf(parts: Parts, process: ProcessWatch): ScrapeSources {
  const { observing, tokens, parkedCalls, streamable } = parts
  const { counts, traffic, tracing } = observing
  const { streams, listens, memory } = streamable
  return {
    counts,
    tokens,
    traffic,
    spans: tracing?.spans,
    process,
    held: () => ({
      streams: streams.size,
      listens: listens.size,
      subscriptions: [...memory.sessions.values()].reduce((sum, one) => sum + one, 0),
      parkedCalls: parkedCalls(),
    }),
  }
}

function nodeOf(parts: Parts, { url, reload }: AdminHost): AdminNode {
  const { federation, drain, http, links, mesh, streamable } = parts
  const { streams, listens } = streamable
  return {
    id: federation.node,
    version: packageVersion(),
    url,
    startedAt: Date.now(),
    phase: () => drain.phase,
    sessions: () => reportSessions(streamable),
    usage: () => ({
      connections: http.connections,
      streams: streams.size + listens.size,
      links: links.size,
    }),
    drain: (away) => {
      drain.send(away)
      mesh.drain(away)
    },
    get reload() {
      return reload()
    },
  }
}
