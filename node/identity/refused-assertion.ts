import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { OAuthFault, TokenFault } from '../../protocol/token/faults.ts'
import type { Clock } from './clock.ts'
import type { Backend, Delegation } from './delegation/backend.ts'
import type { DelegatedToken } from './delegation/delegated-token.ts'

export interface RefusedAssertionOptions {
  /** File of the assertion, which the platform renews. */
  readonly file: string
  /** How long a refusal counts while the file says the same, s. */
  readonly seconds: () => number
  readonly clock: Clock
}

/** A refusal of what the file held. */
interface Refused {
  readonly digest: string
  readonly fault: OAuthFault | TokenFault
  /** Seconds since 1970. */
  readonly until: number
}

/**
 * A way to tokens by an assertion in a file, which shows none again that was refused: a server that sees the same one again
 * and again takes its client for an attacker (SEP-1933: a client must not try again). A file that says something else is
 * another assertion, and a server that could not be asked has refused none.
 */
export class RefusedAssertion implements Backend {
  readonly #inner: Backend
  readonly #options: RefusedAssertionOptions
  #refused: Refused | undefined

  constructor(inner: Backend, options: RefusedAssertionOptions) {
    this.#inner = inner
    this.#options = options
  }

  async obtain(delegation: Delegation): Promise<DelegatedToken> {
    const { file, seconds, clock } = this.#options
    // Read before the assertion itself: one that is written in between is shown once too often, never too seldom.
    const digest = await digestOf(file)
    const refused = this.#refused
    if (refused !== undefined && refused.digest === digest && clock() < refused.until) {
      throw refused.fault
    }
    try {
      return await this.#inner.obtain(delegation)
    } catch (error) {
      if (digest !== undefined && isRefusal(error)) {
        this.#refused = { digest, fault: error, until: clock() + seconds() }
      }
      throw error
    }
  }

  /** Something else may have changed: what was refused is shown once more. */
  forget(): void {
    this.#refused = undefined
  }
}

/** Whether the same assertion would come to the same. A proof is made anew each time, and says nothing of it. */
function isRefusal(error: unknown): error is OAuthFault | TokenFault {
  if (error instanceof OAuthFault) return error.error !== 'invalid_dpop_proof'
  return error instanceof TokenFault
}

/** Longest content that is told apart, bytes: no assertion is longer. */
const MAX_BYTES = 65_536

/** Hash of what the file says; undefined where it cannot be read, which whoever needs it will say. */
async function digestOf(file: string): Promise<string | undefined> {
  try {
    const handle = await open(file, 'r')
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_BYTES))
      return createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('base64url')
    } finally {
      await handle.close()
    }
  } catch {
    return undefined
  }
}
