import type { FederationSettings } from '../../protocol/federation.ts'
import type { ProvenanceSettings } from '../core/config-identity-types.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { Logger } from '../core/logger.ts'
import { PinFile } from '../core/pin-file.ts'
import type { Provenance } from '../core/provenance.ts'
import { ProofLedger, type ProofCounts } from '../hop/proofs.ts'
import type { ResultProving } from '../hop/result-proof.ts'
import { ToolPins } from '../hop/tool-pins.ts'
import { ToolScreen } from '../hop/tool-screen.ts'

/** How what one upstream says is proved; most upstreams have nothing of it. */
export interface UpstreamProving {
  readonly results: ResultProving | undefined
  readonly screen: ToolScreen | undefined
  /** Undefined where nothing is checked. */
  readonly counts: ProofCounts | undefined
  /** Calls when descriptions are to be looked at again: another key signs, other tools are pinned. */
  review(again: () => void): void
}

export interface ProvingParts {
  readonly provenance: Provenance | undefined
  /** Path of the file of pins. */
  readonly pins: string
  readonly self: FederationSettings
  /** Those the upstream feeds. */
  readonly namespaces: readonly string[]
  readonly log: Logger
}

const NOTHING: UpstreamProving = {
  results: undefined,
  screen: undefined,
  counts: undefined,
  review: () => undefined,
}

/** Names of the namespaces that an upstream of this label feeds, in the order of the file. */
export function namespacesFedBy(
  label: string,
  namespaces: NodeConfig['namespaces'],
): readonly string[] {
  return Object.entries(namespaces).flatMap(([name, { from }]) =>
    from.includes(label) ? [name] : [],
  )
}

/** Makes what proves what an upstream says, as it is configured. */
export function makeProving(
  label: string,
  settings: ProvenanceSettings | undefined,
  parts: ProvingParts,
): UpstreamProving {
  if (settings === undefined) return NOTHING
  const { provenance, log } = parts
  const ledger = new ProofLedger(label, log)
  const results = provenance?.results
  const screen = makeScreen(label, settings, { ...parts, ledger })
  const checks = settings.signers.length > 0
  let keyId = screen?.keyId
  return {
    results: results === undefined ? undefined : { proving: results, ledger },
    screen,
    get counts() {
      return checks ? ledger.counts : undefined
    },
    review(again) {
      const before = keyId
      keyId = screen?.keyId
      if (before !== keyId) again()
      if (settings.pin === 'off') return
      void screen?.pinsChanged().then((changed) => changed && again())
    },
  }
}

function makeScreen(
  label: string,
  { pin }: ProvenanceSettings,
  { provenance, pins, self, namespaces, log, ledger }: ProvingParts & { ledger: ProofLedger },
): ToolScreen | undefined {
  const descriptors = provenance?.descriptors
  if (descriptors === undefined && pin === 'off') return undefined
  const { organisation, node } = self
  return new ToolScreen({
    descriptors,
    pins:
      pin === 'off'
        ? undefined
        : new ToolPins({ upstream: label, mode: pin, file: new PinFile(pins), log }),
    origin: { organisation, node, source: label, namespaces },
    ledger,
  })
}
