/** Versions of what one node says of itself: incarnations, and a sequence within each. */

/** Ordered by `inc`, then by `seq`. Only the node itself makes new ones. */
export interface Version {
  /** Which start of the node it is of; milliseconds since 1970 at that start, unless an older one was as high. */
  readonly inc: number
  /** Counts what the node said since that start, from 1. */
  readonly seq: number
}

/** How far the wall clocks of two nodes may be apart, ms: each may be off by a day. */
export const MAX_SKEW_MS: number = 2 * 24 * 60 * 60 * 1_000

/** Negative when `a` is older than `b`, 0 when they are the same. */
export function compareVersions(a: Version, b: Version): number {
  return a.inc - b.inc || a.seq - b.seq
}

/**
 * The incarnation a node starts with: above all it remembers, and above all others may remember when it lost its disk.
 *
 * @param remembered incarnation of the start before; undefined when there was none, or it is lost
 * @param wall milliseconds since 1970
 */
export function nextIncarnation(remembered: number | undefined, wall: number): number {
  return Math.max((remembered ?? 0) + 1, Math.floor(wall))
}

/** Whether an incarnation may be believed: one far ahead could never be overtaken. @param wall ms since 1970 */
export function isPlausible(inc: number, wall: number): boolean {
  return inc <= wall + MAX_SKEW_MS
}
