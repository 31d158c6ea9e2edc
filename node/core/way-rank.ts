import type { ToolId } from '../../protocol/names.ts'

/** What the mesh knows of the ways to where a capability lives. Asked for each call, and answered at once. */
export interface WayRank {
  /**
   * The upstreams of these labels, the best way first and those that lead nowhere now last; the same list where the mesh
   * has nothing to say of it. Never more labels than were given, and never fewer.
   */
  order(id: ToolId, labels: readonly string[]): readonly string[]
  /** Whether the mesh knows that a way leads nowhere now: the link is down, or the node behind it has no route any more. */
  isDead(id: ToolId, label: string): boolean
  /** A call found nobody there, or heard nothing in its time: the mesh looks itself, at once. */
  failed(label: string): void
}

/** Where there is no mesh, ways are taken as they come. */
export const NO_RANK: WayRank = {
  order: (_, labels) => labels,
  isDead: () => false,
  failed: () => undefined,
}
