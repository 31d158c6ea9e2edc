import { createHash } from 'node:crypto'
import { AuditFile } from '../core/audit-file.ts'
import { AuditTrail, LogSink, type AuditSink } from '../core/audit-trail.ts'
import type { AuditSettings, NodeConfig } from '../core/config-types.ts'
import type { Logger } from '../core/logger.ts'
import type { Principal } from '../core/principal.ts'
import { auditSchema } from '../core/config-audit.ts'
import { hasIdentity } from '../identity/identity.ts'

/** What the audit needs of the rest of the node. */
export interface AuditParts {
  readonly log: Logger
  /** How a caller is named; undefined for callers nobody knows. */
  readonly subjectOf: (principal: Principal) => string | undefined
  /** The configuration that holds now. */
  readonly config: () => NodeConfig
}

const DEFAULTS = auditSchema.parse({}) as AuditSettings

/**
 * The audit as it is configured; undefined where there is none, so that calls pay nothing for it.
 *
 * @throws Error of the system when its file cannot be opened
 */
export async function openAudit(
  initial: NodeConfig,
  { log, subjectOf, config }: AuditParts,
): Promise<AuditTrail | undefined> {
  const { audit = hasIdentity(initial) ? DEFAULTS : 'off' } = initial
  if (audit === 'off') return undefined
  const { organisation, name } = initial.node
  const node = `${organisation}/${name}`
  const sink = await openSink(audit, node, log)
  if (sink === undefined) return undefined
  const digests = audit.arguments === 'digest'
  const { refusalsPerSecond } = audit
  return new AuditTrail({
    sink,
    log,
    node,
    subjectOf,
    digests,
    refusalsPerSecond,
    policy: policyOf(config),
  })
}

async function openSink(
  { file, maxBytes, bufferBytes }: AuditSettings,
  node: string,
  log: Logger,
): Promise<AuditSink | undefined> {
  if (file !== undefined) return AuditFile.open({ file, maxBytes, bufferBytes, node, log })
  return log.isLevelEnabled?.('info') === false ? undefined : new LogSink(log)
}

/** Digest of what is decided by: 16 characters, of a configuration without its secrets. */
function policyOf(config: () => NodeConfig): () => string {
  let of: NodeConfig | undefined
  let digest = ''
  return () => {
    const now = config()
    if (now === of) return digest
    of = now
    const { issuer, nodes, workloads, trust, upstreams, namespaces, endpoints } = now
    const { clients, tags, visibility, quotas } = now
    const decides = {
      issuer,
      nodes,
      workloads,
      trust,
      upstreams,
      namespaces,
      endpoints,
      clients,
      tags,
      visibility,
      quotas,
    }
    const hash = createHash('sha256').update(JSON.stringify(decides)).digest('base64url')
    digest = hash.slice(0, 16)
    return digest
  }
}
