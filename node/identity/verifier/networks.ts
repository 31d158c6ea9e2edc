import type { EgressSettings } from '../../core/config-identity-types.ts'
import { systemClock, type Clock } from '../clock.ts'
import { Discovery } from '../discovery.ts'
import { GuardedFetch, type GuardedFetchOptions } from '../guarded-fetch.ts'

/** A way to the servers of others, and what is known of them. */
export interface Network {
  readonly fetch: Pick<GuardedFetch, 'getJson' | 'postForm' | 'postJson'>
  readonly discovery: Pick<Discovery, 'issuer' | 'resource' | 'authorizationServer' | 'resourceNow'>
}

/** Gives the network that goes where the settings allow. */
export type NetworkOf = (egress: EgressSettings) => Network

/** One network for each kind of egress, made when it is first needed. */
export class Networks {
  readonly #options: Omit<GuardedFetchOptions, 'allowPrivate'>
  readonly #clock: Clock
  readonly #made = new Map<boolean, Network & { readonly fetch: GuardedFetch }>()

  constructor(options: Omit<GuardedFetchOptions, 'allowPrivate'> = {}, clock: Clock = systemClock) {
    this.#options = options
    this.#clock = clock
  }

  of({ allowPrivate }: EgressSettings): Network {
    const known = this.#made.get(allowPrivate)
    if (known !== undefined) return known
    const fetch = new GuardedFetch({ ...this.#options, allowPrivate })
    const made = { fetch, discovery: new Discovery({ fetch, clock: this.#clock }) }
    this.#made.set(allowPrivate, made)
    return made
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    const fetches = [...this.#made.values()].map(({ fetch }) => fetch.close())
    this.#made.clear()
    await Promise.all(fetches)
  }
}
