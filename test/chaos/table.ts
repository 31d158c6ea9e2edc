// Fault × exchange × caller, for one kind of upstream.
import { describe, expect, test } from 'vitest'
import { isObject, objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { EXCHANGES, type Exchange } from './exchanges.ts'
import { Stage } from './stage.ts'
import type { Fault, Kind } from './upstreams.ts'

const FAULTS: readonly Fault[] = [
  'killed',
  'restarted',
  'hung',
  'half-open',
  'era-swapped',
  'middle',
]

const UNAVAILABLE = -31_003
const TIMEOUT = -31_004

/** What the caller may be told: the code of an error, or `result`. */
type Ending = number | 'result'

const IN_HAND: Readonly<Record<Fault, readonly Ending[]>> = {
  killed: [UNAVAILABLE],
  restarted: [UNAVAILABLE],
  hung: [TIMEOUT],
  'half-open': [TIMEOUT],
  'era-swapped': [UNAVAILABLE],
  middle: [UNAVAILABLE],
}

const ENDINGS: Readonly<Record<Kind['transport'], typeof IN_HAND>> = {
  http: IN_HAND,
  // A pipe that is closed can be told from one on which nothing is said.
  stdio: { ...IN_HAND, 'half-open': [UNAVAILABLE] },
}

/** Where the upstream has nothing in hand, one that is back in time goes on as if nothing had been. */
const BETWEEN: typeof ENDINGS = {
  http: { ...ENDINGS.http, restarted: ['result'], 'era-swapped': ['result'], middle: ['result'] },
  stdio: {
    ...ENDINGS.stdio,
    restarted: ['result', UNAVAILABLE],
    'era-swapped': ['result', UNAVAILABLE],
    middle: ['result'],
  },
}

/** All tests of one kind of upstream. */
export function chaosTable(kind: Kind): void {
  for (const fault of FAULTS) {
    describe.concurrent(`${kind.transport} upstream of era ${kind.era}, ${fault}`, () => {
      for (const exchange of EXCHANGES) {
        const cells = callersOf(exchange, kind).map((caller) => ({ kind, fault, caller, exchange }))
        test.each(cells)(
          `in ${exchange.name}: one answer, run once, nothing left (caller of $caller)`,
          survives,
          20_000,
        )
      }
    })
  }
}

/** A process costs much to start, so there each exchange has one caller, of the other era where it may. */
function callersOf({ callers }: Exchange, kind: Kind): readonly Era[] {
  const eras = callers(kind)
  if (kind.transport === 'http' || eras.length < 2) return eras
  return eras.filter((era) => era !== kind.era)
}

interface Cell {
  readonly kind: Kind
  readonly fault: Fault
  readonly caller: Era
  readonly exchange: Exchange
}

async function survives({ kind, fault, caller, exchange }: Cell): Promise<void> {
  const stage = await Stage.set({ kind, fault, caller })
  try {
    // Connections and processes are there before the strike, so that it meets the exchange and not them.
    await stage.works()
    const finish = await exchange.begin(stage)
    await stage.strike()
    const answers = await finish()
    expect(answers).toHaveLength(1)
    const between = exchange.between?.(kind) === true
    const endings = (between ? BETWEEN : ENDINGS)[kind.transport][fault]
    expect(endings).toContain(endingOf(answers[0]))

    await stage.mend()
    await stage.upstream.release()
    await stage.works()
    await stage.visitor.leave()
    await stage.letGo()
    // Last, so that whoever would run it a second time has had the time to.
    const mayBeNone = between && endingOf(answers[0]) !== 'result'
    expect(mayBeNone ? [0, 1] : [1]).toContain(stage.upstream.begun(exchange.counted))
    for (const { errors } of stage.nodes) expect(errors).toEqual([])
    expect(stage.upstream.violations).toEqual([])
  } finally {
    await stage.close()
  }
}

function endingOf(answer: JsonObject | undefined): Ending {
  return isObject(answer?.['error']) ? Number(objectAt(answer, 'error')['code']) : 'result'
}
