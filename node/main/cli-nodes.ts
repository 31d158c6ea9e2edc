import { styleText } from 'node:util'
import type { Counts, EndpointStatus, UpstreamStatus } from '../control/registry.ts'
import type { BanyanNode, NodeStatus } from './index.ts'

type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan'

/** Text in a style, or as it is when the reader may get no colour. */
export type Paint = (style: Style, text: string) => string

/** Paints only where colour is allowed. */
export function painter(colour: boolean): Paint {
  return (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text)
}

/** Text of others for a terminal: what could move the cursor or change the screen is shown as U+FFFD. */
export function harmless(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd')
}

/** `1 tool`, `2 tools`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** What there is, kinds of which there is nothing left out. */
function inventory({ tools, prompts, resources, templates }: Counts): string {
  const found = [
    [prompts, 'prompt'],
    [resources, 'resource'],
    [templates, 'template'],
  ] as const
  const others = found.filter(([number]) => number > 0)
  const shown = tools > 0 || others.length === 0 ? [[tools, 'tool'] as const, ...others] : others
  return shown.map(([number, noun]) => count(number, noun)).join(', ')
}

const PHASE_STYLE: Readonly<Record<string, Style>> = { up: 'green', down: 'red' }

/** One endpoint for people. */
export function doorLine(
  endpoint: Counts & Pick<EndpointStatus, 'problems'>,
  url: string,
  paint: Paint,
): string {
  const { problems } = endpoint
  const left = problems.length === 0 ? '' : `, ${problems.length} left out`
  return `  ${paint('cyan', url)}  ${inventory(endpoint)}${left}\n`
}

/** What of an upstream people are told. */
type ShownUpstream = Counts &
  Pick<UpstreamStatus, 'label' | 'kind' | 'phase' | 'target'> &
  Partial<Pick<UpstreamStatus, 'era' | 'transport' | 'problem'>>

/** Upstreams for people, in columns. */
export function upstreamLines(
  upstreams: readonly ShownUpstream[],
  paint: Paint,
): readonly string[] {
  const width = Math.max(0, ...upstreams.map(({ label }) => label.length))
  return upstreams.map((upstream) => upstreamLine(upstream, width, paint))
}

function upstreamLine(upstream: ShownUpstream, width: number, paint: Paint): string {
  const { label, kind, phase, target, era, transport, problem } = upstream
  const state = paint(PHASE_STYLE[phase] ?? 'yellow', phase)
  const way = transport === 'websocket' ? ' over websocket' : ''
  const facts = era === undefined ? '' : `, era ${era}${way}, ${inventory(upstream)}`
  const line = `    ${label.padEnd(width)}  ${state}${facts}  ${paint('dim', `${kind} ${target}`)}\n`
  return problem === undefined
    ? line
    : `${line}    ${' '.repeat(width)}  ${paint('red', harmless(problem))}\n`
}

/** One node for people: where its endpoints are, and how its upstreams stand. */
export function nodeText(node: BanyanNode, paint: Paint): string {
  const { name, organisation, url, admin, endpoints, upstreams } = node.status()
  const title = `${paint('bold', name)} of ${organisation}  ${paint('dim', url)}\n`
  const doors = endpoints.map((endpoint) =>
    doorLine(endpoint, node.endpointUrl(endpoint.name), paint),
  )
  const lines = upstreamLines(upstreams, paint)
  const operators = admin === undefined ? [] : [`  ${paint('cyan', admin)}  for operators\n`]
  return [title, ...doors, ...operators, ...lines].join('')
}

/** What programs are told of a node. */
export interface NodeReport extends Omit<NodeStatus, 'endpoints'> {
  /** URLs by endpoint. */
  readonly endpoints: Readonly<Record<string, string>>
  /** How many there are by endpoint. */
  readonly tools: Readonly<Record<string, number>>
  readonly prompts: Readonly<Record<string, number>>
  readonly resources: Readonly<Record<string, number>>
  readonly templates: Readonly<Record<string, number>>
}

/** One node for programs. */
export function nodeReport(node: BanyanNode): NodeReport {
  const { endpoints, ...status } = node.status()
  const by = <T>(value: (endpoint: EndpointStatus) => T): Record<string, T> =>
    Object.fromEntries(endpoints.map((endpoint) => [endpoint.name, value(endpoint)]))
  return {
    ...status,
    endpoints: by(({ name }) => node.endpointUrl(name)),
    tools: by(({ tools }) => tools),
    prompts: by(({ prompts }) => prompts),
    resources: by(({ resources }) => resources),
    templates: by(({ templates }) => templates),
  }
}
