import type { EgressSettings, SignatureAlgorithm } from '../../core/config-identity-types.ts'
import type { Clock } from '../clock.ts'
import { FetchFault } from '../fetch-fault.ts'
import { RemoteKeys } from '../remote-keys.ts'
import type { Network, NetworkOf } from './networks.ts'

/** Whose keys, and how they are come by. */
export interface IssuerKeySource {
  readonly issuer: string
  /** Absent: from the metadata of the issuer. */
  readonly jwksUri: string | undefined
  readonly algs: readonly SignatureAlgorithm[]
  /** Whether the issuer is a node of this kind, whose key ids are thumbprints. */
  readonly thumbprintKids: boolean
  readonly egress: EgressSettings
}

export interface IssuerKeysOptions {
  readonly network: NetworkOf
  readonly clock: Clock
}

/** The keys of foreign issuers, each apart from all others; what is known of them outlives a change of configuration. */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions
  #known = new Map<string, RemoteKeys>()

  constructor(options: IssuerKeysOptions) {
    this.#options = options
  }

  /** The same for equal sources. */
  of(source: IssuerKeySource): RemoteKeys {
    const name = nameOf(source)
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const made = this.#make(source)
    this.#known.set(name, made)
    return made
  }

  /** Lets go of all but these. */
  keep(sources: readonly IssuerKeySource[]): void {
    const names = new Set(sources.map(nameOf))
    for (const [name, keys] of this.#known) {
      if (names.has(name)) continue
      keys.close()
      this.#known.delete(name)
    }
  }

  /** The issuer is said to have changed its keys: the next token fetches them, as often as is allowed. */
  expire(issuer: string): void {
    for (const [name, keys] of this.#known) {
      const [of] = JSON.parse(name) as readonly unknown[]
      if (of === issuer) keys.expire()
    }
  }

  close(): void {
    this.keep([])
  }

  #make({ issuer, jwksUri, algs, thumbprintKids, egress }: IssuerKeySource): RemoteKeys {
    const { network, clock } = this.#options
    const { fetch, discovery } = network(egress)
    return new RemoteKeys({
      rules: { algs, pins: [], thumbprintKids },
      locate: () => jwksUri ?? discovered(discovery, issuer),
      fetch,
      clock,
    })
  }
}

function nameOf({ issuer, jwksUri, algs, thumbprintKids, egress }: IssuerKeySource): string {
  return JSON.stringify([issuer, jwksUri, algs, thumbprintKids, egress.allowPrivate])
}

async function discovered(discovery: Network['discovery'], issuer: string): Promise<string> {
  const { jwksUri } = await discovery.issuer(issuer)
  if (jwksUri !== undefined) return jwksUri
  throw new FetchFault('document', new URL(issuer).host, 'names no keys in its metadata')
}
