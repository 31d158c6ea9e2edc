// Who the node under contract is.
import type { Self } from '../../node/outbound/connection.ts'

export const SELF: Self = {
  clientInfo: { name: 'contract', version: '1.0.0' },
  federation: { version: 1, node: 'contract-node', organisation: 'acme', name: 'contract' },
}
