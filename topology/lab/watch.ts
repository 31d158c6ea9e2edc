import { deadRoutes, FilterAudit, loopIn, VersionWatch } from './always.ts'
import type { Eventually, ExpectDraft, Sometimes, Trigger } from './lab-draft.ts'
import { SILENCE_MS, WITHIN_MS, type Lab } from './lab.ts'
import type { SeenMesh } from './seen.ts'
import { Truth } from './truth.ts'
import { Tally, type CheckResult } from './verdict.ts'

/** Changes of routes are gathered so long before anything is chosen, ms: until then a node may hold what it knows is dead. */
const GATHER_MS = 11

interface Awaited {
  readonly expect: ExpectDraft
  readonly tally: Tally
}

/** Holds a run against what is expected of it. */
export class Watch {
  readonly #mesh: SeenMesh
  readonly #gather: number
  readonly #truth: Truth
  readonly #filters: FilterAudit
  readonly #versions = new VersionWatch()
  readonly #always = new Map<string, Tally>()
  readonly #eventually: Awaited[] = []
  readonly #sometimes = new Map<string, Tally>()
  /** All, in the order of the file. */
  readonly #tallies: Tally[] = []
  /** How many faults there were: a look that has another since it began is none. */
  #faults = 0

  /** @param gather changes of routes are gathered so long at most before anything is chosen, ms */
  constructor(mesh: SeenMesh, lab: Lab, gather: number = GATHER_MS) {
    this.#gather = gather
    this.#mesh = mesh
    this.#truth = new Truth(mesh, lab)
    this.#filters = new FilterAudit(lab)
    for (const expect of lab.expect) this.#add(expect)
  }

  #add(expect: ExpectDraft): void {
    const { always, sometimes } = expect
    const tally = new Tally(textOf(expect), sometimes !== undefined)
    this.#tallies.push(tally)
    if (always !== undefined) this.#always.set(always, tally)
    else if (sometimes !== undefined) this.#sometimes.set(sometimes, tally)
    else this.#eventually.push({ expect, tally })
  }

  /** What became of all expectations. */
  results(): readonly CheckResult[] {
    return this.#tallies.map((tally) => tally.result())
  }

  /** Something happened to the mesh: what is expected after it is due from now on. */
  onTrigger(trigger: Trigger): void {
    this.#faults += 1
    for (const awaited of this.#eventually) {
      const { after = 'start' } = awaited.expect
      if (after === trigger) this.#await(awaited)
    }
  }

  /** Something that is hoped for came about. */
  onSight(what: Sometimes): void {
    const tally = this.#sometimes.get(what)
    if (tally !== undefined) tally.look(this.#mesh.now, undefined)
  }

  /** A node chose anew for a key. */
  onRoute(node: string, key: string): void {
    const [loops, filters] = ['no-loops', 'filter-composition'].map((name) =>
      this.#always.get(name),
    )
    if (loops === undefined && filters === undefined) return
    for (const { route } of this.#mesh.nodes.get(node)?.speaker?.fib.get(key)?.candidates ?? []) {
      const where = (why: string | undefined): string | undefined =>
        why === undefined ? undefined : `${node}, ${key}: ${why}`
      loops?.look(this.#mesh.now, where(loopIn(node, route)))
      filters?.look(this.#mesh.now, where(this.#filters.objection(route)))
    }
  }

  /** Looks at what is not seen from changes alone. */
  sweep(): void {
    const { now } = this.#mesh
    const versions = this.#always.get('versions-forward')
    if (versions !== undefined) versions.look(now, this.#versions.look(this.#mesh)[0])
    const dead = this.#always.get('no-dead-routes')
    if (dead === undefined || dead.isSettled) return
    const before = deadRoutes(this.#mesh)
    if (before.size === 0) {
      dead.look(now, undefined)
      return
    }
    this.#mesh.agenda.add(now + this.#gather, () => {
      const still = [...deadRoutes(this.#mesh)].find((one) => before.has(one))
      dead.look(this.#mesh.now, still)
    })
  }

  #await({ expect, tally }: Awaited): void {
    const { eventually, within = WITHIN_MS } = expect
    if (eventually === undefined) return
    const since = this.#faults
    const isCalm = (): boolean => {
      if (this.#faults === since) return true
      tally.disturbed += 1
      return false
    }
    this.#mesh.agenda.add(this.#mesh.now + within, () => {
      if (!isCalm()) return
      if (eventually === 'silent') this.#listen(tally, isCalm)
      else tally.look(this.#mesh.now, this.#wrong(eventually))
    })
  }

  #listen(tally: Tally, isCalm: () => boolean): void {
    const { routes } = this.#mesh.counts
    this.#mesh.agenda.add(this.#mesh.now + SILENCE_MS, () => {
      if (!isCalm()) return
      const said = this.#mesh.counts.routes - routes
      tally.look(this.#mesh.now, said === 0 ? undefined : `${said} messages of routes were sent`)
    })
  }

  #wrong(what: Exclude<Eventually, 'silent'>): string | undefined {
    if (what === 'converged') return this.#truth.errors(1)[0]
    const roots = new Map<string, string>()
    for (const { id, organisation, speaker } of this.#mesh.nodes.values()) {
      if (speaker === undefined) continue
      const root = speaker.db.tree.root()
      const known = roots.get(organisation) ?? root
      roots.set(organisation, known)
      if (known !== root) return `${id} knows other records than the first of ${organisation}`
    }
    return undefined
  }
}

/** An expectation in one line. */
function textOf({
  always,
  eventually,
  within = WITHIN_MS,
  after = 'start',
  sometimes,
}: ExpectDraft): string {
  if (always !== undefined) return `always ${always}`
  if (sometimes !== undefined) return `sometimes ${sometimes}`
  return `eventually ${eventually} within ${within}ms after ${after}`
}
