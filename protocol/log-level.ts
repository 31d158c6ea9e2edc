/** Severities of RFC 5424, the least first (MCP 2025-11-25, server/utilities/logging). */
const LEVELS = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
] as const

/** A severity of a log message. */
export type LogSeverity = (typeof LEVELS)[number]

/** Whether `value` names a severity. */
export function isSeverity(value: unknown): value is LogSeverity {
  return (LEVELS as readonly unknown[]).includes(value)
}

/** Place of a severity, the least being 1; 0 for none. */
export function severityRank(level: LogSeverity | undefined): number {
  return level === undefined ? 0 : LEVELS.indexOf(level) + 1
}

/** The severity at a place other than 0; undefined where there is none. */
export function severityAt(rank: number): LogSeverity | undefined {
  return LEVELS[rank - 1]
}

/** Whether a message of `level` is wanted by a caller who asked for `wanted`; who did not ask wants none. */
export function isSevereEnough(level: unknown, wanted: unknown): boolean {
  if (!isSeverity(level) || !isSeverity(wanted)) return false
  return LEVELS.indexOf(level) >= LEVELS.indexOf(wanted)
}
