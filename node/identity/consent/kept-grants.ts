import type { Principal } from '../../core/principal.ts'
import type { Clock } from '../clock.ts'
import { Lru } from '../lru.ts'
import { KeptGrant } from './kept-grant.ts'
import type { SealedName, SealedStore } from './sealed-store.ts'
import { UserTokens } from './user-tokens.ts'

export interface KeptGrantsOptions {
  /** URL of the upstream. */
  readonly url: string
  readonly store: SealedStore
  readonly renew: (grant: KeptGrant) => Promise<KeptGrant>
  /** Callers whose tokens are in memory; those of the others are read anew. */
  readonly capacity: number
  readonly clock: Clock
}

/** What callers granted at one upstream: one sealed value for each caller, and who of them the node lists with. */
export class KeptGrants {
  readonly #options: KeptGrantsOptions
  readonly #tokens: Lru<string, UserTokens>
  /** Key of the caller the node lists with; undefined before that was looked up. */
  #lister: { readonly key: string | undefined } | undefined

  constructor(options: KeptGrantsOptions) {
    this.#options = options
    this.#tokens = new Lru(options.capacity)
  }

  /** The tokens of a caller; what is kept of them may still have to be read. */
  of({ key }: Pick<Principal, 'key'>): UserTokens {
    const known = this.#tokens.get(key)
    if (known !== undefined) return known
    const made = this.#make(key)
    this.#tokens.set(key, made)
    return made
  }

  /** Those the node lists with; undefined while nobody who may has signed in. */
  lister(): UserTokens | undefined | Promise<UserTokens | undefined> {
    if (this.#lister === undefined) return this.#findLister()
    const { key } = this.#lister
    if (key === undefined) return undefined
    const tokens = this.of({ key })
    return tokens.load()?.then(() => tokens) ?? tokens
  }

  async setLister({ key }: Principal): Promise<void> {
    if (this.#lister?.key === key) return
    await this.#options.store.set(this.#listerName, { key })
    this.#lister = { key }
  }

  clear(): void {
    this.#tokens.clear()
    this.#lister = undefined
  }

  async #findLister(): Promise<UserTokens | undefined> {
    const kept = await this.#options.store.get(this.#listerName)
    const key = typeof kept?.['key'] === 'string' ? kept['key'] : undefined
    this.#lister ??= { key }
    return this.lister()
  }

  get #listerName(): SealedName {
    return ['lister', this.#options.url]
  }

  #make(key: string): UserTokens {
    const { url, store, renew, clock } = this.#options
    const name = ['grant', url, key] as const
    return new UserTokens({
      clock,
      renew,
      load: async () => {
        const json = await store.get(name)
        return json === undefined ? undefined : KeptGrant.read(json)
      },
      save: (grant) => (grant === undefined ? store.delete(name) : store.set(name, grant.write())),
    })
  }
}
