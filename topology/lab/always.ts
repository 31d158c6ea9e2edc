import { compileGlob } from '../../protocol/glob.ts'
import { isDead, type Route } from '../route.ts'
import { NO_EXPORT, NO_TRANSIT, type ExportRule, type ImportRule } from '../route-policy.ts'
import { compareVersions, type Version } from '../version.ts'
import type { Lab, LabLink } from './lab.ts'
import type { SeenMesh, SeenNode } from './seen.ts'

/** What is wrong with a way a node holds as a way: it passes something twice. Undefined when nothing is. */
export function loopIn(self: string, { path, organisations }: Route): string | undefined {
  const ids = path.map(({ id }) => id)
  if (new Set(ids).size < ids.length) return `passes a node twice: ${ids.join(' ')}`
  if (new Set(organisations).size < organisations.length) {
    return `passes an organisation twice: ${organisations.join(' ')}`
  }
  return ids[0] === self ? undefined : `does not begin at ${self}`
}

/** Routes in use that what their own node knows contradicts, as text by which one is known again. */
export function deadRoutes(mesh: SeenMesh): Set<string> {
  const found = new Set<string>()
  for (const node of mesh.nodes.values()) {
    for (const [key, { candidates }] of node.speaker?.fib ?? []) {
      const dead = candidates.filter(({ route }) => isKnownDead(node, route))
      for (const { route } of dead) found.add(held(node, key, route))
    }
  }
  return found
}

function isKnownDead({ speaker }: SeenNode, { path }: Route): boolean {
  return speaker !== undefined && isDead(path.slice(1), speaker.db)
}

function held({ id, life }: SeenNode, key: string, { path }: Route): string {
  const steps = path.map((step) => `${step.id}.${step.inc}.${step.epoch}`)
  return `${id}.${life} holds ${key} over ${steps.join(' ')}`
}

/** Tells whether what is stored of a node went back while the node that stores it ran. */
export class VersionWatch {
  readonly #seen = new Map<string, Version>()

  /** What went back since it was looked last. */
  look(mesh: SeenMesh): string[] {
    const found: string[] = []
    for (const { id, life, speaker } of mesh.nodes.values()) {
      for (const of of speaker?.db.nodes() ?? []) {
        const key = `${id} ${life} ${of}`
        const [before, now] = [this.#seen.get(key), speaker?.db.version(of)]
        if (now === undefined) continue
        this.#seen.set(key, now)
        const isBack = before !== undefined && compareVersions(now, before) < 0
        if (isBack) found.push(`${id} went back to an older record of ${of}`)
      }
    }
    return found
  }
}

/** Holds ways against the filters of the file, link by link, without asking the code that applies them. */
export class FilterAudit {
  readonly #lab: Lab
  readonly #links = new Map<string, LabLink>()
  readonly #globs = new Map<string, (name: string) => boolean>()

  constructor(lab: Lab) {
    this.#lab = lab
    for (const link of lab.links) this.#links.set(`${link.from} ${link.to}`, link)
  }

  /** Why a node should not have a way; undefined when it may. */
  objection({ key, organisations, path, tags }: Route): string | undefined {
    if (path.length > 1 && tags.includes(NO_EXPORT)) return `is tagged ${NO_EXPORT}`
    for (const [at, { id }] of path.entries()) {
      const next = path[at + 1]
      if (next === undefined) break
      const why = this.#onLink(id, next.id, { key, organisations, tags })
      if (why !== undefined) return why
    }
    return undefined
  }

  #onLink(
    from: string,
    to: string,
    route: Pick<Route, 'key' | 'organisations' | 'tags'>,
  ): string | undefined {
    const { tag, namespace } = this.#links.get(`${from} ${to}`)?.filter ?? {}
    const { name, tags } = { name: route.key.namespace, tags: route.tags }
    if (tag !== undefined && tags.includes(tag)) return `${from}->${to} denies the tag ${tag}`
    if (namespace !== undefined && this.#fits(namespace, name)) {
      return `${from}->${to} denies the namespace ${name}`
    }
    const [here, there] = [from, to].map((id) => this.#lab.nodes.get(id)?.organisation)
    if (here === undefined || there === undefined || here === there) return undefined
    return this.#onBorder(here, there, route)
  }

  #onBorder(
    here: string,
    there: string,
    route: Pick<Route, 'key' | 'organisations' | 'tags'>,
  ): string | undefined {
    const { exports = [] } = this.#lab.organisations.get(there) ?? {}
    const { imports = [] } = this.#lab.organisations.get(here) ?? {}
    // Own organisation, the one over the border, and whatever lies behind it.
    const passes = route.organisations.length > 2
    if (passes && route.tags.includes(NO_TRANSIT)) return `is tagged ${NO_TRANSIT}`
    const isOffered = exports.some(
      (rule) => rule.allow && this.#offers(rule, here, route) && (!passes || rule.transit === true),
    )
    if (!isOffered) return `${there} does not offer ${route.key.namespace} to ${here}`
    const taken = imports.find((rule) => this.#takes(rule, there, route))
    return taken?.preference === undefined
      ? `${here} does not take ${route.key.namespace} from ${there}`
      : undefined
  }

  #offers(rule: ExportRule, to: string, { key, tags }: Pick<Route, 'key' | 'tags'>): boolean {
    if (rule.to !== undefined && rule.to !== to) return false
    if (rule.tags !== undefined && !rule.tags.some((tag) => tags.includes(tag))) return false
    if (rule.as !== undefined) return rule.as === key.namespace
    return rule.namespaces?.some((glob) => this.#fits(glob, key.namespace)) ?? true
  }

  #takes(rule: ImportRule, from: string, { key, tags }: Pick<Route, 'key' | 'tags'>): boolean {
    if (rule.from !== undefined && rule.from !== from) return false
    if (rule.tags !== undefined && !rule.tags.some((tag) => tags.includes(tag))) return false
    return rule.namespaces?.some((glob) => this.#fits(glob, key.namespace)) ?? true
  }

  #fits(glob: string, name: string): boolean {
    const known = this.#globs.get(glob) ?? compileGlob(glob)
    this.#globs.set(glob, known)
    return known(name)
  }
}
