/** How far behind its own work the node may be, as a factor for the silences of others (Lifeguard). */
const MAX_SLACK = 8
/** A timer that is so late counts one more. */
const LATE_MS = 250

/** How far this node is behind its own work, told from how late its timer goes off. */
export class Slack {
  #score = 0

  /** A timer went off. @param lateMs later than it should have, ms */
  ticked(lateMs: number): void {
    this.#score = Math.min(MAX_SLACK - 1, Math.max(lateMs / LATE_MS, this.#score / 2))
  }

  /** At least 1. */
  get factor(): number {
    return 1 + Math.floor(this.#score)
  }
}
