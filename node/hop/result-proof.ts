import { randomBytes } from 'node:crypto'
import { Fault } from '../../protocol/errors.ts'
import { memberOf } from '../../protocol/json-bytes.ts'
import { readValue } from '../../protocol/json-value.ts'
import type { RpcRequest } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import type { MetaChanges } from '../../protocol/meta-edit.ts'
import { argumentsDigest, resultDigest } from '../../protocol/provenance/result-form.ts'
import { readNonce, type ResultStatement } from '../../protocol/provenance/statements.ts'
import { UNREADABLE, UNSIGNED, type Verdict } from '../../protocol/provenance/verdict.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { UriHome } from '../../protocol/uris.ts'
import type { Proving, StatementChecker, StatementSigner } from '../core/provenance.ts'
import type { Delegated } from '../core/stages.ts'
import type { ProofLedger } from './proofs.ts'

/** What is proved of the result of one call. */
export interface ResultProof {
  /** Goes with the call, for the origin to sign with its result; undefined where nothing is checked here. */
  readonly nonce: string | undefined
  /**
   * What `_meta` of the result says of it; at once whenever the keys are at hand.
   *
   * @param request the caller's last one: what it asks to be signed is signed
   * @param shown how URIs of the result will read for the caller
   * @throws Fault `unproved` when it must not pass; the promise rejects with it too
   */
  of(
    message: UpstreamMessage,
    request: RpcRequest,
    shown: ((uri: string) => string) | undefined,
  ): MetaChanges | Promise<MetaChanges>
}

/** How results of one upstream are proved. */
export interface ResultProving {
  readonly proving: Proving
  readonly ledger: ProofLedger
}

const NONCE_BYTES = 16

/** What is proved of the result of a call; undefined where that is nothing. */
export function proofOf(
  results: ResultProving | undefined,
  delegated: Delegated,
): ResultProof | undefined {
  if (results === undefined || !isProvable(delegated)) return undefined
  const { proving, ledger } = results
  if (proving.mode === 'attach') return new Attached(proving.signer, ledger, delegated)
  return new Checked(proving.checker, { ledger, delegated, required: proving.mode === 'require' })
}

/** Calls of tools, and what became of those that run as tasks. */
function isProvable({ received }: Delegated): boolean {
  const { method } = received.request
  return method === 'tools/call' || method === 'tasks/get' || method === 'tasks/result'
}

function homeOf({ entry }: Delegated): UriHome {
  return { ...entry.id, source: entry.source }
}

/** Whether the result is that of the call: a task only says that there will be one. */
function isFinal(message: UpstreamMessage, { received }: Delegated): boolean {
  if (received.request.method !== 'tools/call') return false
  const inside = memberOf(message.members, 'result')?.inside ?? []
  const type = memberOf(inside, 'resultType')
  if (type !== undefined && readValue(message.raw, type) !== 'complete') return false
  return memberOf(inside, 'task') === undefined
}

/** Whether it only says how a task is getting on. */
function isPending(message: UpstreamMessage, { received }: Delegated): boolean {
  const inside = memberOf(message.members, 'result')?.inside ?? []
  return received.request.method === 'tasks/get' && memberOf(inside, 'result') === undefined
}

/** The parts of a statement that come from the call. @throws Fault when the arguments have no canonical form */
function aboutCall(
  { entry }: Delegated,
  { raw, paramMembers }: RpcRequest,
): Pick<ResultStatement, 'id' | 'source' | 'arguments'> {
  const digest = argumentsDigest(raw, memberOf(paramMembers, 'arguments'))
  return { id: entry.id, source: entry.source, arguments: digest }
}

/** This node is the origin: it signs. */
class Attached implements ResultProof {
  readonly nonce = undefined
  readonly #signer: StatementSigner
  readonly #ledger: ProofLedger
  readonly #delegated: Delegated

  constructor(signer: StatementSigner, ledger: ProofLedger, delegated: Delegated) {
    this.#signer = signer
    this.#ledger = ledger
    this.#delegated = delegated
  }

  of(...[message, request, shown]: Parameters<ResultProof['of']>): MetaChanges {
    // Whatever the server has put there is not ours to vouch for.
    if (!isFinal(message, this.#delegated)) return [[META.provenance, undefined]]
    const signed = this.#sign(message, request, shown)
    return [[META.provenance, signed === undefined ? undefined : JSON.stringify(signed)]]
  }

  #sign(...[message, request, shown]: Parameters<ResultProof['of']>): string | undefined {
    const { principal, entry, candidate } = this.#delegated
    try {
      const nonce = readNonce(request.meta(META.provenance))
      const txn = principal.claims?.txn
      return this.#signer.result({
        ...aboutCall(this.#delegated, request),
        result: resultDigest(message, homeOf(this.#delegated), shown),
        ...(nonce !== undefined && { nonce }),
        ...(txn !== undefined && { txn }),
      })
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      this.#ledger.unsignable('result', { id: entry.id, name: candidate.name })
      return undefined
    }
  }
}

/** Another node is the origin, or was on the way: its word is checked. */
class Checked implements ResultProof {
  readonly nonce: string
  readonly #checker: StatementChecker
  readonly #ledger: ProofLedger
  readonly #delegated: Delegated
  readonly #required: boolean

  constructor(
    checker: StatementChecker,
    more: {
      readonly ledger: ProofLedger
      readonly delegated: Delegated
      readonly required: boolean
    },
  ) {
    this.#checker = checker
    this.#ledger = more.ledger
    this.#delegated = more.delegated
    this.#required = more.required
    const { request } = this.#delegated.received
    // A caller that checks for itself has chosen one, and both can be content with the same.
    const given = readNonce(request.meta(META.provenance))
    this.nonce = given ?? randomBytes(NONCE_BYTES).toString('base64url')
  }

  of(message: UpstreamMessage): MetaChanges | Promise<MetaChanges> {
    // Nothing has come of the task yet; where results must be proved there is none.
    if (!this.#required && isPending(message, this.#delegated)) return []
    const verdict = this.#verdict(message)
    return verdict instanceof Promise
      ? verdict.then((one) => this.#conclude(one))
      : this.#conclude(verdict)
  }

  #verdict(message: UpstreamMessage): Verdict | Promise<Verdict> {
    const { principal, received } = this.#delegated
    // A task is nobody's word yet, and what comes of it later nobody has signed.
    if (!isFinal(message, this.#delegated)) return UNSIGNED
    try {
      const meta = memberOf(memberOf(message.members, 'result')?.inside ?? [], '_meta')
      const place = memberOf(meta?.inside ?? [], META.provenance)
      if (place === undefined) return UNSIGNED
      return this.#checker.result(readValue(message.raw, place), {
        ...aboutCall(this.#delegated, received.request),
        result: resultDigest(message, homeOf(this.#delegated)),
        nonce: this.nonce,
        txn: principal.claims?.txn,
      })
    } catch (error) {
      if (error instanceof Fault || error instanceof SyntaxError) return UNREADABLE
      throw error
    }
  }

  #conclude(verdict: Verdict): MetaChanges {
    const { entry, candidate, principal } = this.#delegated
    const blocked = this.#required && verdict.verdict !== 'verified'
    this.#ledger.judged('result', { id: entry.id, name: candidate.name }, verdict, blocked)
    if (!blocked) return [[META.verdict, JSON.stringify(verdict)]]
    const txn = principal.claims?.txn
    const text = 'the result is not proved to be that of the tool, and was held back'
    throw new Fault('unproved', text, txn === undefined ? {} : { data: { txn } })
  }
}
