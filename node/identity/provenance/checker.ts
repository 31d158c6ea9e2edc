import { isDescribed } from '../../../protocol/provenance/descriptor-form.ts'
import {
  differenceOf,
  isAbout,
  readDescriptor,
  readResult,
  type ExpectedResult,
  type Signed,
} from '../../../protocol/provenance/statements.ts'
import { UNREADABLE, UNSIGNED, type Verdict } from '../../../protocol/provenance/verdict.ts'
import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import { TYP } from '../../../protocol/token/claims.ts'
import {
  readCompact,
  type TokenLimits,
  type UnverifiedToken,
} from '../../../protocol/token/compact.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'
import type { ListedTool, StatementChecker } from '../../core/provenance.ts'
import type { Clock } from '../clock.ts'
import { verifyWith, type KeyFinder } from '../jwt.ts'

/** A node that signs, as the configuration has it. */
export interface TrustedSigner {
  /** Base URL; the `iss` of what it signs. */
  readonly url: string
  /** Whose tools it may sign for: none of any other organisation. */
  readonly organisation: string
  readonly keys: KeyFinder
}

export interface OriginCheckerOptions {
  /** No two of one URL. */
  readonly signers: readonly TrustedSigner[]
  readonly clock: Clock
  /** How far clocks may be off, seconds. */
  readonly leeway: number
}

/** Names of a kilobyte each, in base64url, and little else. */
const LIMITS: TokenLimits = { bytes: 16_384, depth: 4 }

const UNTRUSTED: Verdict = { verdict: 'untrusted' }

/** How one kind of statement is read and judged. */
interface Judging<Statement extends Signed> {
  readonly typ: string
  read(claims: JsonObject): Statement
  organisationOf(statement: Statement): string
  /** What is made of a statement whose signature is good. @throws Fault when the text it is about cannot be read */
  judge(statement: Statement): Verdict
}

/** Checks statements against the signers one link is trusted with. */
export class OriginChecker implements StatementChecker {
  readonly #options: OriginCheckerOptions
  readonly #signers: ReadonlyMap<string, TrustedSigner>

  constructor(options: OriginCheckerOptions) {
    this.#options = options
    this.#signers = new Map(options.signers.map((signer) => [signer.url, signer]))
  }

  result(signed: unknown, expected: ExpectedResult): Verdict | Promise<Verdict> {
    return this.#check(signed, {
      typ: TYP.result,
      read: readResult,
      organisationOf: ({ id }) => id.organisation,
      judge: (statement) => {
        const { signer } = statement
        const of = differenceOf(statement, expected)
        return of === undefined
          ? { verdict: 'verified', signer }
          : { verdict: 'altered', signer, of }
      },
    })
  }

  descriptor(signed: unknown, { listed, home, name }: ListedTool): Verdict | Promise<Verdict> {
    return this.#check(signed, {
      typ: TYP.descriptor,
      read: readDescriptor,
      organisationOf: ({ tool }) => tool.organisation,
      judge: (statement) => {
        const { signer } = statement
        if (!isAbout(statement, home, name)) return { verdict: 'altered', signer, of: 'tool' }
        const same = isDescribed(listed, statement.digests)
        return same
          ? { verdict: 'verified', signer }
          : { verdict: 'altered', signer, of: 'descriptor' }
      },
    })
  }

  #check<Statement extends Signed>(
    signed: unknown,
    judging: Judging<Statement>,
  ): Verdict | Promise<Verdict> {
    if (signed === undefined) return UNSIGNED
    try {
      if (typeof signed !== 'string') return UNTRUSTED
      const token = readCompact(signed, LIMITS)
      if (token.header.typ !== judging.typ) return UNTRUSTED
      const signer = this.#signers.get(String(token.payload['iss']))
      if (signer === undefined) return UNTRUSTED
      const checked = verifyWith(signer.keys, token)
      if (!(checked instanceof Promise)) return this.#judge(token, signer, judging)
      return checked.then(() => this.#judge(token, signer, judging)).catch(verdictOn)
    } catch (error) {
      return verdictOn(error)
    }
  }

  /** The signature is good. */
  #judge<Statement extends Signed>(
    { payload }: UnverifiedToken,
    { organisation }: TrustedSigner,
    judging: Judging<Statement>,
  ): Verdict {
    const statement = judging.read(payload)
    if (judging.organisationOf(statement) !== organisation) return UNTRUSTED
    const { clock, leeway } = this.#options
    if (statement.at > clock() + leeway) return UNTRUSTED
    try {
      return judging.judge(statement)
    } catch {
      return UNREADABLE
    }
  }
}

/** What went wrong before anything could be believed. */
function verdictOn(error: unknown): Verdict {
  if (!(error instanceof TokenFault)) return { verdict: 'unavailable' }
  return error.problem === 'signature' ? { verdict: 'altered', of: 'signature' } : UNTRUSTED
}
