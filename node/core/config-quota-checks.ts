import { EVERYBODY } from '../../protocol/policy/policy.ts'
import { lintQuotas } from '../../protocol/quota/lint.ts'
import type { Quota } from '../../protocol/quota/quota.ts'
import type { ConfigProblem } from './config-error.ts'
import { known, type ConfigOutline } from './config-outline.ts'
import { groundOf, unknownName } from './config-policy-checks.ts'
import type { NodeConfig } from './config-types.ts'

type Path = ConfigProblem['path']

function tagsIn({ kinds }: Pick<Quota, 'kinds'>, path: Path, names: readonly string[]): Problems {
  return Object.entries(kinds).flatMap(([kind, selectors]) =>
    selectors.flatMap(({ tag }, index) =>
      tag === undefined ? [] : unknownName('tag', tag, { path: [...path, kind, index], names }),
    ),
  )
}

type Problems = readonly ConfigProblem[]

/** Names in limits that lead nowhere. */
export function quotaChecks({ quotas, policy }: ConfigOutline): Problems {
  if (policy === undefined) return []
  const [classes, tags] = [Object.keys(policy.clients), Object.keys(policy.tags)]
  return known(quotas).flatMap(([name, quota]) => {
    const path: Path = ['quotas', name]
    const wrong = quota.for
      .filter((one) => one !== EVERYBODY)
      .flatMap((one) => unknownName('class', one, { path: [...path, 'for'], names: classes }))
    return [...wrong, ...tagsIn(quota, path, tags)]
  })
}

/** What of a limit is allowed but probably not meant. */
export function quotaWarnings(config: NodeConfig): Problems {
  return lintQuotas(config.quotas, groundOf(config)).map(({ quota, path, message }) => {
    const problem = { path: ['quotas', quota, ...path], message }
    return path.length === 0 ? { ...problem, at: 'key' as const } : problem
  })
}
