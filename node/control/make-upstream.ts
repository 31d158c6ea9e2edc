import type { NodeConfig, UpstreamConfig } from '../core/config-types.ts'
import type { Delegator } from '../core/delegation.ts'
import type { Provenance } from '../core/provenance.ts'
import type { Catalogue } from '../hop/catalogue.ts'
import { DelegatedLists, type ListChange } from '../hop/delegated-lists.ts'
import type { Upstream } from '../hop/exchange.ts'
import { Mirrors } from '../hop/mirrors.ts'
import { signInTool, type SignInTool } from '../hop/sign-in-tool.ts'
import type { Subscriptions } from '../hop/subscriptions.ts'
import { Link } from '../outbound/link.ts'
import type { LinkEvents } from '../outbound/link-events.ts'
import { makeConnector, type ConnectorParts } from './links.ts'
import { searchText } from './mesh/places.ts'
import { UnplacedConnector } from './mesh/unplaced.ts'
import { makeProving, namespacesFedBy, type UpstreamProving } from './proving.ts'

/** One upstream: its link, what it lists, and what is proved of it. */
export interface MadeUpstream {
  /** Why the node cannot be reached yet: nobody said where it is. Undefined where that is known. */
  readonly waits?: (() => string) | undefined
  readonly upstream: Upstream
  readonly mirrors: Mirrors
  readonly proving: UpstreamProving
}

/** What upstreams are made with besides their configuration. */
export interface UpstreamParts extends ConnectorParts {
  /** What tells an upstream who calls; undefined where it is not told. */
  readonly delegator: (label: string, upstream: UpstreamConfig) => Delegator | undefined
  /** What signs for an upstream, or checks what comes from it; undefined where nothing does. */
  readonly provenance: (label: string, upstream: UpstreamConfig) => Provenance | undefined
  /** Is told what becomes of links and lists; default nobody is. */
  readonly watch?: LinkWatch | undefined
}

/** Whoever follows the links of a node. Calls return at once. */
export interface LinkWatch {
  turned(label: string, up: boolean): void
  /** What an upstream lists changed, for everybody or for somebody. */
  listed(): void
}

/** Where an upstream is made: what it tells of itself goes there. */
export interface UpstreamGround {
  readonly parts: UpstreamParts
  readonly config: NodeConfig
  readonly catalogue: Catalogue
  readonly subscriptions: Subscriptions
  /** As in {@link MadeUpstream}. */
  readonly waits: (() => string) | undefined
}

/** Makes an upstream; nothing is started yet. */
export function makeUpstream(
  label: string,
  config: UpstreamConfig,
  ground: UpstreamGround,
): MadeUpstream {
  const { parts, catalogue, subscriptions, waits } = ground
  const { limits } = ground.config
  const { self, log, watch } = parts
  const delegator = parts.delegator(label, config)
  const proving = provingOf(label, config, ground)
  const connector =
    waits === undefined
      ? makeConnector(label, config, { limits, delegator }, parts)
      : new UnplacedConnector(targetOf(config), waits)
  const events = eventsOf(label, ground, () => ({ link, mirrors }))
  const { sessionIdle: sessionIdleMs, sessionsPerUpstream: sessions } = limits
  const link = new Link(label, { connector, events, sessionIdleMs, sessions, log })
  const { node } = self.federation
  const reading = { ...limits, listTtl: config.listTtl, screen: proving.screen, log }
  const changed = (change: ListChange): void => {
    catalogue.delegatedChanged(mirrors, change)
    subscriptions.review()
    watch?.listed()
  }
  const callers = limits.delegatedTokens
  const delegated =
    delegator?.perCaller === true
      ? new DelegatedLists(link, { ...reading, self: node, delegator, callers, changed })
      : undefined
  const mirrors: Mirrors = new Mirrors(link, {
    ...reading,
    delegated,
    trail: { budget: limits.hopBudget - 1, path: [node] },
    ...(delegator?.signsIn === true && { own: signInTool(label) }),
    changed: (mirror) => {
      catalogue.mirrorChanged(mirror)
      subscriptions.review()
      watch?.listed()
    },
  })
  const { kind, isolate, timeout, maxTimeout, concurrency } = config
  const signIn = delegator?.signsIn === true ? signInOf(link, mirrors) : undefined
  const { results } = proving
  const shared = { link, kind, isolate, timeout, maxTimeout, concurrency }
  return { waits, upstream: { ...shared, delegator, signIn, results }, mirrors, proving }
}

function signInOf(link: Link, mirrors: Mirrors): SignInTool {
  return {
    isShown: () => mirrors.of('tool').showsOwn,
    refresh: () => link.start().then(() => mirrors.evict()),
  }
}

/** @param made what the label stands for: it is made with these */
function eventsOf(
  label: string,
  { subscriptions, parts: { watch } }: UpstreamGround,
  made: () => { link: Link; mirrors: Mirrors },
): LinkEvents {
  return {
    up: () => {
      made().mirrors.up()
      subscriptions.review()
      watch?.turned(label, true)
    },
    down: () => {
      made().mirrors.down()
      subscriptions.review()
      watch?.turned(label, false)
    },
    listChanged: (of) => made().mirrors.changed(of),
    updated: (uri, whose) => subscriptions.updated(made().link, uri, whose),
    openedApart: (connection, whose) => subscriptions.openedApart(made().link, connection, whose),
  }
}

function provingOf(
  label: string,
  upstream: UpstreamConfig,
  { parts, config: { namespaces, node } }: UpstreamGround,
): UpstreamProving {
  const { self, log } = parts
  return makeProving(label, upstream.provenance, {
    provenance: parts.provenance(label, upstream),
    pins: node.pins,
    self: self.federation,
    namespaces: namespacesFedBy(label, namespaces),
    log,
  })
}

function targetOf(config: UpstreamConfig): string {
  const find = config.kind === 'node' ? config.node.find : undefined
  return find === undefined ? '' : searchText(find)
}
