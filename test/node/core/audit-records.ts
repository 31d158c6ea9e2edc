// What tests of the audit are written with.
import { LOCAL_CALLER, type Principal } from '../../../node/core/principal.ts'
import type { AuditRecord } from '../../../node/core/audit-record.ts'

/** A small record, told from others by its count. */
export function recordOf(count: number, more: Partial<AuditRecord> = {}): AuditRecord {
  const ts = new Date(1_700_000_000_000 + count).toISOString()
  return { ts, node: 'acme/edge', kind: 'call', decision: 'allowed', count, ...more }
}

/** A caller with a token. */
export function callerOf(change: Partial<Principal> = {}): Principal {
  return {
    ...LOCAL_CALLER,
    issuer: 'https://id.example',
    subject: 'alice@example.com',
    clientId: 'https://app.example/client.json',
    scopes: ['ns:fx'],
    ...change,
  }
}
