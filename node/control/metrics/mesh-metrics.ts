import type { BusState } from '../../../topology/bus-state.ts'
import type { LinkState } from '../../../topology/link-health.ts'
import type { Speaker } from '../../../topology/speaker.ts'
import type { LinkTraffics } from '../../core/link-traffic.ts'
import type { Exposition } from '../../core/metrics/exposition.ts'
import type { Mesh } from '../mesh/mesh.ts'

const BUS_STATES: readonly BusState[] = ['lost', 'joining', 'live']
const LINK_STATES: readonly LinkState[] = ['up', 'suspect', 'down']

/** The bus, records, routes and links between nodes. */
export function writeMesh(out: Exposition, mesh: Mesh, traffic: LinkTraffics): void {
  const { busState, current: run, news } = mesh
  if (busState !== undefined) out.states('banyan_bus_state', { all: BUS_STATES, now: busState })
  writeEnds(out, mesh)
  writeTraffic(out, traffic)
  if (run === undefined) return
  for (const [event, count] of news.counts) out.set('banyan_gossip_events_total', count, event)
  out.set('banyan_gossip_syncs_total', news.syncs)
  out.set('banyan_route_changes_total', news.routeChanges)
  if (run.lastSync !== undefined) {
    out.set('banyan_gossip_last_sync_timestamp_seconds', run.lastSync / 1_000)
  }
  writeRecords(out, run.speaker)
  writeRoutes(out, run.speaker)
}

function writeRecords(out: Exposition, { db, id }: Speaker): void {
  let [live, twofold] = [0, 0]
  for (const node of db.nodes()) {
    if (db.get(node) !== undefined) live += 1
    else if (db.isTwofold(node)) twofold += 1
  }
  out.set('banyan_gossip_nodes_known', db.size)
  out.set('banyan_gossip_nodes_live', live)
  out.set('banyan_gossip_nodes_quarantined', twofold)
  const own = db.get(id)
  if (own !== undefined) out.set('banyan_gossip_own_record_timestamp_seconds', own.issuedAt)
}

function writeRoutes(out: Exposition, { fib }: Speaker): void {
  let [selected, stale] = [0, 0]
  for (const { candidates } of fib.values()) {
    if (candidates.length === 0) stale += 1
    else selected += 1
  }
  out.set('banyan_routes', selected, 'selected')
  out.set('banyan_routes', stale, 'stale')
}

function writeEnds(out: Exposition, { ends, current }: Mesh): void {
  for (const { label, peer } of ends.ups.values()) {
    const health = current?.speaker.links.up.get(peer.node)?.health
    if (health === undefined) continue
    out.states('banyan_mesh_link_state', { all: LINK_STATES, now: health.state }, label)
    out.set('banyan_mesh_link_ups_total', health.epoch, label)
  }
  out.set('banyan_mesh_downstream_nodes', [...ends.downs].length)
}

function writeTraffic(out: Exposition, traffic: LinkTraffics): void {
  for (const [end, name, one] of traffic.entries()) {
    out.set('banyan_links_open', one.wires.size, end, name)
    out.set('banyan_link_queue_bytes', one.queued, end, name)
    out.set('banyan_link_frames_total', one.framesIn, end, name, 'in')
    out.set('banyan_link_frames_total', one.framesOut, end, name, 'out')
    out.set('banyan_link_bytes_total', one.bytesIn, end, name, 'in')
    out.set('banyan_link_bytes_total', one.bytesOut, end, name, 'out')
  }
}
