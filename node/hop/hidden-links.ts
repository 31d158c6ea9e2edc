// Which of the resources that servers speak of in results are hidden from whoever gets the result.
import { READING_HINTS } from '../../protocol/policy/policy.ts'
import type { Body } from '../../protocol/link/body.ts'
import type { Edit } from '../../protocol/json-edit.ts'
import {
  paramUriEdits,
  resultUriEdits,
  type UriMap,
  type UriVeil,
} from '../../protocol/result-uris.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import { authorityOf, readExposed } from '../../protocol/uris.ts'
import type { Entry, Watcher } from '../core/stages.ts'
import type { Catalogue } from './catalogue.ts'

/** What a result is of, and for whom. */
export interface LinkContext {
  readonly asker: Watcher
  /** What was called, got or read. */
  readonly entry: Entry
  /** How URIs of the upstream read at the endpoint; undefined: as they are. */
  readonly map: UriMap | undefined
}

/** What is to be done with the URIs in what an upstream sends. */
export interface Links {
  readonly map: UriMap | undefined
  /** Undefined where no rules hide anything. */
  readonly hides: UriVeil | undefined
}

type Shown = Pick<Catalogue, 'sightOf' | 'findResource'>

export function linksFrom(catalogue: Shown, context: LinkContext): Links {
  return { map: context.map, hides: hiddenLinks(catalogue, context) }
}

const asIs: UriMap = (uri) => uri

/** The edits of a result: URIs as the endpoint shows them, and nothing of what is hidden. */
export function resultLinkEdits(
  { map, hides }: Links,
  method: string,
  message: UpstreamMessage,
): readonly Edit[] {
  if (map === undefined && hides === undefined) return []
  return resultUriEdits(method, message, map ?? asIs, hides)
}

/** Whether a result may hold links that {@link resultLinkEdits} would screen: those have their URI under this key. */
export function mayLink(text: Body): boolean {
  return text.includes(URI_KEY)
}

const URI_KEY = Buffer.from('"uri"')

/** The same for the params of a request or notification of a server. */
export function paramLinkEdits(
  { map, hides }: Links,
  method: string,
  params: Buffer,
): readonly Edit[] {
  if (map === undefined && hides === undefined) return []
  return paramUriEdits(method, params, map ?? asIs, hides)
}

/**
 * Says of URIs of an upstream whether what has them is hidden, by the decision that reading it would ask. That goes by the
 * URI alone, whether there is such a resource or not: a link to what is hidden looks as one to what never was. Undefined
 * where no rules hide anything.
 */
function hiddenLinks(catalogue: Shown, { asker, entry, map }: LinkContext): UriVeil | undefined {
  const sight = catalogue.sightOf(asker)
  if (sight?.hasRules !== true) return undefined
  return (uri) => {
    const shown = map === undefined ? uri : map(uri)
    // It was found and seen under the name that was asked for, whatever the server calls it.
    if (isResource(entry) && shown === entry.name) return false
    const named = linked(entry, shown) ?? catalogue.findResource(asker, shown)
    return named === undefined || !sight.shows(named)
  }
}

function isResource({ kind }: Entry): boolean {
  return kind !== 'tool' && kind !== 'prompt'
}

/** What a URI names, if that lives where the result is from; undefined for one that says it lives elsewhere. */
function linked(entry: Entry, shown: string): Entry | undefined {
  const exposed = readExposed(shown)
  const isHere =
    exposed === undefined ||
    (exposed.authority === authorityOf(entry.id) && exposed.source === entry.source)
  if (!isHere) return undefined
  const id = { ...entry.id, name: exposed?.uri ?? shown }
  return { ...entry, kind: 'resource', name: shown, id, paramHeaders: [], hints: READING_HINTS }
}
