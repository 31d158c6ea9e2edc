import { Fault } from '../../protocol/errors.ts'
import type { Authenticated, Returned, Visible } from '../core/stages.ts'
import { inputRequired, MAY_ASK, urlRequests } from './input-results.ts'
import type { RequestStates } from './request-state.ts'

/** What asking takes. */
export interface AskingParts {
  readonly states: RequestStates
  /** How often one call may ask its caller for more. */
  readonly inputRounds: number
  readonly serverInfo: string
}

/**
 * Asks a caller to sign in at an upstream (MCP 2025-11-25 and 2026-07-28, client/elicitation, URL mode): in era 2025 by the
 * error that is for this, in 2026 by a result whose retry is this very call once more. The caller learns an address of
 * this node, and nothing of what comes of it.
 *
 * @param visible the call as its caller sees it, to tie the retry to
 * @throws Fault the given one, which is that error; `missing_capability` when the caller cannot be asked,
 *   `delegation_refused` when it was often enough, or the method has no way to ask
 */
export function askToSignIn(
  { states, inputRounds, serverInfo }: AskingParts,
  { received }: Authenticated,
  { fault, visible }: { readonly fault: Fault; readonly visible: () => Visible },
): Returned {
  const { caller, request } = received
  if (!caller.capabilities.elicitation.url) {
    const text = 'the call needs a sign-in by URL elicitation, which the client does not offer'
    const data = { requiredCapabilities: { elicitation: { url: {} } } }
    throw new Fault('missing_capability', text, { data })
  }
  if (caller.era === '2025') throw fault
  if (!MAY_ASK.has(request.method)) {
    throw new Fault('delegation_refused', 'a tool of the upstream must be called first, to sign in')
  }
  const seen = visible()
  const before = states.open(seen)
  const rounds = (before?.kind === 'again' ? before.rounds : 0) + 1
  if (rounds > inputRounds) throw new Fault('delegation_refused', 'sign-ins without end')
  const upstream = before?.upstream ?? seen.entry.candidates[0].upstream
  const state = states.seal(seen, { kind: 'again', upstream, rounds })
  return inputRequired({ id: request.id, serverInfo }, urlRequests(fault.data), state)
}
