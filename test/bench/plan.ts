// What is measured: groups of cells that differ only in the target, so that targets can be compared.
import type { Era, Operation } from './wire.ts'

/**
 * The ways to the upstream. `floor3` passes three floor proxies, for what three hops are to be compared with;
 * `sdk-server` is an upstream of another make, `sdk-relay` a relay of another make.
 */
export type Route =
  'direct' | 'floor' | 'floor3' | 'hop1' | 'hop2' | 'hop3' | 'sdk-server' | 'sdk-relay'

/** Cells with everything equal but the route. */
export interface Group {
  readonly era: Era
  readonly operation: Operation
  readonly routes: readonly Route[]
}

const ERAS: readonly Era[] = ['2026', '2025']
const PAYLOADS = [100, 65_536, 1_048_576]

/** Sizes of the lists that are measured. */
export const LIST_SIZES: readonly number[] = [10, 1_000, 5_000]

/** How a size is written in the name of a cell. */
export function sizeName(operation: Operation): string {
  if (operation.kind === 'list') return String(operation.tools)
  if (operation.payload >= 1_048_576) return `${operation.payload / 1_048_576}MiB`
  return operation.payload >= 1_024 ? `${operation.payload / 1_024}KiB` : `${operation.payload}B`
}

/** Name of a group: `call/2026/64KiB`, `list/2025/1000`. */
export function groupName({ era, operation }: Pick<Group, 'era' | 'operation'>): string {
  return `${operation.kind}/${era}/${sizeName(operation)}`
}

/** Every group of a whole run. */
export function allGroups(withSdk: boolean): Group[] {
  const relays: Route[] = withSdk ? ['sdk-relay'] : []
  const calls = ERAS.flatMap((era) =>
    PAYLOADS.map((payload): Group => ({
      era,
      operation: { kind: 'call', payload },
      routes: ['direct', 'floor', 'floor3', 'hop1', 'hop2', 'hop3', ...relays],
    })),
  )
  const lists = ERAS.flatMap((era) =>
    LIST_SIZES.map((tools): Group => ({
      era,
      operation: { kind: 'list', tools },
      routes: ['direct', 'sdk-server', 'floor', 'hop1'],
    })),
  )
  return [...calls, ...lists]
}

/**
 * The groups, each with the routes whose cell name (`call/2026/100B/hop1`) contains the pattern.
 *
 * A cell that is chosen brings `direct` and `floor` along: without them there is nothing to compare it with.
 */
export function choose(groups: readonly Group[], pattern: string): Group[] {
  return groups.flatMap((group) => {
    const chosen = new Set(
      group.routes.filter((route) => `${groupName(group)}/${route}`.includes(pattern)),
    )
    if (chosen.size === 0) return []
    const routes = group.routes.filter(
      (route) => chosen.has(route) || route === 'direct' || route === 'floor',
    )
    return [{ ...group, routes }]
  })
}
