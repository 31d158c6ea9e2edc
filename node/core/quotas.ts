import { rateLimitFields, secondsOf } from '../../protocol/quota/fields.ts'
import {
  compileSubjects,
  concerns,
  type MeteredSubject,
  type Quota,
} from '../../protocol/quota/quota.ts'
import { classesOf, type Classes } from '../../protocol/policy/classes.ts'
import type { Policy } from '../../protocol/policy/policy.ts'
import { factsOf } from './caller-facts.ts'
import { PlacesGauge, RateGauge, type Gauge } from './gauges.ts'
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

/** What counts requests by one method of one caller at an endpoint. */
interface Plan {
  /** Whatever they are about. */
  readonly general: readonly Held[]
  /** For what they are about. */
  readonly particular: readonly Held[]
}

const FREE: Plan = { general: [], particular: [] }

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
      places: concurrent === undefined ? undefined : new PlacesGauge({ ...quota, concurrent }),
    }
  }
}

/** What a limit says, wherever it stands. */
function printOf(quota: Quota): string {
  return JSON.stringify({ ...quota, place: undefined })
}

/** Counts by one set of limits. */
class QuotaMeter implements Meter {
  readonly #held: readonly Held[]
  readonly #classes: Classes
  readonly #parts: QuotaParts
  readonly #plans = new WeakMap<Principal, Map<string, Plan>>()

  constructor(held: readonly Held[], classes: Classes, parts: QuotaParts) {
    this.#held = held
    this.#classes = classes
    this.#parts = parts
  }

  check(request: MeteredRequest): void {
    const { general } = this.#planOf(request)
    if (general.length > 0) this.#admit(request, gaugesOf(general, request), this.#now())
  }

  take(request: MeteredRequest): Lease | undefined {
    const plan = this.#planOf(request)
    const held = applying(plan, request.subject)
    if (held.length === 0) return undefined
    const gauges = gaugesOf(held, request)
    const now = this.#now()
    this.#admit(request, gauges, now)
    let places: PlacesGauge[] | undefined
    for (const gauge of gauges) {
      gauge.take(keyOf(gauge, request), now)
      if (gauge instanceof PlacesGauge) (places ??= []).push(gauge)
    }
    return {
      headers: headersOf(gauges, request, now),
      release: places && once(() => releaseAll(places, request)),
    }
  }

  /** All must allow it. The longest wait is told: whoever waits so long is refused by none of them for that. */
  #admit(request: MeteredRequest, gauges: readonly Gauge[], now: number): void {
    let refusing: Gauge | undefined
    let longest = 0
    for (const gauge of gauges) {
      const wait = gauge.wait(keyOf(gauge, request), now)
      if (wait === 0 || (refusing !== undefined && !isLonger(wait, longest))) continue
      refusing = gauge
      longest = wait
    }
    if (refusing !== undefined) throw this.#refusal({ refusing, longest, request, now })
  }

  #refusal({ refusing, longest, request, now }: Refusing): Limited {
    const { node, name: nodeName } = this.#parts
    const { name: quota } = refusing.quota
    const isKnown = longest !== Infinity
    const seconds = secondsOf(longest)
    const when = isKnown ? `come again in ${seconds} s` : 'wait for the answer to one of them'
    const level = refusing.level(keyOf(refusing, request), now)
    const retry = isKnown ? ['retry-after', String(seconds)] : []
    return new Limited(
      `limit "${quota}" of ${nodeName} is used up: ${allowanceOf(refusing)}; ${when}`,
      {
        quota,
        headers: [...retry, ...rateLimitFields([level])],
        data: {
          limit: quota,
          node,
          ...(isKnown && { retryAfterMs: Math.ceil(longest / 1_000) }),
        },
      },
    )
  }

  #planOf({ principal, endpoint, method }: MeteredRequest): Plan {
    let plans = this.#plans.get(principal)
    if (plans === undefined) this.#plans.set(principal, (plans = new Map<string, Plan>()))
    const key = `${method} ${endpoint}`
    const known = plans.get(key)
    if (known !== undefined) return known
    const made = this.#plan({ principal, endpoint, method })
    plans.set(key, made)
    return made
  }

  #plan({ principal, endpoint, method }: MeteredRequest): Plan {
    const classes = new Set(classesOf(this.#classes, factsOf(principal)))
    const held = this.#held.filter(({ quota }) => concerns(quota, { classes, endpoint, method }))
    if (held.length === 0) return FREE
    return {
      general: held.filter(({ isAbout }) => isAbout === undefined),
      particular: held.filter(({ isAbout }) => isAbout !== undefined),
    }
  }

  #now(): number {
    return Math.floor(this.#parts.now() * 1_000)
  }
}

interface Refusing {
  readonly refusing: Gauge
  readonly longest: number
  readonly request: MeteredRequest
  readonly now: number
}

/** A wait nobody knows is told only where no other is known. */
function isLonger(wait: number, than: number): boolean {
  return than === Infinity ? wait !== Infinity : wait !== Infinity && wait > than
}

/** What is about nothing its caller can see is counted by no limit that is about something: so it tells nothing. */
function applying(
  { general, particular }: Plan,
  subject: MeteredSubject | undefined,
): readonly Held[] {
  if (particular.length === 0 || subject === undefined) return general
  const found = particular.filter(({ isAbout }) => isAbout?.(subject) === true)
  return found.length === 0 ? general : general.concat(found)
}

function gaugesOf(held: readonly Held[], { method, resumes }: MeteredRequest): readonly Gauge[] {
  const gauges: Gauge[] = []
  for (const { rate, places } of held) {
    if (rate !== undefined && resumes !== true) gauges.push(rate)
    if (places?.isFor(method) === true) gauges.push(places)
  }
  return gauges
}

function keyOf({ quota }: Gauge, { principal }: MeteredRequest): string {
  return quota.per === 'all' ? SHARED_KEY : principal.key
}

/** What is left to the caller alone: how much others ask is nobody's business. */
function headersOf(
  gauges: readonly Gauge[],
  request: MeteredRequest,
  now: number,
): readonly string[] {
  const own = gauges.filter(({ quota }) => quota.per === 'caller')
  return rateLimitFields(own.map((gauge) => gauge.level(keyOf(gauge, request), now)))
}

function releaseAll(places: readonly PlacesGauge[], request: MeteredRequest): void {
  for (const gauge of places) gauge.release(keyOf(gauge, request))
}

function once(run: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    run()
  }
}

/** What a limit allows, in words. */
function allowanceOf(gauge: Gauge): string {
  const { rate, concurrent, per } = gauge.quota
  const whose = per === 'all' ? ', for all callers together' : ''
  if (gauge instanceof PlacesGauge) return `${concurrent} at a time${whose}`
  return rate === undefined ? '' : `${rate.count} in ${formatDuration(rate.periodMs)}${whose}`
}
