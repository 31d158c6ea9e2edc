/** How a party speaks MCP: `2025` opens sessions with `initialize`, `2026` states everything in each request. */
export type Era = '2025' | '2026'

/** The stateless revision served (MCP 2026-07-28). */
export const MODERN_REVISION = '2026-07-28'

/** The session revisions served, newest first. */
export const LEGACY_REVISIONS = ['2025-11-25', '2025-06-18', '2025-03-26'] as const
export type LegacyRevision = (typeof LEGACY_REVISIONS)[number]

/** The only revision whose sessions may send JSON-RPC batches. */
export const BATCH_REVISION: LegacyRevision = '2025-03-26'

/** Every revision served, newest first. */
export const SERVED_REVISIONS: readonly string[] = [MODERN_REVISION, ...LEGACY_REVISIONS]

/** Whether a revision has tasks in its core (MCP 2025-11-25, basic/utilities/tasks): one did. */
export function hasCoreTasks(revision: string): boolean {
  return revision === '2025-11-25'
}

/** Whether `text` names a session revision served here. */
export function isLegacyRevision(text: string): text is LegacyRevision {
  return (LEGACY_REVISIONS as readonly string[]).includes(text)
}

/** The revision a session gets when its client asks for `wanted`: that one, or the newest we have. */
export function negotiate(wanted: unknown): LegacyRevision {
  return typeof wanted === 'string' && isLegacyRevision(wanted) ? wanted : LEGACY_REVISIONS[0]
}
