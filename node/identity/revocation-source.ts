import { readRevocationList, type RevocationList } from '../../protocol/token/revocation-list.ts'
import { FetchFault } from './fetch-fault.ts'
import type { AuthenticateClient } from './verifier/client-authentication.ts'
import type { Network } from './verifier/networks.ts'

/** Who is asked, and who asks. */
export interface RevocationSource {
  /** Issuer identifier of the node that revokes. */
  readonly issuer: string
  /** Client id of this node. */
  readonly client: string
  readonly network: Network
  readonly authenticateClient: AuthenticateClient
}

/**
 * Asks another node of the organisation what it has revoked; undefined where that node does not tell.
 *
 * @throws FetchFault; Fault `upstream_protocol` for an answer that is none
 */
export async function askRevocations(
  { issuer, client, network, authenticateClient }: RevocationSource,
  cursor: string | undefined,
): Promise<RevocationList | undefined> {
  const { revocationsEndpoint: url } = await network.discovery.issuer(issuer)
  if (url === undefined) return undefined
  const { headers, form } = authenticateClient({ id: client }, issuer)
  const since: [string, string][] = cursor === undefined ? [] : [['cursor', cursor]]
  const { status, json } = await network.fetch.postForm(url, [...form, ...since], { headers })
  if (status === 200) return readRevocationList(json)
  throw new FetchFault(
    'status',
    new URL(url).host,
    `the list of revocations answers HTTP ${status}`,
  )
}
