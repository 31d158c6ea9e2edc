// As whom the console looks: the operator, who sees all, or a client.
import { get } from './api.js'

/** @typedef {import('./store.js').Store} Store */
/** @typedef {{ labels: readonly string[], namespaces: ReadonlySet<string>, items: readonly any[], refused?: string }} Sight */

export const OPERATOR = 'operator'
const KEY = 'key:'
/** Pages of a view that are asked for. */
const MAX_PAGES = 20

export class Looker {
  as = OPERATOR
  endpoint = ''
  #store
  /** @type {Set<() => void>} */
  #readers = new Set()

  /** @param {Store} store */
  constructor(store) {
    this.#store = store
    this.endpoint = store.state?.endpoints[0]?.name ?? ''
  }

  /** @param {{ as?: string, endpoint?: string }} choice */
  look(choice) {
    Object.assign(this, choice)
    for (const reader of this.#readers) reader()
  }

  /** @param {() => void} reader */
  read(reader) {
    this.#readers.add(reader)
  }

  /** @returns {readonly (readonly [string, string])[]} */
  options() {
    return [[OPERATOR, 'operator (all)'], ...this.clients()]
  }

  /** Those that the rules tell apart. @returns {readonly (readonly [string, string])[]} */
  clients() {
    const classes = this.#store.state?.policy.classes ?? {}
    /** @type {any[]} */
    const rules = Object.values(classes).flat()
    const keys = [...new Set(rules.flatMap((rule) => rule.keys ?? []))]
    return [
      ...Object.keys(classes).map((name) => /** @type {const} */ ([name, `class ${name}`])),
      /** @type {const} */ (['*', 'who is in no class']),
      ...keys.map((name) => /** @type {const} */ ([`${KEY}${name}`, `holder of key ${name}`])),
    ]
  }

  /** What they see at the endpoint; undefined for the operator. @returns {Promise<Sight | undefined>} */
  async sight() {
    const { as, endpoint } = this
    if (as === OPERATOR) return undefined
    const query = as.startsWith(KEY) ? { key: as.slice(KEY.length) } : { class: as }
    const items = []
    let cursor
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const view = await get(`/views/${endpoint}`, { ...query, limit: '1000', cursor })
      if (view.refused !== undefined) return { ...sightOf([]), refused: view.refused }
      items.push(...view.items)
      cursor = view.next
      if (cursor === undefined) break
    }
    return sightOf(items)
  }
}

/** @param {any[]} items @returns {Sight} */
function sightOf(items) {
  return {
    items,
    labels: [...new Set(items.flatMap(({ upstreams }) => upstreams))],
    namespaces: new Set(items.map(({ namespace }) => namespace)),
  }
}

/** Who is asked about, as the API has it. @param {string} as */
export function somebody(as) {
  return as.startsWith(KEY) ? { key: as.slice(KEY.length) } : { classes: [as] }
}
