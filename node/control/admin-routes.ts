import { z } from 'zod'
import { Fault } from '../../protocol/errors.ts'
import { configWarnings } from '../core/config-checks.ts'
import { ConfigError } from '../core/config-error.ts'
import { LIMITS, type LimitName } from '../core/config-limits.ts'
import {
  drainReport,
  endpointsReport,
  limitsReport,
  policyReport,
  reloadReport,
  sessionsReport,
  statusReport,
  upstreamsReport,
  type DrainReport,
  type LimitsReport,
  type PolicyReport,
  type StatusReport,
} from './admin-models.ts'
import { diffReport, diffRequest } from './admin-diff-models.ts'
import { cursor, limitParameter } from './admin-explain-models.ts'
import { meshRoutesRoute, topologyRoute } from './admin-mesh-routes.ts'
import { probeRoute } from './admin-probe-route.ts'
import { route, type AdminGround, type Route } from './admin-route.ts'
import { explainRoute, viewRoute } from './admin-view-routes.ts'
import { diffLive } from './policy-diff-live.ts'
import { policyText } from './policy-text.ts'
import { routesOf, routesReport } from './routes-report.ts'

function callsOf({ registry }: AdminGround): number {
  return registry.upstreamStatus().reduce((sum, { callsInFlight }) => sum + callsInFlight, 0)
}

function statusOf(ground: AdminGround): StatusReport {
  const { node, config, registry } = ground
  const { node: settings, endpoints } = config()
  const upstreams = registry.upstreamStatus()
  const up = upstreams.filter(({ phase }) => phase === 'up').length
  return {
    id: node.id,
    name: settings.name,
    organisation: settings.organisation,
    version: node.version,
    url: node.url,
    phase: node.phase(),
    startedAt: new Date(node.startedAt).toISOString(),
    callsInFlight: callsOf(ground),
    upstreams: { up, down: upstreams.length - up },
    endpoints: Object.keys(endpoints).length,
  }
}

function policyOf({ config }: AdminGround): PolicyReport {
  const warnings = configWarnings(config()).filter(({ path: [part] }) => POLICY_PARTS.has(part))
  return { ...policyText(config()), warnings }
}

const POLICY_PARTS: ReadonlySet<unknown> = new Set(['visibility', 'clients', 'tags', 'expect'])

function limitsOf({ config, node }: AdminGround): LimitsReport {
  const { limits } = config()
  const usage = node.usage()
  const names = Object.keys(LIMITS) as LimitName[]
  return {
    limits: names.map((name) => {
      const inUse = usage[name]
      const said = { name, unit: LIMITS[name].unit, value: limits[name] }
      return inUse === undefined ? said : { ...said, inUse }
    }),
  }
}

function drained(ground: AdminGround, away: boolean): DrainReport {
  const { node } = ground
  node.drain(away)
  const { streams, listens } = node.sessions()
  return { draining: away, callsInFlight: callsOf(ground), streams: streams + listens }
}

/** Of what is listed by id, a part. */
const PAGE = z.strictObject({
  limit: limitParameter,
  cursor: cursor.optional(),
})

const statusRoute = route({
  method: 'GET',
  path: '/status',
  summary: 'How the node stands.',
  reply: statusReport,
  run: statusOf,
})

const upstreamsRoute = route({
  method: 'GET',
  path: '/upstreams',
  summary: 'What feeds the node, and how each of it stands.',
  reply: upstreamsReport,
  run: ({ registry, config }) => {
    const { upstreams } = config()
    return {
      upstreams: registry.upstreamStatus().map((status) => {
        return { ...status, concurrency: upstreams[status.label]?.concurrency ?? 0 }
      }),
    }
  },
})

const endpointsRoute = route({
  method: 'GET',
  path: '/endpoints',
  summary: 'What each endpoint has, before anything is hidden, and what is left out.',
  reply: endpointsReport,
  run: ({ registry, config, node }) => {
    const { endpoints } = config()
    return {
      endpoints: registry.endpointStatus().map((status) => {
        const auth = endpoints[status.name]?.auth === 'none' ? 'none' : 'required'
        return { ...status, url: `${node.url}/mcp/${status.name}`, auth } as const
      }),
    }
  },
})

const routesRoute = route({
  method: 'GET',
  path: '/routes',
  summary: 'Where calls go: what leads to each namespace, and what takes over when that fails.',
  reply: routesReport,
  run: ({ registry, config }, _, slices) => {
    const { catalogue } = registry
    const ground = { catalogue, upstreamStatus: () => registry.upstreamStatus() }
    return routesOf(ground, Object.keys(config().endpoints), slices)
  },
})

const sessionsRoute = route({
  method: 'GET',
  path: '/sessions',
  summary: 'What callers hold open. Ids are hashes.',
  query: PAGE,
  reply: sessionsReport,
  run: ({ node }, { query }) => {
    const { sessions, ...sums } = node.sessions()
    const from = query.cursor ?? ''
    const later = sessions.filter(({ id }) => id > from)
    const page = later.slice(0, query.limit)
    const last = page.at(-1)
    const more = later.length > page.length && last !== undefined
    return { ...sums, sessions: page, ...(more && { next: last.id }) }
  },
})

const policyRoute = route({
  method: 'GET',
  path: '/policy',
  summary: 'The rules that hold now, with their places and what is doubtful about them.',
  reply: policyReport,
  run: policyOf,
})

const diffRoute = route({
  method: 'POST',
  path: '/policy/diff',
  summary:
    'What each class would see, and would not see any more, if another policy held. Changes nothing.',
  body: diffRequest,
  // As large as a configuration file.
  maxBodyBytes: 4 * 1_024 ** 2,
  reply: diffReport,
  run: ({ config, node, registry }, { body }, slices) =>
    diffLive({ config: config(), base: node.url, registry }, body, slices),
})

const limitsRoute = route({
  method: 'GET',
  path: '/limits',
  summary: 'The limits that hold now, and how much of them is used where that is counted.',
  reply: limitsReport,
  run: limitsOf,
})

const reloadRoute = route({
  method: 'POST',
  path: '/reload',
  summary: 'Takes the file again, as SIGHUP does, and answers when the difference is applied.',
  writes: true,
  isPatient: true,
  reply: reloadReport,
  run: async ({ node }) => {
    if (node.reload === undefined) {
      throw new Fault('unknown_endpoint', 'this node was started from no file')
    }
    try {
      return { reloaded: true, warnings: await node.reload() } as const
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      const { problems } = error
      const text = 'the file was refused, and nothing has changed'
      throw new Fault('config_refused', text, { data: { problems } })
    }
  },
})

const drainRoute = route({
  method: 'POST',
  path: '/drain',
  summary:
    'Sends callers elsewhere: /readyz says no from now on. Calls that come all the same are served.',
  writes: true,
  reply: drainReport,
  run: (ground) => drained(ground, true),
})

const resumeRoute = route({
  method: 'DELETE',
  path: '/drain',
  summary: 'Takes callers again.',
  writes: true,
  reply: drainReport,
  run: (ground) => drained(ground, false),
})

/** Everything that can be asked, in the order it is described in. */
export const ROUTES: readonly Route[] = [
  statusRoute,
  upstreamsRoute,
  endpointsRoute,
  viewRoute,
  routesRoute,
  topologyRoute,
  meshRoutesRoute,
  probeRoute,
  sessionsRoute,
  policyRoute,
  diffRoute,
  explainRoute,
  limitsRoute,
  reloadRoute,
  drainRoute,
  resumeRoute,
]
