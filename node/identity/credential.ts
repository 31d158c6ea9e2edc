import { inspect } from 'node:util'
import type { Credential } from '../core/principal.ts'

const PRINTED = '[credential]'

/** Outside of the holder, so that not even a debugger's view of it, or a copy of it, has the bytes. */
const RAW = new WeakMap<Credential, string>()

/** A caller's raw token, closed: only {@link revealCredential} opens it. */
export class CredentialHolder implements Credential {
  /** @param raw as it stood behind the scheme of the Authorization header */
  constructor(raw: string) {
    RAW.set(this, raw)
  }

  toString(): string {
    return PRINTED
  }

  toJSON(): string {
    return PRINTED
  }
}

// Not a method: isolated declarations cannot name a computed member.
Object.defineProperty(CredentialHolder.prototype, inspect.custom, { value: () => PRINTED })

/**
 * The raw token. For the back ends of `exchange()` alone, which write it to `subject_token` for the own issuer.
 *
 * @throws TypeError for what no {@link CredentialHolder} is
 */
export function revealCredential(credential: Credential): string {
  const raw = RAW.get(credential)
  if (raw === undefined) throw new TypeError('not a credential')
  return raw
}

/** Whether a credential is this text. */
export function holdsCredential(credential: Credential, raw: string): boolean {
  return RAW.get(credential) === raw
}
