import { Fault } from '../../protocol/errors.ts'

/** Where a caller signs in. */
export interface SignInPlace {
  /** Names the question; unguessable, and good once. */
  readonly id: string
  /** A page of this node: what a stranger asks for is never shown to a user as ours (MCP 2025-11-25, client/elicitation). */
  readonly url: string
  /** For the user. */
  readonly message: string
}

/** The caller must sign in at an upstream first. `data` is that of a -32042 (MCP 2025-11-25, schema, URLElicitationRequiredError). */
export function consentRequired({ id, url, message }: SignInPlace): Fault {
  const elicitation = { mode: 'url', elicitationId: id, url, message }
  return new Fault('consent_required', message, { data: { elicitations: [elicitation] } })
}
