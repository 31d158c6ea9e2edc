import {
  writeDescriptor,
  writeResult,
  type DescriptorStatement,
  type ResultStatement,
} from '../../../protocol/provenance/statements.ts'
import { TYP } from '../../../protocol/token/claims.ts'
import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import type { StatementSigner } from '../../core/provenance.ts'
import type { Clock } from '../clock.ts'
import { signJwt } from '../jwt.ts'
import type { KeyRing } from '../key-ring.ts'

export interface OriginSignerOptions {
  /** Base URL of the node, asked for when it signs: before it listens there may be none. */
  readonly signer: () => string
  readonly keys: Pick<KeyRing, 'signing'>
  readonly clock: Clock
}

/** Signs what servers of this node say with its key for results. */
export class OriginSigner implements StatementSigner {
  readonly #options: OriginSignerOptions

  constructor(options: OriginSignerOptions) {
    this.#options = options
  }

  get keyId(): string {
    return this.#options.keys.signing().kid
  }

  result(statement: ResultStatement): string {
    return this.#sign(TYP.result, writeResult(statement, this.#signed()))
  }

  descriptor(statement: DescriptorStatement): string {
    return this.#sign(TYP.descriptor, writeDescriptor(statement, this.#signed()))
  }

  #signed(): { readonly signer: string; readonly at: number } {
    const { signer, clock } = this.#options
    return { signer: signer(), at: Math.floor(clock()) }
  }

  #sign(typ: string, claims: JsonObject): string {
    return signJwt(this.#options.keys.signing(), typ, claims)
  }
}
