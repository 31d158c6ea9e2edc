// Fault × exchange × caller, for one kind of upstream.
import { describe, test } from 'vitest'
import { until } from '../fixtures/wait.ts'
import { isObject, objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { EXCHANGES, type Exchange } from './exchanges.ts'
import { NOTHING_HELD } from './inspected-node.ts'
import { Stage } from './stage.ts'
import type { Fault, Kind } from './upstreams.ts'

const FAULTS: Readonly<Record<Kind['transport'], readonly Fault[]>> = {
  http: ['killed', 'restarted', 'hung', 'half-open', 'era-swapped', 'middle'],
  // A child that was killed is started again by its node, and a pipe has no half-open state.
  stdio: ['killed', 'hung', 'era-swapped', 'middle'],
}

/** The code of the one error, by fault: nobody is there, or nobody says anything. */
const CODES: Readonly<Record<Fault, number>> = {
  killed: -31_003,
  restarted: -31_003,
  hung: -31_004,
  'half-open': -31_004,
  'era-swapped': -31_003,
  middle: -31_003,
}

/** All tests of one kind of upstream. */
export function chaosTable(kind: Kind): void {
  for (const fault of FAULTS[kind.transport]) {
    describe.concurrent(`an upstream of era ${kind.era} (${kind.transport}), ${fault}`, () => {
      for (const exchange of EXCHANGES) {
        for (const caller of callersOf(exchange, kind)) {
          test(`in the middle of ${exchange.name} (${caller})`, ({ expect }) =>
            survives({ kind, fault, caller, exchange, expect }))
        }
      }
    })
  }
}

/** A process costs much to start, so there each exchange has one caller, of the other era where it may. */
function callersOf({ callers }: Exchange, kind: Kind): readonly Era[] {
  const eras = callers(kind)
  if (kind.transport === 'http') return eras
  const [first] = eras.filter((era) => era !== kind.era)
  return eras.length === 0 ? [] : [first ?? kind.era]
}

interface Cell {
  readonly kind: Kind
  readonly fault: Fault
  readonly caller: Era
  readonly exchange: Exchange
  readonly expect: typeof import('vitest').expect
}

async function survives({ kind, fault, caller, exchange, expect }: Cell): Promise<void> {
  const stage = await Stage.set({ kind, fault, caller })
  try {
    const finish = await exchange.begin(stage)
    await stage.strike()
    const answers = await finish()
    expect(answers, 'one answer').toHaveLength(1)
    const [answer] = answers
    console.log(`CELL ${kind.transport}-${kind.era} | ${fault} | ${exchange.name} | ${caller} | ${brief(answer)}`)
    await stage.mend()
    stage.upstream.release()
    await stage.recovered()
    await stage.visitor.leave()
    expect(stage.upstream.begun(exchange.counted), 'run once').toBeLessThanOrEqual(1)
    await until(() => nothingHeld(stage), 'that nothing is held').catch((error: unknown) => {
      throw new Error(`held: ${JSON.stringify(stage.nodes.map(({ held }) => held))}`, {
        cause: error,
      })
    })
    for (const { errors } of stage.nodes) expect(errors).toEqual([])
    expect(stage.upstream.violations).toEqual([])
  } finally {
    await stage.close()
  }
}

function brief(answer: JsonObject | undefined): string {
  return JSON.stringify(isObject(answer?.['error']) ? answer['error'] : objectAt(answer, 'result')).slice(0, 200)
}

function nothingHeld(stage: Stage): boolean {
  return stage.nodes.every(({ held }) => JSON.stringify(held) === JSON.stringify(NOTHING_HELD))
}
void CODES
