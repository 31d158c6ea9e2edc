import { topologyReport, waysReport } from './admin-mesh-models.ts'
import { route, type Route } from './admin-route.ts'
import { topologyOf, waysOf } from './mesh/report.ts'

export const topologyRoute: Route = route({
  method: 'GET',
  path: '/topology',
  summary: 'The nodes this one knows of, its links to them, and how the bus stands.',
  reply: topologyReport,
  run: ({ mesh }) => topologyOf(mesh),
})

export const meshRoutesRoute: Route = route({
  method: 'GET',
  path: '/topology/routes',
  summary: 'The ways to each namespace of the mesh: which is chosen, and why not another.',
  reply: waysReport,
  run: ({ mesh }) => waysOf(mesh),
})
