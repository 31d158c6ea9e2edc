import {
  accessTokenHash,
  checkProofClaims,
  IAT_WINDOW,
  readProof,
  soleProof,
  type Proof,
  type ProofHeader,
} from '../../protocol/token/dpop.ts'
import { TokenFault } from '../../protocol/token/faults.ts'
import { Sealer } from '../core/seal.ts'
import type { Clock } from './clock.ts'
import { algorithmOf } from './jwt.ts'
import { Lru } from './lru.ts'
import type { ReplayMemory } from './replay.ts'
import { importPublicJwk, verifySignature, type VerifyKey } from './verify-key.ts'

/** A request that may come with a proof. */
export interface ProofFacts {
  /** All lines of the `DPoP` header. */
  readonly lines: readonly string[]
  readonly method: string
  /** The URL by configuration; `Host` says what its sender likes. */
  readonly url: string
  /** The token it must be for; absent at a token endpoint. */
  readonly accessToken?: string
  /** `cnf.jkt` of the token; absent where any key will do. */
  readonly jkt?: string
}

export interface ProofCheckerOptions {
  readonly replay: ReplayMemory
  readonly clock: Clock
  /** Whether each proof must hold a nonce of this node; default not. */
  readonly nonces?: 'required' | 'off'
  /** 32 bytes; nonces are sealed under a key derived from them. */
  readonly secret: Buffer
}

/** A header whose key has signed a proof, with its key. */
interface KnownKey {
  readonly header: ProofHeader
  readonly key: VerifyKey
}

/** Headers and keys that are kept: reading and importing them costs as much as checking a signature. */
const KEYS = 10_000
/** Longer headers are not kept, characters; one of P-384 has 250. */
const MAX_KEPT_HEADER = 512
/** How long a nonce may be used, s. */
const NONCE_SECONDS = 300
/** How long the same nonce is given out, s. */
const NONCE_STEP = 60
const NONCE_BOUND = 'dpop-nonce'

/** Checks DPoP proofs (RFC 9449 §4.3), in the order of the RFC; at once where the replay memory is. */
export class ProofChecker {
  readonly #options: ProofCheckerOptions
  readonly #sealer: Sealer
  /** By the text of the header. */
  readonly #known = new Lru<string, KnownKey>(KEYS)
  readonly #window: number
  #nonce: { readonly text: string; readonly madeAt: number } | undefined

  constructor(options: ProofCheckerOptions) {
    this.#options = options
    this.#sealer = new Sealer(options.secret, NONCE_BOUND)
    this.#window = options.nonces === 'required' ? IAT_WINDOW.nonce : IAT_WINDOW.replay
  }

  /**
   * Checks that there is one proof, for this request and token, by the key the token is bound to, and new.
   *
   * @returns the thumbprint of the key
   * @throws TokenFault `missing`, `ambiguous`, `proof`, `nonce`, `binding`, `replayed`; Fault `overloaded`. A promise
   *   rejects with them.
   */
  check(facts: ProofFacts): string | Promise<string> {
    const raw = soleProof(facts.lines)
    if (raw === undefined) throw new TokenFault('missing', 'there is no DPoP proof')
    const proof = readProof(raw, (text) => this.#known.get(text)?.header)
    this.#checkSignature(proof)
    this.#checkClaims(proof, facts)
    if (facts.jkt !== undefined && facts.jkt !== proof.header.jkt) {
      throw new TokenFault('binding', 'the token is bound to another key than that of the proof')
    }
    return this.#checkNew(proof)
  }

  /** A nonce for the `DPoP-Nonce` header: a sealed time, so that nothing need be remembered (RFC 9449 §8). */
  nonce(): string {
    const now = this.#options.clock()
    if (this.#nonce === undefined || Math.abs(now - this.#nonce.madeAt) >= NONCE_STEP) {
      this.#nonce = { text: this.#sealer.seal(String(now), NONCE_BOUND), madeAt: now }
    }
    return this.#nonce.text
  }

  #checkSignature({ header, headerText, signingInput, signature }: Proof): void {
    const known = this.#known.get(headerText)
    const key = known?.key ?? importKey(header)
    if (!verifySignature(key, algorithmOf(header.alg), signingInput, signature)) {
      throw new TokenFault('proof', 'the DPoP proof is not signed with the key it names')
    }
    if (known === undefined && headerText.length <= MAX_KEPT_HEADER) {
      this.#known.set(headerText, { header, key })
    }
  }

  #checkClaims({ claims }: Proof, { method, url, accessToken }: ProofFacts): void {
    const now = this.#options.clock()
    const { nonces } = this.#options
    checkProofClaims(claims, {
      htm: method,
      htu: url,
      now,
      iatWindow: this.#window,
      ...(accessToken !== undefined && { ath: accessTokenHash(accessToken) }),
      ...(nonces === 'required' && { nonce: (nonce) => this.#isOurs(nonce, now) }),
    })
  }

  #isOurs(nonce: string | undefined, now: number): boolean {
    const madeAt = nonce === undefined ? undefined : this.#sealer.open(nonce, NONCE_BOUND)
    if (madeAt === undefined) return false
    const age = now - Number(madeAt)
    return age <= NONCE_SECONDS && age >= -NONCE_STEP
  }

  /** Last, so that what is refused for another reason fills no memory. */
  #checkNew({ header: { jkt }, claims }: Proof): string | Promise<string> {
    // It would be accepted up to the end of the window, that second included.
    const until = claims.iat + this.#window + 1
    const remembered = this.#options.replay.remember(jkt, claims.jti, until)
    return remembered instanceof Promise ? remembered.then(() => jkt) : jkt
  }
}

function importKey({ jwk, alg }: ProofHeader): VerifyKey {
  try {
    return importPublicJwk({ ...jwk }, [algorithmOf(alg)])
  } catch (cause) {
    throw new TokenFault('proof', 'the DPoP proof names no key', { cause })
  }
}
