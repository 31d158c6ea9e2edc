/** What of a limit is allowed but probably not meant. Says nothing unless it is sure. */

import { globsOverlap, matchesGlob } from '../glob.ts'
import type { PolicyGround } from '../policy/lint.ts'
import { ABOUT, isParticular, METERED, METHOD_GROUPS, type Quota } from './quota.ts'

/** A remark about one limit. */
export interface QuotaRemark {
  readonly quota: string
  /** The member of the limit it is about, and what is wrong in it; empty: the limit as a whole. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

const KINDS = ['tools', 'prompts', 'resources'] as const

/** Names of tools an endpoint may have of its own have no namespace. */
const OWN = new Set(['search_tools', 'describe_tools', 'call_tool'])

/** Groups of requests a limit can count by its methods, in the order of the words. */
function groupsOf({ methods }: Quota): readonly (typeof METHOD_GROUPS)[number][] {
  if (methods === undefined) return METHOD_GROUPS
  return METHOD_GROUPS.filter((group) =>
    methods.some((one) => one === group || METERED.get(one) === group),
  )
}

/** Capabilities that no request of its methods is about. */
function idleKinds(quota: Quota): readonly QuotaRemark[] {
  if (!isParticular(quota)) return []
  const reached = new Set(groupsOf(quota).flatMap((group) => ABOUT[group] ?? []))
  const kinds = KINDS.filter((kind) => quota.kinds[kind] !== undefined)
  const idle = kinds.filter((kind) => !reached.has(kind))
  if (idle.length === kinds.length) {
    const message = 'can never match: no request of its methods is about what it names'
    return [{ quota: quota.name, path: [], message }]
  }
  return idle.map((kind) => {
    const message = 'can match nothing: no request of the methods is about one'
    return { quota: quota.name, path: [kind], message }
  })
}

function vainEndpoints(
  { name: quota, endpoints }: Quota,
  ground: PolicyGround,
): readonly QuotaRemark[] {
  return endpoints.flatMap((glob, index) => {
    const isVain = glob !== '*' && !ground.endpoints.some(({ name }) => matchesGlob(glob, name))
    const message = `"${glob}" matches no endpoint`
    return isVain ? [{ quota, path: ['endpoints', index], message }] : []
  })
}

function strayNames(quota: Quota, ground: PolicyGround): readonly QuotaRemark[] {
  const offered = ground.endpoints
    .filter(({ name }) => quota.endpoints.some((glob) => matchesGlob(glob, name)))
    .flatMap(({ namespaces }) => namespaces)
  return (['tools', 'prompts'] as const).flatMap((kind) =>
    (quota.kinds[kind] ?? []).flatMap(({ name }, index) => {
      if (name === undefined || OWN.has(name)) return []
      if (offered.some((namespace) => globsOverlap(`${namespace}__*`, name))) return []
      const message = `"${name}" can match nothing: names are <namespace>__<name>, of the endpoints it is about`
      return [{ quota: quota.name, path: [kind, index], message }]
    }),
  )
}

/** A number of places that nothing takes. */
function idleParts({ name: quota, rate, concurrent, methods }: Quota): readonly QuotaRemark[] {
  const onlyCancels = methods?.every((one) => one === 'tasks/cancel') === true
  if (concurrent === undefined || !onlyCancels) return []
  const message = 'counts nothing: to cancel takes no place'
  return [{ quota, path: rate === undefined ? [] : ['concurrent'], message }]
}

/** Everything doubtful about limits. */
export function lintQuotas(quotas: readonly Quota[], ground: PolicyGround): readonly QuotaRemark[] {
  return quotas.flatMap((quota) => [
    ...idleKinds(quota),
    ...vainEndpoints(quota, ground),
    ...strayNames(quota, ground),
    ...idleParts(quota),
  ])
}
