import type { Level, Rule } from '../../protocol/policy/policy.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { PolicyText, RuleText } from './admin-models.ts'

type Sides<Pattern> = Pick<Level<Pattern>, 'allow' | 'deny'>

function sides<Pattern>({ allow, deny }: Level<Pattern>): Sides<Pattern> {
  return { allow, deny }
}

function ruleText(
  { place, for: classes, endpoints, namespaces, kinds }: Rule,
  index: number,
): RuleText {
  const spoken = Object.entries(kinds).map(([kind, said]) => [kind, sides(said)] as const)
  const levels = { endpoints: sides(endpoints), namespaces: sides(namespaces) }
  return { index, place, for: classes, ...levels, ...Object.fromEntries(spoken) }
}

/** The policy of a configuration as it is told. */
export function policyText({
  visibility,
  clients,
  tags,
}: Pick<NodeConfig, 'visibility' | 'clients' | 'tags'>): PolicyText {
  const isOpen = visibility === 'open'
  const rules = isOpen ? [] : visibility.map(ruleText)
  const kind = isOpen ? 'open' : 'rules'
  return { visibility: kind, rules, classes: { ...clients }, tags: { ...tags } }
}

/** What is below a level that allows nothing is about everything, as where a rule only denies. */
function level<Pattern>({ allow, deny }: Sides<Pattern>): Level<Pattern> {
  return { allow, deny, within: allow.length > 0 ? allow : 'all' }
}

function ruleOf({ place, for: classes, endpoints, namespaces, ...rest }: RuleText): Rule {
  const { tools, prompts, resources } = rest
  const spoken = Object.entries({ tools, prompts, resources }).flatMap(([kind, said]) =>
    said === undefined ? [] : [[kind, level(said)] as const],
  )
  const rule = {
    for: classes,
    endpoints: level(endpoints),
    namespaces: level(namespaces),
    kinds: Object.fromEntries(spoken),
  }
  return place === undefined ? rule : { ...rule, place }
}

/** The policy that is told so: the reverse of {@link policyText}, which decides the same. */
export function policyOfText({
  visibility,
  rules,
  classes,
  tags,
}: PolicyText): Pick<NodeConfig, 'visibility' | 'clients' | 'tags'> {
  const decided = visibility === 'open' ? 'open' : rules.map(ruleOf)
  return { visibility: decided, clients: classes, tags }
}
