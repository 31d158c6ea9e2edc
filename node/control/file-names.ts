import { globsOverlap, matchesGlob } from '../../protocol/glob.ts'
import {
  isFor,
  READING_HINTS,
  UNKNOWN_HINTS,
  type Rule,
  type RuleKind,
} from '../../protocol/policy/policy.ts'
import type { EndpointConfig, NodeConfig } from '../core/config-types.ts'
import { offersAt } from './check.ts'
import type { Explainable } from './explain.ts'

/** Stands for any name: it is in none, and every star matches it. */
const ANY = '\u{10ffff}'

const KINDS = { tools: 'tool', prompts: 'prompt', resources: 'resource' } as const

/** Something a file names. */
export interface FileName {
  readonly kind: RuleKind
  readonly namespace: string
  /** Name or glob, as the namespace has it. */
  readonly name: string
}

/** Namespaces of an endpoint as far as a file tells: own ones, those that rules name, and globs over what is imported. */
function namespacesOf(config: NodeConfig, endpoint: EndpointConfig): readonly string[] {
  const offered = offersAt(endpoint, config).map(({ namespace }) => namespace)
  const named = namedNamespaces(config).filter((name) =>
    offered.some((glob) => glob.includes('*') && matchesGlob(glob, name)),
  )
  return [...new Set([...offered, ...named])]
}

function namedNamespaces({ visibility, expect }: NodeConfig): readonly string[] {
  const rules = visibility === 'open' ? [] : visibility
  const levels = rules.flatMap(({ namespaces: { allow, deny } }) => [...allow, ...deny])
  const before = rules.flatMap(selectorGlobs).flatMap((glob) => glob.split('__')[0] ?? [])
  const examples = expect.flatMap(({ sees, hides }) => [...sees, ...hides])
  const all = [...levels, ...before, ...examples.map(({ namespace }) => namespace)]
  return all.filter((name) => /^[A-Za-z0-9][\w-]*$/.test(name))
}

function selectorGlobs({ kinds }: Rule): readonly string[] {
  const levels = Object.entries(kinds).filter(([kind]) => kind !== 'resources')
  return levels.flatMap(([, { allow, deny }]) =>
    [...allow, ...deny].flatMap(({ name = [] }) => name),
  )
}

/** What a policy has globs over, of one kind, in the rules that are for somebody. */
function patternsOf(config: NodeConfig, kind: RuleKind, classes: ReadonlySet<string>): string[] {
  const { visibility, tags } = config
  const rules = visibility === 'open' ? [] : visibility.filter((rule) => isFor(rule, classes))
  return rules.flatMap(({ kinds }) => {
    const level = kinds[kind]
    return [...(level?.allow ?? []), ...(level?.deny ?? [])].flatMap(({ name, tag }) => [
      ...(name === undefined ? [] : [name]),
      ...(tag === undefined ? [] : (tags[tag] ?? [])),
    ])
  })
}

/** What of a namespace a pattern is about, as the namespace has it; undefined when nothing, as far as can be told. */
function within(namespace: string, kind: RuleKind, pattern: string): string | undefined {
  if (kind === 'resources') return pattern
  const start = `${namespace}__`
  const middle = pattern.indexOf('__')
  const name = pattern.slice(pattern.startsWith(start) ? start.length : middle + 2)
  const candidate = middle === -1 ? pattern : name
  return matchesGlob(pattern, sampleOf(`${start}${candidate}`)) ? candidate : undefined
}

/** One name that nothing but the stars of a glob match. */
function sampleOf(glob: string): string {
  return glob.replaceAll('*', ANY)
}

/** What a file itself names at an endpoint, and all else as `*`: nothing is known of what servers have. */
export function namesAt(
  config: NodeConfig,
  endpoint: string,
  classes: readonly string[],
): readonly FileName[] {
  const settings = config.endpoints[endpoint]
  if (settings === undefined) return []
  const examples = config.expect
    .filter((one) => one.endpoint === endpoint)
    .flatMap(({ sees, hides }) => [...sees, ...hides])
  return namespacesOf(config, settings).flatMap((namespace) =>
    (['tools', 'prompts', 'resources'] as const).flatMap((kind) => {
      const own = examples.filter((one) => one.kind === kind && one.namespace === namespace)
      const patterns = patternsOf(config, kind, new Set(classes))
      const found = patterns.flatMap((pattern) => within(namespace, kind, pattern) ?? [])
      const all = new Set([...own.map(({ name }) => name), ...found])
      all.delete('*')
      return [...[...all].toSorted(), '*'].map((name) => ({ kind, namespace, name }))
    }),
  )
}

/** Labels of the upstreams a namespace of an endpoint can be from, as far as the file tells; none: it is not offered. */
export function feeding(
  config: NodeConfig,
  endpoint: string,
  namespace: string,
): readonly string[] {
  const settings = config.endpoints[endpoint]
  const isOffered = settings?.namespaces.some((glob) => globsOverlap(glob, namespace))
  if (settings === undefined || isOffered !== true) return []
  const offers = offersAt(settings, config).filter((offer) =>
    globsOverlap(offer.namespace, namespace),
  )
  return [...new Set(offers.flatMap(({ upstreams }) => upstreams.map(({ label }) => label)))]
}

/** A name as something to decide about, called as examples call it; a glob by what nothing but its stars match. */
export function explainableOf(
  { kind: of, namespace, name }: FileName,
  config: NodeConfig,
  endpoint: string,
): Explainable {
  const kind = KINDS[of]
  const isPlain = config.endpoints[endpoint]?.names === 'plain'
  const candidates = feeding(config, endpoint, namespace).map((upstream) => ({ upstream }))
  const entry = {
    kind,
    name: isPlain ? name : `${namespace}__${name}`,
    namespace: sampleOf(namespace),
    id: { name: sampleOf(name) },
    hints: kind === 'tool' ? UNKNOWN_HINTS : READING_HINTS,
    candidates,
  }
  return { entry }
}
