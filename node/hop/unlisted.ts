import { READING_HINTS } from '../../protocol/policy/policy.ts'
import { matchesTemplate } from '../../protocol/uri-templates.ts'
import { readExposed, type ExposedUri, type UriHome } from '../../protocol/uris.ts'
import type { Candidate, Entry } from '../core/stages.ts'
import { homeKey, joinHomes, type Home, type HomeWay } from './homes.ts'
import { uriForUpstream } from './uri-map.ts'
import type { View, ViewItem } from './view.ts'

/** What is known of an endpoint when a URI is looked for that stands on no list. */
export interface Surroundings {
  readonly names: 'prefixed' | 'plain'
  /** Servers that feed it, whether they list anything or not. */
  readonly own: ReadonlyMap<string, Home>
  /** The views of all kinds. */
  readonly views: readonly View[]
  readonly templates: View
  /** Whether an upstream may have resources. */
  readonly hasResources: (upstream: string) => boolean
}

/** Templates a URI is held against at most; bounds the work for one that is made to nearly match them all. */
const MAX_TRIED = 256

/**
 * Finds where a resource lives that no list has: a tool may return a link to it, a template may lead to it. An exposed URI
 * says so itself. At a plain endpoint nothing does, so it goes where a template leads, or to the only server there is.
 */
export function findUnlisted(around: Surroundings, uri: string): Entry | undefined {
  const exposed = readExposed(uri)
  const entry = exposed === undefined ? undefined : ofHome(around, uri, exposed)
  if (entry !== undefined || around.names === 'prefixed') return entry
  return ofTemplate(around, uri) ?? ofOnlyServer(around, uri)
}

/** The server an exposed URI names, by table: nobody is believed who says that he knows the way. */
function ofHome(around: Surroundings, name: string, exposed: ExposedUri): Entry | undefined {
  const key = homeKey(exposed.authority, exposed.source)
  const found = joinHomes(homesAt(around, key))
  if (found === undefined) return undefined
  const { home, ways } = found
  const open = ways.filter(({ upstream }) => around.hasResources(upstream))
  return entryOf({ name, home, uri: exposed.uri }, open, ({ peer }) => {
    // Also at a plain endpoint: other nodes may ask it in the form that they have for its URIs.
    return uriForUpstream({ names: 'prefixed', peer }, home, name)
  })
}

function homesAt({ own, views }: Surroundings, key: string): readonly Home[] {
  return [own, ...views.map(({ homes }) => homes)].flatMap((homes) => homes.get(key) ?? [])
}

interface Unlisted {
  /** As the caller has it. */
  readonly name: string
  readonly home: UriHome
  /** At its home. */
  readonly uri: string
}

function entryOf(
  { name, home, uri }: Unlisted,
  ways: readonly HomeWay[],
  there: (way: HomeWay) => string,
): Entry | undefined {
  const [best, ...others] = ways
  if (best === undefined) return undefined
  const candidate = (way: HomeWay): Candidate => {
    return { upstream: way.upstream, name: there(way), imported: way.peer !== undefined }
  }
  const { source, ...place } = home
  return {
    kind: 'resource',
    name,
    id: { ...place, name: uri },
    source,
    namespace: best.namespace,
    paramHeaders: [],
    hints: READING_HINTS,
    candidates: [candidate(best), ...others.map(candidate)],
  }
}

/** What comes from a template is read where the template is from. */
function ofTemplate({ templates }: Surroundings, uri: string): Entry | undefined {
  let tried = 0
  for (const item of templates.items) {
    if (!mayMatch(item, uri)) continue
    if (matchesTemplate(item.entry.name, uri)) return expanded(item, uri)
    tried += 1
    if (tried >= MAX_TRIED) return undefined
  }
  return undefined
}

/** Templates that begin otherwise cost nothing. */
function mayMatch({ entry }: ViewItem, uri: string): boolean {
  const { name } = entry
  const brace = name.indexOf('{')
  return uri.startsWith(brace === -1 ? name : name.slice(0, brace))
}

function expanded({ entry }: ViewItem, uri: string): Entry {
  const [best, ...others] = entry.candidates
  // What another way calls the template otherwise, it calls the resource otherwise too.
  const same = others.filter(({ name }) => name === best.name)
  return {
    ...entry,
    kind: 'resource',
    name: uri,
    id: { ...entry.id, name: uri },
    candidates: [{ ...best, name: uri }, ...same.map((one) => ({ ...one, name: uri }))],
  }
}

/** Only where there is no choice: a guess would ask one server for what another has. */
function ofOnlyServer(around: Surroundings, uri: string): Entry | undefined {
  const homes = new Map<string, Home[]>([...around.own].map(([key, home]) => [key, [home]]))
  for (const [key, home] of around.views.flatMap(({ homes: found }) => [...found])) {
    const known = homes.get(key)
    if (known === undefined) homes.set(key, [home])
    else known.push(home)
  }
  const open = [...homes.values()].flatMap((known) => {
    const joined = joinHomes(known)
    const ways = joined?.ways.filter((way) => knowsAsItIs(way) && around.hasResources(way.upstream))
    return joined === undefined || ways === undefined || ways.length === 0
      ? []
      : [{ ...joined, ways }]
  })
  const [only, ...others] = open
  if (only === undefined || others.length > 0) return undefined
  return entryOf({ name: uri, home: only.home, uri }, only.ways, () => uri)
}

/** A node that exposes URIs knows none in another form. */
function knowsAsItIs({ peer }: HomeWay): boolean {
  return peer === undefined || peer.uris === 'plain'
}
