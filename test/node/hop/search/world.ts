// Endpoints as searching sees them: tools in a view, and callers who see some of them.
import { LOCAL_CALLER } from '../../../../node/core/principal.ts'
import type { Authenticated, Caller } from '../../../../node/core/stages.ts'
import type { Seen } from '../../../../node/hop/catalogue.ts'
import { describeTools } from '../../../../node/hop/search/describe-tools.ts'
import { searchTools, type SearchParts } from '../../../../node/hop/search/search-tools.ts'
import { Selections } from '../../../../node/hop/search/selections.ts'
import { ToolIndexes } from '../../../../node/hop/search/tool-indexes.ts'
import { subjectOf, type Sight } from '../../../../node/hop/sight.ts'
import { buildView, type View } from '../../../../node/hop/view.ts'
import type { JsonObject } from '../../../../protocol/jsonrpc.ts'
import type { Listed } from '../../../../protocol/listing.ts'
import { labelOf } from '../../../../protocol/policy/policy.ts'
import { visible } from '../calls.ts'
import { listed, own, rule } from '../tools.ts'

/** A tool of a namespace: `docs/read_file`, with more of its definition. */
export function toolAt(place: string, more: JsonObject = {}): readonly [string, Listed] {
  const [namespace = '', name = ''] = place.split('/')
  return [namespace, listed(name, more)]
}

export function viewOf(tools: readonly (readonly [string, Listed])[]): View {
  const sources = [...Map.groupBy(tools, ([namespace]) => namespace)].map(([namespace, items]) =>
    own(
      `u-${namespace}`,
      namespace,
      items.map(([, one]) => one),
    ),
  )
  return buildView('tool', rule(), sources)
}

/** The sight of one who sees tools by name. */
export function sightOf(key: string, sees: (name: string) => boolean): Sight {
  return {
    key,
    isOpen: true,
    shows: (entry) => sees(labelOf(subjectOf(entry))),
    sees: (entry) => sees(labelOf(subjectOf(entry))),
    hasRules: true,
    mayShow: () => true,
    needs: () => [],
  }
}

export interface Found {
  readonly tools: readonly {
    readonly name: string
    readonly title?: string
    readonly description?: string
    readonly parameters: readonly string[]
  }[]
  readonly total: number
  readonly nextOffset?: number
}

/** One endpoint whose view and sight can be exchanged. */
export class World {
  seen: Seen
  readonly parts: SearchParts
  readonly indexes: ToolIndexes

  constructor(
    view: View,
    options: { readonly maxBytes?: number; readonly now?: () => number } = {},
  ) {
    this.seen = { view, sight: undefined }
    const { maxBytes = 2 ** 30, now } = options
    this.indexes = new ToolIndexes(() => maxBytes, now)
    this.parts = {
      catalogue: { seen: () => this.seen, refresh: () => undefined },
      selections: new Selections(),
      indexes: this.indexes,
    }
  }

  async search(args: JsonObject, caller: Partial<Caller> = {}): Promise<Found> {
    return JSON.parse(await searchTools(this.parts, callOf('search_tools', args, caller))) as Found
  }

  /** Names of what is found, the best first. */
  async names(query: string): Promise<readonly string[]> {
    const { tools } = await this.search({ query, limit: 50 })
    return tools.map(({ name }) => name)
  }

  async describe(args: JsonObject, caller: Partial<Caller> = {}): Promise<JsonObject> {
    const text = await describeTools(this.parts, callOf('describe_tools', args, caller))
    return JSON.parse(text) as JsonObject
  }
}

function callOf(name: string, args: JsonObject, caller: Partial<Caller>): Authenticated {
  const { received } = visible({ params: { name, arguments: args }, caller })
  return { received, principal: LOCAL_CALLER }
}
