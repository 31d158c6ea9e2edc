import type { JsonObject } from '../../protocol/jsonrpc.ts'
import { FORM_TOKEN_LIMITS, readCompact } from '../../protocol/token/compact.ts'
import { wrong } from './delegation/token-answers.ts'
import { TokenRequests } from './delegation/token-requests.ts'

/**
 * Asks the identity provider of the node for grants (ID-JAG). One that is in the name of another issuer goes no further:
 * whoever redeems it looks its keys up by that name, and would take it for the word of somebody who said nothing.
 */
export class IdentityProvider extends TokenRequests {
  /** @throws TokenFault `issuer`, and what reading a compact JWT throws */
  override async ask(form: readonly [name: string, value: string][]): Promise<JsonObject> {
    const json = await super.ask(form)
    const { access_token: grant } = json
    // That there is none is said by who reads the answer.
    if (typeof grant !== 'string') return json
    const { payload } = readCompact(grant, FORM_TOKEN_LIMITS)
    if (payload['iss'] === this.issuer) return json
    throw wrong('issuer', 'is not of the identity provider that was asked')
  }
}
