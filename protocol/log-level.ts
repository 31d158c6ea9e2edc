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

/** Whether a message of `level` is wanted by a caller who asked for `wanted`; who did not ask wants none. */
export function isSevereEnough(level: unknown, wanted: unknown): boolean {
  if (!isSeverity(level) || !isSeverity(wanted)) return false
  return LEVELS.indexOf(level) >= LEVELS.indexOf(wanted)
}
