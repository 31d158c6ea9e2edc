import { OWN_ALGORITHMS } from '../../core/config-identity-fields.ts'
import type {
  EgressSettings,
  ProvenanceMode,
  ProvenanceSettings,
  SignerRecord,
} from '../../core/config-identity-types.ts'
import type { UpstreamConfig } from '../../core/config-types.ts'
import type { Provenance, Proving } from '../../core/provenance.ts'
import type { Clock } from '../clock.ts'
import type { KeyRing } from '../key-ring.ts'
import type { KeyRules } from '../key-set.ts'
import { RemoteKeys, StaticKeys } from '../remote-keys.ts'
import { PATHS } from '../service/settings.ts'
import { thumbprint } from '../thumbprint.ts'
import type { NetworkOf } from '../verifier/networks.ts'
import { OriginChecker, type TrustedSigner } from './checker.ts'
import { OriginSigner } from './signer.ts'

export interface ProvenancesParts {
  /** Base URL of the node. */
  readonly base: () => string
  /** Of the purpose `result`. */
  readonly keys: KeyRing
  readonly network: NetworkOf
  readonly clock: Clock
  /** How far clocks may be off, seconds. */
  readonly leeway: number
}

/** Whether anything is signed or checked for an upstream: only then are there keys for it. */
export function hasProvenance({ provenance }: UpstreamConfig): boolean {
  if (provenance === undefined) return false
  return provenance.results !== 'off' || provenance.descriptors !== 'off'
}

/** Makes what signs and checks, one for each upstream, as each is configured. */
export class Provenances {
  readonly #parts: ProvenancesParts
  readonly #signer: OriginSigner
  readonly #fetching = new Map<string, readonly RemoteKeys[]>()

  constructor(parts: ProvenancesParts) {
    this.#parts = parts
    this.#signer = new OriginSigner({ signer: parts.base, keys: parts.keys, clock: parts.clock })
  }

  /** Takes the place of the one there was for that label; undefined where nothing is signed or checked. */
  of(label: string, upstream: UpstreamConfig): Provenance | undefined {
    this.#close(label)
    const { provenance } = upstream
    if (provenance === undefined || !hasProvenance(upstream)) return undefined
    const checker = this.#checker(label, upstream, provenance)
    const proving = (mode: ProvenanceMode): Proving | undefined => {
      if (mode === 'off') return undefined
      return mode === 'attach' ? { mode, signer: this.#signer } : { mode, checker }
    }
    return { results: proving(provenance.results), descriptors: proving(provenance.descriptors) }
  }

  close(): void {
    for (const label of this.#fetching.keys()) this.#close(label)
  }

  #close(label: string): void {
    for (const keys of this.#fetching.get(label) ?? []) keys.close()
    this.#fetching.delete(label)
  }

  #checker(label: string, upstream: UpstreamConfig, settings: ProvenanceSettings): OriginChecker {
    const egress = upstream.kind === 'stdio' ? { allowPrivate: false } : upstream.egress
    const { clock, leeway } = this.#parts
    const fetching: RemoteKeys[] = []
    const signers = settings.signers.map((record): TrustedSigner => {
      const { url, organisation } = record
      const keys = this.#keysOf(record, egress)
      if (keys instanceof RemoteKeys) fetching.push(keys)
      return { url, organisation, keys }
    })
    this.#fetching.set(label, fetching)
    return new OriginChecker({ signers, clock, leeway })
  }

  #keysOf({ url, keys, pins }: SignerRecord, egress: EgressSettings): RemoteKeys | StaticKeys {
    const rules: KeyRules = { algs: OWN_ALGORITHMS, pins, thumbprintKids: true }
    if (keys !== undefined && 'static' in keys) {
      return new StaticKeys(keys.static.map(named), rules)
    }
    const { network, clock } = this.#parts
    const place = keys?.jwksUri ?? `${url}${PATHS.resultJwks}`
    return new RemoteKeys({ rules, locate: () => place, fetch: network(egress).fetch, clock })
  }
}

/** Statements name their key by its thumbprint; in the file it may stand without. */
function named(jwk: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { ...jwk, kid: thumbprint(jwk) }
}
