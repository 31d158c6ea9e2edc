import { createPublicKey, randomBytes, sign, verify, type KeyObject } from 'node:crypto'
import { Fault } from '../../protocol/errors.ts'
import type { FederationSettings } from '../../protocol/federation.ts'
import type { LinkFrame } from '../../protocol/link/frames.ts'
import {
  proofInput,
  readHello,
  writeHello,
  type LinkHello,
  type LinkLimits,
  type LinkRole,
} from '../../protocol/link/hello.ts'

/** What a node shows on its links. */
export interface LinkIdentity {
  readonly federation: FederationSettings
  /** Ed25519, private; the id of the node is its thumbprint. */
  readonly key: KeyObject
}

/** One end of a link, before the other has proved who it is. */
export interface HandshakePlan {
  readonly role: LinkRole
  readonly identity: LinkIdentity
  /** URL of the endpoint as the caller knows it; empty at the server. */
  readonly resource: string
  readonly takes: LinkLimits
  readonly send: (frame: LinkFrame) => void
  /** What is wrong with the other end, if it may not be here; asked before anything is signed for it. */
  readonly refuse: (other: LinkHello) => string | undefined
}

const NONCE_BYTES = 32
const SIGNATURE_BYTES = 64

/**
 * Both ends of a link say who they are, and sign what both said: the key, the ids, two nonces and the endpoint. A proof is
 * good for this connection alone, and a node in the middle that passes it on is found out, because the endpoint in it is
 * not the one the other end is.
 */
export class LinkHandshake {
  readonly #plan: HandshakePlan
  readonly #own: Buffer
  #other: { readonly hello: LinkHello; readonly body: Buffer } | undefined
  #proved = false

  /** Sends the hello. */
  constructor(plan: HandshakePlan) {
    this.#plan = plan
    const { identity, resource, takes } = plan
    const { node, organisation, name } = identity.federation
    const { x = '' } = createPublicKey(identity.key).export({ format: 'jwk' })
    const nonce = randomBytes(NONCE_BYTES).toString('base64url')
    this.#own = writeHello({ node, organisation, name, x, nonce, resource, takes })
    plan.send({ type: 'hello', body: this.#own })
  }

  /** The other end, once it has proved who it is. */
  get other(): LinkHello | undefined {
    return this.#proved ? this.#other?.hello : undefined
  }

  /** Takes a frame before `other` is there. @throws Fault `invalid_request`, `unauthenticated`, `loop` */
  frame(frame: LinkFrame): void {
    if (frame.type === 'hello' && this.#other === undefined) this.#hear(frame.body)
    else if (frame.type === 'proof' && this.#other !== undefined) this.#check(frame.body)
    else throw new Fault('invalid_request', `a link does not begin with ${frame.type}`)
  }

  #hear(body: Buffer): void {
    const hello = readHello(body)
    const { identity, refuse, role, send } = this.#plan
    if (hello.node === identity.federation.node) {
      throw new Fault('loop', 'it is this node itself; nothing is imported from it')
    }
    const why = refuse(hello)
    if (why !== undefined) throw new Fault('unauthenticated', `the other end ${why}`)
    this.#other = { hello, body }
    send({ type: 'proof', body: sign(null, this.#inputOf(role, body), identity.key) })
  }

  #check(signature: Buffer): void {
    const other = this.#other
    if (other === undefined) return
    const { x } = other.hello
    const role = this.#plan.role === 'caller' ? 'server' : 'caller'
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    const input = this.#inputOf(role, other.body)
    if (signature.length !== SIGNATURE_BYTES || !verify(null, input, key, signature)) {
      throw new Fault('unauthenticated', 'the other end does not hold the key it names')
    }
    this.#proved = true
  }

  #inputOf(signer: LinkRole, other: Buffer): Buffer {
    const isCaller = this.#plan.role === 'caller'
    return proofInput(signer, isCaller ? this.#own : other, isCaller ? other : this.#own)
  }
}
