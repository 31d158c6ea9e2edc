// Laws of subscriptions where callers have processes of their own, against a model that works out anew what should be.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FakeUpstream, type FakeSubscribed } from './fake-upstream.ts'
import { Bench, settled, there, type Listener } from './subscription-bench.ts'

/** What may happen in a law's run; `which` counts the listeners or the processes there are. */
type Step =
  | { readonly do: 'subscribe'; readonly whose: string; readonly uris: readonly string[] }
  | { readonly do: 'end'; readonly which: number }
  | { readonly do: 'open'; readonly whose: string }
  | { readonly do: 'exit'; readonly which: number }
  | { readonly do: 'say'; readonly which: number; readonly uri: string }
  | { readonly do: 'update'; readonly uri: string }
  | { readonly do: 'connect' | 'lose' | 'go over' }

const URIS = ['a', 'b'] as const
const anyUri = fc.constantFrom(...URIS)
const anyWhose = fc.constantFrom('', 'ada', 'bob')
const which = fc.nat(5)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('subscribe'),
      whose: anyWhose,
      uris: fc.uniqueArray(anyUri),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('end'), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('open'), whose: anyWhose }) },
  fc.record({ do: fc.constant('exit'), which }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('say'), which, uri: anyUri }) },
  fc.record({ do: fc.constant('update'), uri: anyUri }),
  fc.record({ do: fc.constantFrom('connect', 'lose', 'go over') }),
)

/** Somebody who subscribed, and what should have been told. */
interface Known {
  readonly whose: string
  readonly listener: Listener
  readonly uris: readonly string[]
  readonly expected: string[]
}

/** Takes the steps, and knows what should come of them. */
class Run {
  readonly bench = new Bench({ a: ['u'], b: ['u'] }, { u: new FakeUpstream() })
  readonly listeners: Known[] = []
  /** What people wanted to hear of in a process of theirs that is gone: whose, and URI. */
  readonly #gone = new Set<string>()

  get #upstream(): FakeUpstream {
    return this.bench.at('u')
  }

  async take(step: Step): Promise<void> {
    if (step.do === 'subscribe') await this.#subscribe(step.whose, step.uris)
    else if (step.do === 'end') this.#end(step.which)
    else if (step.do === 'open') this.#open(step.whose)
    else if (step.do === 'exit') this.#exit(step.which)
    else if (step.do === 'say') this.#say(step.which, step.uri)
    else if (step.do === 'update') this.#update(step.uri)
    else await this.#turn(step.do)
  }

  /** What should be. */
  get expected(): unknown {
    return {
      granted: this.listeners.map(({ uris }) => uris),
      own: this.#upstream.isUp ? URIS.filter((uri) => this.#wants(uri)).map(there) : [],
      processes: [...this.#upstream.processes.values()].map((whose) =>
        URIS.filter((uri) => this.#upstream.isUp && this.#wants(uri, whose)).map(there),
      ),
      told: this.listeners.map(({ expected }) => expected.toSorted()),
    }
  }

  /** What is. */
  get actual(): unknown {
    return {
      granted: this.listeners.map(({ listener }) => listener.granted),
      own: this.#upstream.subscribed,
      processes: [...this.#upstream.processes.keys()].map((one) => [...one.subscribed].toSorted()),
      told: this.listeners.map(({ listener }) => listener.told.toSorted()),
    }
  }

  #wants(uri: string, whose?: string): boolean {
    return this.listeners.some(
      (one) => one.uris.includes(uri) && (whose === undefined || whose === one.whose),
    )
  }

  #expect(uri: string, whose?: string): void {
    for (const one of this.listeners) {
      if (one.uris.includes(uri) && (whose === undefined || whose === one.whose)) {
        one.expected.push(uri)
      }
    }
  }

  async #subscribe(whose: string, uris: readonly string[]): Promise<void> {
    const listener = await this.bench.subscribeAs(whose, ...uris)
    this.listeners.push({
      whose,
      listener,
      uris: this.#upstream.isUp ? uris : [],
      expected: [],
    })
  }

  #end(index: number): void {
    const [gone] = this.listeners.splice(index, 1)
    if (gone === undefined) return
    gone.listener.end()
    for (const uri of URIS) {
      if (!this.#wants(uri, gone.whose)) this.#gone.delete(`${gone.whose} ${uri}`)
    }
  }

  #open(whose: string): void {
    this.bench.open('u', whose)
    for (const uri of URIS) if (this.#gone.delete(`${whose} ${uri}`)) this.#expect(uri, whose)
  }

  #exit(index: number): void {
    const process = this.#process(index)
    if (process === undefined) return
    const [connection, whose] = process
    this.#upstream.processes.delete(connection)
    for (const uri of URIS) {
      if (this.#upstream.isUp && this.#wants(uri, whose)) this.#gone.add(`${whose} ${uri}`)
    }
  }

  #say(index: number, uri: string): void {
    const process = this.#process(index)
    if (process === undefined) return
    const [, whose] = process
    this.bench.subscriptions.updated(this.#upstream, there(uri), whose)
    if (this.#upstream.isUp) this.#expect(uri, whose)
  }

  #update(uri: string): void {
    this.bench.update('u', there(uri))
    if (this.#upstream.isUp) this.#expect(uri)
  }

  /** What the node's own connection becomes. */
  async #turn(what: 'connect' | 'lose' | 'go over'): Promise<void> {
    if (what !== 'go over') this.#upstream[what]()
    else if (this.bench.goOver('u') !== undefined) {
      for (const uri of URIS) if (this.#gone.delete(` ${uri}`)) this.#expect(uri, '')
    }
    await this.bench.review()
    if (what === 'lose') this.#gone.clear()
    else for (const uri of URIS) this.#expect(uri)
  }

  #process(index: number): [FakeSubscribed, string] | undefined {
    return [...this.#upstream.processes][index]
  }
}

test('a process is subscribed in if and only if one of its people wants it, and what it says reaches exactly those', async () => {
  const law = fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
    const run = new Run()
    for (const step of steps) {
      await run.take(step)
      expect(run.actual).toEqual(run.expected)
    }
    for (const { listener } of run.listeners) listener.end()
    expect(run.bench.sizes).toEqual([0, 0])
  })
  await fc.assert(law, { numRuns: 300 })
})

test('in whatever order processes answer, come and go, nothing is left', async () => {
  const law = fc.asyncProperty(
    fc.array(anyStep, { maxLength: 20 }),
    fc.scheduler(),
    async (steps, scheduler) => {
      const bench = new Bench({ a: ['u'], b: ['u'] }, { u: new FakeUpstream() })
      const upstream = bench.at('u')
      const answer = (uri: string): Promise<boolean> =>
        scheduler.schedule(Promise.resolve(true), uri)
      upstream.verdict = answer
      const listeners: Listener[] = []
      const pending: Promise<unknown>[] = []
      const builder = async (step: Step): Promise<void> => {
        if (step.do === 'subscribe') {
          const subscribing = bench.subscribeAs(step.whose, ...step.uris)
          pending.push(subscribing.then((one) => listeners.push(one)))
        } else if (step.do === 'end') listeners.splice(step.which, 1)[0]?.end()
        else if (step.do === 'open') bench.open('u', step.whose, answer)
        else if (step.do === 'exit') {
          const gone = [...upstream.processes.keys()][step.which]
          if (gone !== undefined) upstream.processes.delete(gone)
        } else if (step.do === 'connect' || step.do === 'lose') upstream[step.do]()
        else if (step.do === 'go over') bench.goOver('u')
        bench.subscriptions.review()
      }
      const labelled = steps.map((step) => ({ builder: () => builder(step), label: step.do }))
      scheduler.scheduleSequence(labelled)
      await scheduler.waitIdle()
      await Promise.all(pending)
      for (const listener of listeners) listener.end()
      await scheduler.waitIdle()
      await settled()
      expect(bench.sizes).toEqual([0, 0])
      expect(upstream.subscribed).toEqual([])
      for (const process of upstream.processes.keys()) expect([...process.subscribed]).toEqual([])
    },
  )
  await fc.assert(law, { numRuns: 300 })
})
