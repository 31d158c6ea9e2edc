import { rateLimitFields, secondsOf } from '../../protocol/quota/fields.ts'
import {
  compileSubjects,
  concerns,
  takesPlace,
  type MeteredSubject,
  type Quota,
} from '../../protocol/quota/quota.ts'
import { classesOf, type Classes } from '../../protocol/policy/classes.ts'
import type { Policy } from '../../protocol/policy/policy.ts'
import { factsOf } from './caller-facts.ts'
import { PlacesGauge, RateGauge, type Cell, type Gauge } from './gauges.ts'
import { Limited, type Lease, type Meter, type MeteredRequest } from './meter.ts'
import type { Principal } from './principal.ts'
import { formatDuration } from './units.ts'

/** What limits are made of. */
export interface QuotaRules {
  readonly quotas: readonly Quota[]
  readonly classes: Classes
  readonly tags: Policy['tags']
}

/** Where limits are kept. */
export interface QuotaParts {
  /** Milliseconds that only go up. */
  readonly now: () => number
  /** Callers one limit keeps count of. */
  readonly callers: number
  /** Who refuses: `node` for machines, `name` (`<organisation>/<name>`) for people. */
  readonly node: string
  readonly name: string
}

/** One limit as it is held. */
interface Held {
  readonly quota: Quota
  readonly print: string
  readonly rate: RateGauge | undefined
  readonly places: PlacesGauge | undefined
  readonly isAbout: ((subject: MeteredSubject) => boolean) | undefined
}

/** Of a limit all share. No key of a principal is empty. */
const SHARED_KEY = ''

/** The limits of a node: one place for all ways in. */
export class Quotas {
  readonly #parts: QuotaParts
  #held: readonly Held[] = []
  #meter: QuotaMeter | undefined

  constructor(rules: QuotaRules, parts: QuotaParts) {
    this.#parts = parts
    this.configure(rules)
  }

  /** Undefined while nothing is limited. */
  get meter(): Meter | undefined {
    return this.#meter
  }

  /** Takes other limits, for the next request. One that says what it said before keeps what was counted. */
  configure({ quotas, classes, tags }: QuotaRules): void {
    this.#held = quotas.map((quota) => this.#hold(quota, tags))
    this.#meter =
      this.#held.length === 0 ? undefined : new QuotaMeter(this.#held, classes, this.#parts)
  }

  #hold(quota: Quota, tags: Policy['tags']): Held {
    const print = printOf(quota)
    const isAbout = compileSubjects(quota, tags)
    const before = this.#held.find((one) => one.print === print)
    if (before !== undefined) return { ...before, quota, isAbout }
    const { rate, concurrent } = quota
    return {
      quota,
      print,
      isAbout,
      rate: rate && new RateGauge({ ...quota, rate }, this.#parts.callers),
      places:
        concurrent === undefined
          ? undefined
          : new PlacesGauge({ ...quota, concurrent }, this.#parts.callers),
    }
  }
}

/** What a limit says, wherever it stands. */
function printOf(quota: Quota): string {
  return JSON.stringify({ ...quota, place: undefined })
}

/** What counts one request of one caller. */
class Selection {
  readonly #key: string
  readonly #gauges: readonly Gauge[]
  readonly #cells: (Cell | undefined)[]
  /** What those allow that are their caller's alone: how much others ask is nobody's business. */
  readonly #policy: string

  constructor(key: string, gauges: readonly Gauge[]) {
    this.#key = key
    this.#gauges = gauges
    this.#cells = gauges.map(() => undefined)
    const own = gauges.filter(({ quota }) => quota.per === 'caller')
    this.#policy = own.map(({ policy }) => policy).join(', ')
  }

  get isEmpty(): boolean {
    return this.#gauges.length === 0
  }

  /** The one that makes it wait longest; undefined when all allow it. */
  refusal(now: number): Refusal | undefined {
    let found: Refusal | undefined
    for (let index = 0; index < this.#gauges.length; index += 1) {
      const cell = this.#cell(index, now)
      const wait = cell.wait(now)
      const gauge = this.#gauges[index]
      if (wait === 0 || gauge === undefined) continue
      if (found === undefined || isLonger(wait, found.wait)) found = { gauge, cell, wait }
    }
    return found
  }

  /** Takes one of each. Only where there is no refusal. */
  take(now: number): Lease {
    let levels = ''
    let places: Cell[] | undefined
    for (let index = 0; index < this.#gauges.length; index += 1) {
      const cell = this.#cell(index, now)
      const gauge = this.#gauges[index]
      cell.take(now)
      if (gauge?.allowance === 'places') (places ??= []).push(cell)
      if (gauge?.quota.per !== 'caller') continue
      const level = cell.level(now)
      levels = levels === '' ? level : `${levels}, ${level}`
    }
    return new Taken(rateLimitFields(this.#policy, levels), places ?? NO_CELLS)
  }

  /** Held from one request to the next, for as long as it is not forgotten. */
  #cell(index: number, now: number): Cell {
    const known = this.#cells[index]
    if (known?.gone === false) return known
    const gauge = this.#gauges[index]
    if (gauge === undefined) throw new TypeError('no such limit')
    const cell = gauge.cell(gauge.quota.per === 'all' ? SHARED_KEY : this.#key, now)
    this.#cells[index] = cell
    return cell
  }
}

/** Why a request is refused. */
interface Refusal {
  readonly gauge: Gauge
  readonly cell: Cell
  /** Microseconds; Infinity when nobody knows. */
  readonly wait: number
}

/** A wait nobody knows is told only where no other is known. */
function isLonger(wait: number, than: number): boolean {
  return than === Infinity ? wait !== Infinity : wait !== Infinity && wait > than
}

const NO_CELLS: readonly Cell[] = []

/** What one request has taken. */
class Taken implements Lease {
  readonly headers: readonly string[]
  #cells: readonly Cell[]

  constructor(headers: readonly string[], cells: readonly Cell[]) {
    this.headers = headers
    this.#cells = cells
  }

  get holds(): boolean {
    return this.#cells.length > 0
  }

  release(): void {
    const cells = this.#cells
    this.#cells = NO_CELLS
    for (const cell of cells) cell.release()
  }
}

/** So many limits about something are told apart by a bit each. */
const MOST_BITS = 30

/** What counts requests by one method of one caller at an endpoint. */
class Plan {
  readonly endpoint: string
  readonly method: string
  /** Another one of the same caller: they are few, and mostly it is the first that is wanted. */
  readonly next: Plan | undefined
  readonly #key: string
  readonly #general: readonly Held[]
  readonly #particular: readonly Held[]
  readonly #selections = new Map<number, Selection>()

  constructor(
    held: readonly Held[],
    { principal, endpoint, method }: MeteredRequest,
    next: Plan | undefined,
  ) {
    this.endpoint = endpoint
    this.method = method
    this.next = next
    this.#key = principal.key
    this.#general = held.filter(({ isAbout }) => isAbout === undefined)
    this.#particular = held.filter(({ isAbout }) => isAbout !== undefined)
  }

  /** What is about nothing its caller can see is counted by no limit that is about something: so it tells nothing. */
  for({ subject, resumes = false }: Pick<MeteredRequest, 'subject' | 'resumes'>): Selection {
    const isMany = this.#particular.length > MOST_BITS
    if (subject !== undefined && (isMany || resumes)) {
      const about = this.#particular.filter(({ isAbout }) => isAbout?.(subject) === true)
      return this.#select(about, resumes)
    }
    if (resumes) return this.#select([], resumes)
    let bits = 0
    if (subject !== undefined) {
      for (let index = 0; index < this.#particular.length; index += 1) {
        if (this.#particular[index]?.isAbout?.(subject) === true) bits |= 1 << index
      }
    }
    const known = this.#selections.get(bits)
    if (known !== undefined) return known
    const about = this.#particular.filter((_, index) => (bits & (1 << index)) !== 0)
    const made = this.#select(about, false)
    this.#selections.set(bits, made)
    return made
  }

  #select(about: readonly Held[], resumes: boolean): Selection {
    const gauges = [...this.#general, ...about].flatMap(({ quota, rate, places }): Gauge[] => [
      ...(rate === undefined || resumes ? [] : [rate]),
      ...(places === undefined || !takesPlace(quota, this.method) ? [] : [places]),
    ])
    return new Selection(this.#key, gauges)
  }
}

/** Counts by one set of limits. */
class QuotaMeter implements Meter {
  readonly #held: readonly Held[]
  readonly #classes: Classes
  readonly #parts: QuotaParts
  readonly #plans = new WeakMap<Principal, Plan>()

  constructor(held: readonly Held[], classes: Classes, parts: QuotaParts) {
    this.#held = held
    this.#classes = classes
    this.#parts = parts
  }

  check(request: MeteredRequest): void {
    const { resumes = false } = request
    this.#admit(this.#planOf(request).for({ resumes }), this.#now())
  }

  take(request: MeteredRequest): Lease | undefined {
    const selection = this.#planOf(request).for(request)
    if (selection.isEmpty) return undefined
    const now = this.#now()
    this.#admit(selection, now)
    return selection.take(now)
  }

  /** All must allow it. The longest wait is told: whoever waits so long is refused by none of them for that. */
  #admit(selection: Selection, now: number): void {
    const refusal = selection.refusal(now)
    if (refusal !== undefined) throw limitedBy(refusal, this.#parts, now)
  }

  #planOf(request: MeteredRequest): Plan {
    const { principal, endpoint, method } = request
    const latest = this.#plans.get(principal)
    let plan = latest
    while (plan !== undefined && (plan.method !== method || plan.endpoint !== endpoint)) {
      plan = plan.next
    }
    if (plan !== undefined) return plan
    const classes = new Set(classesOf(this.#classes, factsOf(principal)))
    const held = this.#held.filter(({ quota }) => concerns(quota, { classes, endpoint, method }))
    const made = new Plan(held, request, latest)
    this.#plans.set(principal, made)
    return made
  }

  #now(): number {
    return Math.floor(this.#parts.now() * 1_000)
  }
}

function limitedBy(
  { gauge, cell, wait }: Refusal,
  { node, name }: QuotaParts,
  now: number,
): Limited {
  const { name: quota } = gauge.quota
  const isKnown = wait !== Infinity
  const seconds = secondsOf(wait)
  const when = isKnown ? `come again in ${seconds} s` : 'wait for the answer to one of them'
  const retry = isKnown ? ['retry-after', String(seconds)] : []
  const text = `limit "${quota}" of ${name} is used up: ${allowanceOf(gauge)}; ${when}`
  return new Limited(text, {
    quota,
    headers: [...retry, ...rateLimitFields(gauge.policy, cell.level(now))],
    data: { limit: quota, node, ...(isKnown && { retryAfterMs: Math.ceil(wait / 1_000) }) },
  })
}

/** What a limit allows, in words. */
function allowanceOf({ quota, allowance }: Gauge): string {
  const { rate, concurrent, per } = quota
  const whose = per === 'all' ? ', for all callers together' : ''
  if (allowance === 'places') return `${concurrent} at a time${whose}`
  return rate === undefined ? '' : `${rate.count} in ${formatDuration(rate.periodMs)}${whose}`
}
