// Laws of subscriptions, against a model that works out anew after each step what should be.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FakeUpstream } from './fake-upstream.ts'
import { Bench, there, type Listener, type Ways } from './subscription-bench.ts'

/** What may happen in a law's run. */
type Step =
  | { readonly do: 'subscribe'; readonly uris: readonly string[] }
  | { readonly do: 'end'; readonly which: number }
  | { readonly do: 'lose'; readonly upstream: string }
  | { readonly do: 'connect'; readonly upstream: string }
  | { readonly do: 'update'; readonly upstream: string; readonly uri: string }
  | { readonly do: 'hide'; readonly uri: string }
  | { readonly do: 'show'; readonly uri: string }

const SHOWN: Readonly<Record<string, Ways>> = { a: ['u', 'v'], b: ['v', 'u'], c: ['u'], d: ['v'] }
const anyUri = fc.constantFrom(...Object.keys(SHOWN))
const LABELS = ['u', 'v'] as const
const anyUpstream = fc.constantFrom(...LABELS)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('subscribe'), uris: fc.array(anyUri) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('end'), which: fc.nat(5) }) },
  fc.record({ do: fc.constant('lose'), upstream: anyUpstream }),
  fc.record({ do: fc.constant('connect'), upstream: anyUpstream }),
  fc.record({ do: fc.constant('update'), upstream: anyUpstream, uri: anyUri }),
  fc.record({ do: fc.constant('hide'), uri: anyUri }),
  fc.record({ do: fc.constant('show'), uri: anyUri }),
)

/** What can be seen of subscriptions. */
interface State {
  /** To each listener. */
  readonly granted: readonly (readonly string[])[]
  /** At each upstream. */
  readonly subscribed: readonly (readonly string[])[]
  /** To each listener. */
  readonly told: readonly (readonly string[])[]
  readonly size: number
}

/** Knows who wants what, and where it is to be had. */
class Model {
  readonly #bench: Bench
  readonly listeners: { listener: Listener; expected: string[]; at: Map<string, unknown> }[] = []

  constructor(bench: Bench) {
    this.#bench = bench
  }

  /** The connection that a resource is to be had on. */
  place(uri: string): { label: string; connection: unknown } | undefined {
    const label = this.#bench.shown.get(uri)?.find((one) => this.#bench.at(one).isUp)
    if (label === undefined) return undefined
    return { label, connection: this.#bench.at(label).current() }
  }

  /** Takes a listener in that has just subscribed. */
  add(uris: readonly string[], listener: Listener): void {
    const granted = [...new Set(uris)].filter((uri) => this.place(uri) !== undefined)
    const at = new Map(granted.map((uri) => [uri, this.place(uri)?.connection]))
    this.listeners.push({ listener, expected: [], at })
  }

  /** What moved to another connection may have been missed, and is told. */
  moved(): void {
    for (const { at, expected } of this.listeners) {
      for (const [uri, before] of at) {
        const now = this.place(uri)?.connection
        if (now !== undefined && now !== before) expected.push(uri)
        at.set(uri, now)
      }
    }
  }

  updated(upstream: string, uri: string): void {
    if (this.place(uri)?.label !== upstream) return
    for (const { at, expected } of this.listeners) if (at.has(uri)) expected.push(uri)
  }

  /** What should be. */
  get expected(): State {
    const wanted = [...new Set(this.listeners.flatMap(({ at }) => [...at.keys()]))]
    const here = (label: string): string[] =>
      wanted.filter((uri) => this.place(uri)?.label === label).map(there)
    return {
      granted: this.listeners.map(({ at }) => [...at.keys()]),
      subscribed: LABELS.map((label) => here(label).toSorted()),
      told: this.listeners.map(({ expected }) => expected.toSorted()),
      size: this.listeners.reduce((sum, { at }) => sum + at.size, 0),
    }
  }

  /** What is. */
  get actual(): State {
    return {
      granted: this.listeners.map(({ listener }) => listener.granted),
      subscribed: LABELS.map((label) => this.#bench.at(label).subscribed),
      told: this.listeners.map(({ listener }) => listener.told.toSorted()),
      size: this.#bench.subscriptions.size,
    }
  }
}

/** Takes a step that needs no waiting. */
function act(bench: Bench, step: Exclude<Step, { do: 'subscribe' | 'end' }>): void {
  if (step.do === 'update') bench.update(step.upstream, there(step.uri))
  else if (step.do === 'hide') bench.shown.delete(step.uri)
  else if (step.do === 'show') bench.shown.set(step.uri, SHOWN[step.uri] ?? ['u'])
  else bench.at(step.upstream)[step.do]()
}

function newBench(): Bench {
  return new Bench(SHOWN, { u: new FakeUpstream(), v: new FakeUpstream() })
}

test('upstream it is subscribed if and only if somebody wants it, and updates reach exactly those', async () => {
  const law = fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
    const bench = newBench()
    const model = new Model(bench)
    for (const step of steps) {
      if (step.do === 'subscribe') {
        model.add(step.uris, await bench.subscribe(step.uris))
      } else if (step.do === 'end') {
        const [gone] = model.listeners.splice(step.which, 1)
        gone?.listener.end()
      } else {
        act(bench, step)
        if (step.do === 'update') model.updated(step.upstream, step.uri)
        await bench.review()
        model.moved()
      }
      expect(model.actual).toEqual(model.expected)
    }
    for (const { listener } of model.listeners) listener.end()
    expect(bench.sizes).toEqual([0, 0])
  })
  await fc.assert(law, { numRuns: 300 })
})

test('in whatever order grants, ends and reconnects come, nothing is left', async () => {
  const law = fc.asyncProperty(
    fc.array(anyStep, { maxLength: 20 }),
    fc.scheduler(),
    async (steps, scheduler) => {
      const bench = newBench()
      for (const upstream of bench.upstreams.values()) {
        upstream.verdict = (uri) => scheduler.schedule(Promise.resolve(true), uri)
      }
      const listeners: Listener[] = []
      const pending: Promise<unknown>[] = []
      const builder = async (step: Step): Promise<void> => {
        if (step.do === 'subscribe') {
          pending.push(bench.subscribe(step.uris).then((one) => listeners.push(one)))
        } else if (step.do === 'end') listeners.splice(step.which, 1)[0]?.end()
        else act(bench, step)
        bench.subscriptions.review()
      }
      const labelled = steps.map((step) => ({ builder: () => builder(step), label: step.do }))
      scheduler.scheduleSequence(labelled)
      await scheduler.waitIdle()
      await Promise.all(pending)
      for (const listener of listeners) listener.end()
      await scheduler.waitIdle()
      expect(bench.sizes).toEqual([0, 0])
      expect(LABELS.map((label) => bench.at(label).subscribed)).toEqual([[], []])
    },
  )
  await fc.assert(law, { numRuns: 300 })
})
