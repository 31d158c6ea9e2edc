import type { Era } from '../../../protocol/revisions.ts'
import type { Arrival } from '../call-run.ts'

/** Methods by which requests are counted; every other is `other`, since a caller may name anything. */
export const COUNTED_METHODS: readonly string[] = [
  'other',
  'completion/complete',
  'io.github.banyan-mcp/explain',
  'io.github.banyan-mcp/probe',
  'logging/setLevel',
  'ping',
  'prompts/get',
  'prompts/list',
  'resources/directory/read',
  'resources/list',
  'resources/read',
  'resources/subscribe',
  'resources/templates/list',
  'resources/unsubscribe',
  'server/discover',
  'skills/get',
  'skills/list',
  'subscriptions/listen',
  'tasks/cancel',
  'tasks/get',
  'tasks/result',
  'tasks/update',
  'tools/call',
  'tools/list',
]

export const LISTEN_METHOD = 'subscriptions/listen'

const INDEX: ReadonlyMap<string, number> = new Map(
  COUNTED_METHODS.map((method, index) => [method, index]),
)

const ARRIVALS: readonly Arrival[] = ['http', 'websocket', 'stdio']

/** One number for method, era and transport, so that counting makes no text. */
export function classOf(method: string, era: Era, arrival: Arrival): number {
  const index = INDEX.get(method) ?? 0
  return (index * 2 + (era === '2026' ? 1 : 0)) * ARRIVALS.length + ARRIVALS.indexOf(arrival)
}

/** What a number of {@link classOf} stands for. */
export function classText(of: number): readonly [method: string, era: Era, arrival: Arrival] {
  const arrival = ARRIVALS[of % ARRIVALS.length] ?? 'http'
  const rest = Math.floor(of / ARRIVALS.length)
  return [
    COUNTED_METHODS[Math.floor(rest / 2)] ?? 'other',
    rest % 2 === 1 ? '2026' : '2025',
    arrival,
  ]
}
