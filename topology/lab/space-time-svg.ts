import { element, escapeText, label, picture } from './svg.ts'

/** An event of a run, as it stands in events.ndjson. */
export interface LabEvent {
  /** ms. */
  readonly t: number
  readonly type: string
  readonly node?: string
  readonly [key: string]: unknown
}

/** What is drawn at most, so that a picture stays one. */
const MOST_LANES = 120
const MOST_MARKS = 8_000

const LANE = 18
const LEFT = 110
const WIDTH = 1_000
const TOP = 76
const TICKS = 10

/** What is drawn of a node, by the kind of event. */
const COLOURS: Readonly<Record<string, string>> = {
  route: '#2f6db3',
  'route lost': '#d08700',
  'link up': '#2e8b57',
  'link down': '#c0392b',
  start: '#2e8b57',
  crash: '#000',
  'call-failed': '#c0392b',
  failover: '#8e44ad',
  twin: '#c0392b',
  refused: '#c0392b',
  expired: '#777',
  outdone: '#777',
}

/**
 * A run as a picture: a line for each node, time from left to right, a mark for each event and a column for each fault.
 *
 * @param duration of the run, ms
 */
export function spaceTimeSvg(
  nodes: readonly string[],
  duration: number,
  events: readonly LabEvent[],
): string {
  const lanes = new Map(nodes.slice(0, MOST_LANES).map((id, at) => [id, TOP + LANE * (at + 1)]))
  const bottom = TOP + LANE * (lanes.size + 1)
  const x = (t: number): number => LEFT + (WIDTH * Math.min(t, duration)) / Math.max(1, duration)
  const own = events.filter(({ node = '' }) => lanes.has(node))
  const marks = own.slice(0, MOST_MARKS).flatMap((event) => markOf(event, x, lanes))
  const faults = events.filter(({ type }) => type === 'fault').slice(0, MOST_MARKS)
  const parts = [
    ...ticksOf(duration, x, bottom),
    ...[...lanes].map(([id, y]) => laneOf(id, y)),
    ...faults.map((event) => faultOf(event, x(event.t), bottom)),
    ...marks,
    ...legend(bottom + 34),
    ...leftOut(nodes.length - lanes.size, own.length - MOST_MARKS, bottom + 52),
  ]
  const size = { width: LEFT + WIDTH + 30, height: bottom + 62 }
  return picture({ ...size, title: 'What happened when, at which node' }, parts)
}

function kindOf({ path, type, up }: LabEvent): string {
  if (type === 'route' && path === null) return 'route lost'
  return type === 'link' ? `link ${up === true ? 'up' : 'down'}` : type
}

function markOf(
  event: LabEvent,
  x: (t: number) => number,
  lanes: ReadonlyMap<string, number>,
): string[] {
  const kind = kindOf(event)
  const [colour, y] = [COLOURS[kind], lanes.get(event.node ?? '')]
  if (colour === undefined || y === undefined) return []
  const about = element('title', {}, escapeText(`${(event.t / 1_000).toFixed(3)} s: ${kind}`))
  const size = { x: x(event.t) - 1, y: y - 6, width: 2.5, height: 12 }
  return [element('rect', { ...size, fill: colour }, about)]
}

function ticksOf(duration: number, x: (t: number) => number, bottom: number): string[] {
  return Array.from({ length: TICKS + 1 }, (_, at) => {
    const t = (duration * at) / TICKS
    const line = { x1: x(t), x2: x(t), y1: TOP, y2: bottom, stroke: '#e3e6ec' }
    const text = `${(t / 1_000).toFixed(1)} s`
    return `${element('line', line)}${label(x(t), bottom + 14, text, { 'text-anchor': 'middle' })}`
  })
}

function laneOf(id: string, y: number): string {
  const line = { x1: LEFT, x2: LEFT + WIDTH, y1: y, y2: y, stroke: '#c9cfd9' }
  return `${element('line', line)}${label(LEFT - 8, y + 4, id, { 'text-anchor': 'end' })}`
}

function faultOf({ fault, what }: LabEvent, at: number, bottom: number): string {
  const text = `${String(fault)} ${String(what)}`
  const dashes = { stroke: '#c0392b', 'stroke-dasharray': '2 3' }
  const line = element('line', { x1: at, x2: at, y1: TOP - 6, y2: bottom, ...dashes })
  const name = label(at + 2, TOP - 8, text.slice(0, 40), {
    fill: '#c0392b',
    transform: `rotate(-20 ${Math.round(at)} ${TOP - 8})`,
    'font-size': 9,
  })
  return `${line}${name}`
}

function legend(y: number): string[] {
  return Object.entries(COLOURS).map(([kind, fill], at) => {
    const x = LEFT + at * 85
    return `${element('rect', { x, y: y - 9, width: 3, height: 11, fill })}${label(x + 7, y, kind)}`
  })
}

function leftOut(lanes: number, marks: number, y: number): string[] {
  const words = [
    ...(lanes > 0 ? [`${lanes} more nodes`] : []),
    ...(marks > 0 ? [`${marks} later events`] : []),
  ]
  return words.length === 0 ? [] : [label(LEFT, y, `not drawn: ${words.join(', ')}`)]
}
