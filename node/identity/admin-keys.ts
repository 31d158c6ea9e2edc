import { TokenFault } from '../../protocol/token/faults.ts'
import type { AdminSettings } from '../core/config-types.ts'
import { systemClock, type Clock } from './clock.ts'
import { findStaticKey } from './static-keys.ts'
import { readAuthorization } from './verifier/authorization-header.ts'

/** An operator. */
export interface Operator {
  /** Name of its key; undefined where nobody is asked for one. */
  readonly name: string | undefined
  readonly mayWrite: boolean
}

/** The longest key anybody has, bytes. */
const MAX_KEY_BYTES = 512

/**
 * Tells operators by their keys.
 *
 * @param lines all lines of the `Authorization` header
 * @throws TokenFault `missing`, `malformed`, `too_large`, `issuer` for a key that opens nothing; Fault `bad_http` for two
 */
export function operatorOf(
  lines: readonly string[],
  { auth, keys, write }: AdminSettings,
  clock: Clock = systemClock,
): Operator {
  if (auth === 'none') return { name: undefined, mayWrite: write }
  const { scheme, token } = readAuthorization(lines, MAX_KEY_BYTES)
  const key = scheme === 'bearer' ? findStaticKey(keys, token, clock()) : undefined
  if (key === undefined) throw new TokenFault('issuer', 'the key opens nothing here')
  return { name: key.name, mayWrite: write && !key.readOnly }
}
