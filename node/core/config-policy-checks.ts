import type { Verdict } from '../../protocol/policy/decide.ts'
import { disappointments } from '../../protocol/policy/expectation.ts'
import { lintPolicy, type PolicyGround } from '../../protocol/policy/lint.ts'
import { EVERYBODY, type Policy, type Rule } from '../../protocol/policy/policy.ts'
import type { ConfigProblem } from './config-error.ts'
import { didYouMean } from './config-hints.ts'
import { offersOf } from './config-imports.ts'
import type { ConfigOutline, PolicyOutline } from './config-outline.ts'
import type { NodeConfig } from './config-types.ts'

type Path = ConfigProblem['path']

/** A name that is not there, and which may have been meant. */
export function unknownName(
  what: string,
  name: string,
  { path, names }: { readonly path: Path; readonly names: readonly string[] },
): readonly ConfigProblem[] {
  if (names.includes(name)) return []
  const hint = didYouMean(name, names)
  const problem = { path, message: `there is no ${what} "${name}"` }
  return [hint === undefined ? problem : { ...problem, hint }]
}

function checkClasses(
  classes: readonly string[],
  path: Path,
  { clients }: PolicyOutline,
): readonly ConfigProblem[] {
  const names = Object.keys(clients)
  return classes
    .filter((name) => name !== EVERYBODY)
    .flatMap((name) => unknownName('class', name, { path: [...path, 'for'], names }))
}

function checkTags({ kinds }: Rule, path: Path, { tags }: PolicyOutline): readonly ConfigProblem[] {
  const names = Object.keys(tags)
  return Object.entries(kinds).flatMap(([kind, { allow, deny }]) =>
    [...allow, ...deny].flatMap(({ tag }) =>
      tag === undefined ? [] : unknownName('tag', tag, { path: [...path, kind], names }),
    ),
  )
}

/** Why something is hidden or shown, for people. */
function reasonOf({ visible, level, rule }: Verdict): string {
  if (rule === undefined) return `no rule allows the ${level}`
  return visible ? `visibility[${rule}] allows it` : `visibility[${rule}] denies the ${level}`
}

function checkExpectations(
  policy: PolicyOutline,
  outline: ConfigOutline,
): readonly ConfigProblem[] {
  const names = [...outline.endpoints.keys()]
  return policy.expect.flatMap((expectation, index) => {
    const path: Path = ['expect', index]
    const { endpoint } = expectation
    const wrong = [
      ...checkClasses(expectation.for, path, policy),
      ...unknownName('endpoint', endpoint, { path: [...path, 'endpoint'], names }),
    ]
    const rules = rulesOf(policy)
    // Where everything is shown, only scopes hide anything, and no example speaks of them.
    if (wrong.length > 0 || rules === undefined) return wrong
    const found = disappointments({ rules, tags: policy.tags }, expectation)
    return found.map(({ which, index: at, verdict }) => {
      const state = verdict.visible ? 'is visible' : 'is hidden'
      return { path: [...path, which, at], message: `${state}: ${reasonOf(verdict)}` }
    })
  })
}

/** Who may ask why. */
function checkExplainTo(
  { clients }: PolicyOutline,
  outline: ConfigOutline,
): readonly ConfigProblem[] {
  const names = Object.keys(clients)
  return [...outline.endpoints].flatMap(([endpoint, settings]) => {
    const { explainTo = [], auth } = settings ?? {}
    const path: Path = ['endpoints', endpoint, 'explainTo']
    const message = 'nobody is asked who they are here, so nobody is in a class'
    if (auth === 'none' && explainTo.length > 0) return [{ path, message }]
    return explainTo.flatMap((name, i) => unknownName('class', name, { path: [...path, i], names }))
  })
}

function rulesOf({ visibility }: Pick<PolicyOutline, 'visibility'>): Policy['rules'] | undefined {
  return visibility === 'open' ? undefined : visibility
}

/** Names that lead nowhere, and examples the rules decide otherwise. */
export function policyChecks(outline: ConfigOutline): readonly ConfigProblem[] {
  const { policy } = outline
  if (policy === undefined) return []
  const rules = rulesOf(policy) ?? []
  const wrong: ConfigProblem[] = rules.flatMap((rule, index) => {
    const path: Path = ['visibility', index]
    return [...checkClasses(rule.for, path, policy), ...checkTags(rule, path, policy)]
  })
  wrong.push(...checkExplainTo(policy, outline))
  return wrong.length > 0 ? wrong : checkExpectations(policy, outline)
}

/** What rules and limits can be about. */
export function groundOf(config: NodeConfig): PolicyGround {
  const endpoints = Object.entries(config.endpoints).map(([name, { namespaces }]) => {
    return { name, namespaces: offersOf(config, namespaces) }
  })
  const { clients, quotas } = config
  const selectors = quotas.flatMap(({ kinds }) => Object.values(kinds).flat())
  return {
    classes: Object.keys(clients),
    endpoints,
    named: {
      classes: new Set(quotas.flatMap((quota) => quota.for)),
      tags: new Set(selectors.flatMap(({ tag }) => tag ?? [])),
    },
  }
}

/** What of a policy is allowed but probably not meant. */
export function policyWarnings(config: NodeConfig): readonly ConfigProblem[] {
  const { tags, expect } = config
  const rules = rulesOf(config)
  const remarks = lintPolicy({ rules: rules ?? [], tags }, groundOf(config))
  const idle =
    rules === undefined && expect.length > 0
      ? [{ path: ['expect'], message: 'holds nothing: visibility is open' }]
      : []
  return [...remarks, ...idle]
}
