/** Longest time that is believed, ms: who says more is asked again after it. */
const MOST_MS = 3_600_000

/** RFC 9110 §5.6.7, the one form of a date that is written. */
const DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/**
 * When a server wants to be asked again, ms from now, at most an hour (RFC 9110 §10.2.3); undefined where it does not say. A
 * date counts from the server's own `Date`: its clock may be off, and then both are.
 */
export function readRetryAfter(
  value: string | undefined,
  date: string | undefined,
): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,10}$/.test(value)) return Math.min(Number(value) * 1_000, MOST_MS)
  if (date === undefined || !DATE.test(value) || !DATE.test(date)) return undefined
  const wait = Date.parse(value) - Date.parse(date)
  return wait >= 0 ? Math.min(wait, MOST_MS) : undefined
}
