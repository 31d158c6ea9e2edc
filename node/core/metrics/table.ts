import type { MetricSpec } from './spec.ts'

/** Requests of callers. */
const REQUESTS = {
  banyan_requests_total: {
    type: 'counter',
    help: 'Requests that are over. A listen counts when it ends.',
    labels: ['endpoint', 'method', 'era', 'transport', 'outcome'],
  },
  banyan_requests_in_flight: {
    type: 'gauge',
    help: 'Requests being answered, listens left out.',
    labels: ['endpoint'],
  },
  banyan_request_duration_seconds: {
    type: 'histogram',
    help: 'From the request to the end of its answer, listens left out.',
    labels: ['endpoint'],
  },
  banyan_request_own_duration_seconds: {
    type: 'histogram',
    help: 'The part of it that was not spent waiting for upstreams or tokens.',
    labels: ['endpoint'],
  },
  banyan_sessions_opened_total: {
    type: 'counter',
    help: 'Sessions of the 2025 era that were opened.',
    labels: ['endpoint'],
  },
  banyan_refusals_total: {
    type: 'counter',
    help: 'What was refused before it was a request: HTTP, credentials, JSON.',
    labels: ['endpoint', 'code'],
  },
  banyan_auth_rejections_total: {
    type: 'counter',
    help: 'Credentials of callers that were not taken.',
    labels: ['endpoint', 'reason'],
  },
  banyan_quota_refusals_total: {
    type: 'counter',
    help: 'Requests beyond a quota.',
    labels: ['quota'],
  },
  banyan_list_changed_total: {
    type: 'counter',
    help: 'Times that a list changed for a caller that watches it.',
    labels: ['endpoint', 'list'],
  },
} as const

/** What callers hold, and the limits of all that. */
const HELD = {
  banyan_connections: { type: 'gauge', help: 'Open connections of callers.', labels: [] },
  banyan_streams: { type: 'gauge', help: 'Open streams for server messages.', labels: ['kind'] },
  banyan_subscriptions: {
    type: 'gauge',
    help: 'Resources that sessions are subscribed to.',
    labels: [],
  },
  banyan_parked_calls: {
    type: 'gauge',
    help: 'Calls that wait for input of their callers.',
    labels: [],
  },
  banyan_limit_value: {
    type: 'gauge',
    help: 'Every limit as it is configured, in its unit.',
    labels: ['limit', 'unit'],
  },
  banyan_limit_in_use: {
    type: 'gauge',
    help: 'How much of a limit is used, where that is counted.',
    labels: ['limit'],
  },
  banyan_limit_hits_total: {
    type: 'counter',
    help: 'Requests refused because of a limit.',
    labels: ['limit'],
  },
} as const

/** Upstreams and what endpoints make of them. */
const UPSTREAMS = {
  banyan_upstream_info: {
    type: 'gauge',
    help: 'Always 1; how an upstream is reached.',
    labels: ['upstream', 'kind', 'era', 'transport'],
  },
  banyan_upstream_state: {
    type: 'gauge',
    help: 'Where the connection to an upstream stands.',
    labels: ['upstream', 'state'],
  },
  banyan_upstream_connects_total: {
    type: 'counter',
    help: 'Times the connection came up.',
    labels: ['upstream'],
  },
  banyan_upstream_failures_total: {
    type: 'counter',
    help: 'Attempts to connect that failed, and connections that were lost.',
    labels: ['upstream'],
  },
  banyan_upstream_retry_seconds: {
    type: 'gauge',
    help: 'How long the node waits before it tries again by itself; 0 while it need not.',
    labels: ['upstream'],
  },
  banyan_upstream_calls_in_flight: {
    type: 'gauge',
    help: 'Calls under way.',
    labels: ['upstream'],
  },
  banyan_upstream_concurrency: {
    type: 'gauge',
    help: 'Calls that may be under way at once.',
    labels: ['upstream'],
  },
  banyan_upstream_calls_total: {
    type: 'counter',
    help: 'Calls that went there, by what came back.',
    labels: ['upstream', 'outcome'],
  },
  banyan_upstream_duration_seconds: {
    type: 'histogram',
    help: 'From sending a call to its answer.',
    labels: ['upstream'],
  },
  banyan_upstream_resends_total: {
    type: 'counter',
    help: 'Calls that were sent once more because the connection had gone.',
    labels: ['upstream'],
  },
  banyan_upstream_failovers_total: {
    type: 'counter',
    help: 'Calls that went on over another upstream.',
    labels: ['upstream'],
  },
  banyan_upstream_items: { type: 'gauge', help: 'What it lists.', labels: ['upstream', 'kind'] },
  banyan_upstream_proofs_total: {
    type: 'counter',
    help: 'Results and descriptions checked.',
    labels: ['upstream', 'verdict'],
  },
  banyan_endpoint_items: {
    type: 'gauge',
    help: 'What an endpoint has, before anything is hidden.',
    labels: ['endpoint', 'kind'],
  },
  banyan_endpoint_problems: {
    type: 'gauge',
    help: 'Items an endpoint leaves out, each for a reason.',
    labels: ['endpoint'],
  },
} as const

/** Tokens. */
const TOKENS = {
  banyan_token_decisions_total: {
    type: 'counter',
    help: 'Decisions about tokens: those asked for here, and those this node asked others for.',
    labels: ['kind', 'decision', 'reason'],
  },
  banyan_token_duration_seconds: {
    type: 'histogram',
    help: 'From the question for a token to the decision.',
    labels: ['kind'],
  },
  banyan_token_wait_seconds: {
    type: 'histogram',
    help: 'How long calls waited for a token that had to be fetched.',
    labels: [],
  },
} as const

/** The mesh. */
const MESH = {
  banyan_bus_state: {
    type: 'gauge',
    help: 'Where the bus stands; no series without one.',
    labels: ['state'],
  },
  banyan_gossip_nodes_known: {
    type: 'gauge',
    help: 'Nodes remembered, those that expired included.',
    labels: [],
  },
  banyan_gossip_nodes_live: {
    type: 'gauge',
    help: 'Distinct nodes with a record that counts.',
    labels: [],
  },
  banyan_gossip_nodes_quarantined: {
    type: 'gauge',
    help: 'Nodes that say two things at once, so that neither counts.',
    labels: [],
  },
  banyan_gossip_events_total: {
    type: 'counter',
    help: 'What was heard of the mesh.',
    labels: ['event'],
  },
  banyan_gossip_syncs_total: {
    type: 'counter',
    help: 'Comparisons of records that were asked for on the bus.',
    labels: [],
  },
  banyan_gossip_last_sync_timestamp_seconds: {
    type: 'gauge',
    help: 'The last comparison that was answered; Unix time.',
    labels: [],
  },
  banyan_gossip_own_record_timestamp_seconds: {
    type: 'gauge',
    help: 'When this node last spoke of itself; Unix time.',
    labels: [],
  },
  banyan_mesh_link_state: {
    type: 'gauge',
    help: 'Where the link to an upstream node stands by its probes.',
    labels: ['upstream', 'state'],
  },
  banyan_mesh_link_ups_total: {
    type: 'counter',
    help: 'Times the probes found the link up again.',
    labels: ['upstream'],
  },
  banyan_mesh_downstream_nodes: {
    type: 'gauge',
    help: 'Nodes that use this one over links.',
    labels: [],
  },
  banyan_routes: {
    type: 'gauge',
    help: 'Origins and namespaces with a way there (`selected`) and without (`stale`).',
    labels: ['state'],
  },
  banyan_route_changes_total: {
    type: 'counter',
    help: 'Changes of the table of routes.',
    labels: [],
  },
  banyan_links_open: {
    type: 'gauge',
    help: 'WebSocket links between nodes.',
    labels: ['end', 'name'],
  },
  banyan_link_frames_total: {
    type: 'counter',
    help: 'Frames on links.',
    labels: ['end', 'name', 'direction'],
  },
  banyan_link_bytes_total: {
    type: 'counter',
    help: 'Bytes of frames on links.',
    labels: ['end', 'name', 'direction'],
  },
  banyan_link_queue_bytes: {
    type: 'gauge',
    help: 'Bytes that wait to be written to links.',
    labels: ['end', 'name'],
  },
} as const

/** The node itself and its process. */
const NODE = {
  banyan_build_info: {
    type: 'gauge',
    help: 'Always 1; what runs.',
    labels: ['version', 'runtime', 'organisation'],
  },
  banyan_node_phase: {
    type: 'gauge',
    help: 'Whether the node asks for callers.',
    labels: ['phase'],
  },
  banyan_spans_total: { type: 'counter', help: 'Spans of traces.', labels: ['fate'] },
  banyan_spans_queued: { type: 'gauge', help: 'Spans that wait for the collector.', labels: [] },
  process_cpu_seconds_total: {
    type: 'counter',
    help: 'Processor time, user and system.',
    labels: [],
  },
  process_resident_memory_bytes: { type: 'gauge', help: 'Memory of the process.', labels: [] },
  process_start_time_seconds: {
    type: 'gauge',
    help: 'When the process started; Unix time.',
    labels: [],
  },
  process_open_fds: {
    type: 'gauge',
    help: 'Open files and sockets; no series where the system does not say.',
    labels: [],
  },
  nodejs_heap_size_used_bytes: { type: 'gauge', help: 'Heap in use.', labels: [] },
  nodejs_heap_size_total_bytes: { type: 'gauge', help: 'Heap.', labels: [] },
  nodejs_external_memory_bytes: {
    type: 'gauge',
    help: 'Memory of buffers and the like.',
    labels: [],
  },
  nodejs_active_resources: {
    type: 'gauge',
    help: 'What keeps the event loop alive: sockets, timers, children.',
    labels: [],
  },
  nodejs_eventloop_lag_seconds: {
    type: 'histogram',
    help: 'How late a timer of half a second came.',
    labels: [],
  },
  nodejs_eventloop_active_seconds_total: {
    type: 'counter',
    help: 'Time the event loop was busy.',
    labels: [],
  },
} as const

type Table = Readonly<Record<string, MetricSpec>>

/** Parts of the table as they are documented. */
export const METRIC_GROUPS: Readonly<Record<string, Table>> = {
  Requests: REQUESTS,
  'What callers hold, and limits': HELD,
  Upstreams: UPSTREAMS,
  Tokens: TOKENS,
  'The mesh': MESH,
  'The node and its process': NODE,
}

export type MetricName =
  | keyof typeof REQUESTS
  | keyof typeof HELD
  | keyof typeof UPSTREAMS
  | keyof typeof TOKENS
  | keyof typeof MESH
  | keyof typeof NODE

/** The one table of metrics: what is scraped, docs/metrics.md and the dashboard are held to it. */
export const METRICS: Readonly<Record<MetricName, MetricSpec>> = {
  ...REQUESTS,
  ...HELD,
  ...UPSTREAMS,
  ...TOKENS,
  ...MESH,
  ...NODE,
}
