import { hash } from 'node:crypto'
import type { NodeId } from '../../../protocol/federation.ts'
import type { NodeRecord } from '../../../topology/record.ts'
import type { GossipSettings } from '../../core/config-gossip-types.ts'
import { membershipKeys, membershipProblem } from '../../identity/membership.ts'

/** Proofs that were checked and are kept; beyond it all are checked again. */
const MAX_CHECKED = 10_000

/** Who belongs to the organisation, by configuration alone. */
export interface Members {
  /** Whether a record may be believed to be a member's. */
  isMember(record: NodeRecord): boolean
  /** Whether that can be told of a node before a record of it was seen; undefined where it takes one. */
  isKnown(id: NodeId): boolean | undefined
}

/**
 * Makes the test of membership.
 *
 * @param wall milliseconds since 1970
 * @throws TypeError when a key that signs membership is of no use
 */
export function membersOf(
  { members }: Pick<GossipSettings, 'members'>,
  organisation: string,
  wall: () => number,
): Members {
  switch (members.kind) {
    case 'first-use':
      return new FirstUse()
    case 'listed':
      return listed(members.names)
    case 'issued':
      return new Issued(members.keys, organisation, wall)
    default:
      return members satisfies never
  }
}

/** Whoever says so is a member; only a name belongs to the first who has it, until that one leaves. */
class FirstUse implements Members {
  readonly #names = new Map<string, NodeId>()

  isMember({ id, name, status }: NodeRecord): boolean {
    if (name === undefined) return true
    const holder = this.#names.get(name)
    if (holder !== undefined && holder !== id) return false
    if (status === 'left') {
      this.#names.delete(name)
      return true
    }
    if (this.#names.size < MAX_CHECKED) this.#names.set(name, id)
    return true
  }

  isKnown(): boolean {
    return true
  }
}

function listed(names: ReadonlyMap<NodeId, string | undefined>): Members {
  const holders = new Map(
    [...names].flatMap(([id, name]) => (name === undefined ? [] : [[name, id]])),
  )
  return {
    isMember: ({ id, name }) => {
      if (!names.has(id)) return false
      const holder = name === undefined ? undefined : holders.get(name)
      const own = names.get(id)
      return (own === undefined || own === name) && (holder === undefined || holder === id)
    },
    isKnown: (id) => names.has(id),
  }
}

/** Who has a token of the organisation. */
class Issued implements Members {
  readonly #keys: ReturnType<typeof membershipKeys>
  readonly #organisation: string
  readonly #wall: () => number
  /** Digests of what was proved, and of the five minutes it was proved in. */
  readonly #good = new Set<string>()

  constructor(
    keys: readonly Readonly<Record<string, unknown>>[],
    organisation: string,
    wall: () => number,
  ) {
    this.#keys = membershipKeys(keys)
    this.#organisation = organisation
    this.#wall = wall
  }

  isMember({ id, membership, name }: NodeRecord): boolean {
    if (membership === undefined) return false
    const now = Math.floor(this.#wall() / 1_000)
    // The time is part of it, so that what is over is not believed for much longer.
    const key = hash('sha256', JSON.stringify([id, name, membership, Math.floor(now / 300)]))
    if (this.#good.has(key)) return true
    const claimed = { organisation: this.#organisation, id, name, now }
    if (membershipProblem(membership, this.#keys, claimed) !== undefined) return false
    if (this.#good.size >= MAX_CHECKED) this.#good.clear()
    this.#good.add(key)
    return true
  }

  isKnown(): undefined {
    return undefined
  }
}
