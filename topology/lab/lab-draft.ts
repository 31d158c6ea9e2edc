import type { Shape, ShapeParameters } from '../sim/shapes.ts'
import type { Pause } from './units.ts'
import type { ServerKind } from './workload.ts'

/** Partial with values that may be undefined, as a parser leaves them. */
type Maybe<T> = { readonly [K in keyof T]?: T[K] | undefined }

export type Arrow = { readonly from: string; readonly to: string }
export type OneOrMore<T> = T | readonly T[]

/** How messages go over a link. Times in ms. */
export type LinkFields = Maybe<{
  latency: number
  jitter: number
  dist: 'exponential' | 'uniform'
  loss: number
  cost: number
}>

/** What does not pass a link, besides what organisations say. */
export interface LinkFilter {
  readonly deny: Maybe<{ tag: string; namespace: string }>
}

export type LinkDraft = Arrow & LinkFields & Maybe<{ filter: LinkFilter }>

export type NamespaceDraft =
  | string
  | ({ readonly name: string } & Maybe<{
      tags: readonly string[]
      tools: number
      service: string
      serves: ServerKind
    }>)

export type NodeFields = Maybe<{
  namespaces: number | readonly NamespaceDraft[]
  tools: number
  tags: readonly string[]
  serves: ServerKind
}>

export type NodeDraft = NodeFields &
  Maybe<{ organisation: string; role: 'border' | 'inner'; upstreams: readonly string[] }>

type Fit = Maybe<{ namespaces: readonly string[]; tags: readonly string[]; deny: boolean }>

export type ImportDraft = Fit &
  Maybe<{ from: string; preference: number; behind: readonly string[] }>
export type ExportDraft = Fit & Maybe<{ to: string; as: string; transit: boolean }>

export type OrganisationDraft = Maybe<{
  gossip: string
  export: readonly ExportDraft[]
  import: readonly ImportDraft[]
}>

export type GenerationDraft = { readonly shape: Shape } & NodeFields &
  Maybe<ShapeParameters & { prefix: string; organisation: string }>

export interface ClientDraft {
  readonly at: string
  readonly calls: {
    /** Calls a second. */
    readonly rate: number
    readonly mix?: 'uniform' | 'zipf' | undefined
  }
}

export const LIES = ['forge-record', 'equivocate', 'replay'] as const
export type Lie = (typeof LIES)[number]

/** One entry of the schedule as written: when, to whom, what. Times in ms. */
export type FaultDraft = Maybe<{
  at: number
  every: Pause
  from: number
  until: number
  for: number
  pick: 'random(node)' | 'random(link)'
  partition: readonly (readonly string[])[]
  heal: true
  crash: OneOrMore<string> | Maybe<{ node: OneOrMore<string>; restart: number; loseDisk: boolean }>
  start: OneOrMore<string>
  cut: OneOrMore<Arrow> | Maybe<{ link: OneOrMore<Arrow>; way: 'both' | 'forth' | 'back' }>
  mend: OneOrMore<Arrow>
  bus: string
  down: number
  drop: number
  apart: OneOrMore<string>
  skew: Readonly<Record<string, number>>
  byzantine: Readonly<Record<string, readonly Lie[]>>
  publish: OneOrMore<string>
  withdraw: OneOrMore<string>
  drain: OneOrMore<string>
}>

export const ALWAYS = [
  'no-loops',
  'no-dead-routes',
  'filter-composition',
  'versions-forward',
] as const
export const EVENTUALLY = ['converged', 'agreed', 'silent'] as const
export const SOMETIMES = [
  'failover-used',
  'rerouted',
  'route-lost',
  'link-down',
  'twin-found',
  'record-refused',
] as const
export const TRIGGERS = [
  'start',
  'partition',
  'heal',
  'crash',
  'restart',
  'cut',
  'mend',
  'bus-down',
  'bus-up',
  'apart',
  'back',
  'skew',
  'byzantine',
  'publish',
  'withdraw',
  'drain',
] as const
export type Always = (typeof ALWAYS)[number]
export type Eventually = (typeof EVENTUALLY)[number]
export type Sometimes = (typeof SOMETIMES)[number]
/** What an expectation can be after; each thing a schedule does has one of these names. */
export type Trigger = (typeof TRIGGERS)[number]

export type ExpectDraft = Maybe<{
  always: Always
  eventually: Eventually
  within: number
  after: Trigger
  sometimes: Sometimes
}>

/** A lab file as written, its quantities read. */
export type LabDraft = { readonly name: string } & Maybe<{
  seed: number
  duration: number
  defaults: Maybe<{ link: LinkFields; node: NodeFields }>
  organisations: Readonly<Record<string, OrganisationDraft>>
  nodes: Readonly<Record<string, NodeDraft>>
  generate: readonly GenerationDraft[]
  links: readonly LinkDraft[]
  clients: Readonly<Record<string, ClientDraft>>
  faults: readonly FaultDraft[]
  expect: readonly ExpectDraft[]
}>
