// The command line of the bench, and what --quick makes of it.
import { parseArgs } from 'node:util'

/** How a run is measured. */
export interface Options {
  readonly rounds: number
  /** Cells whose name has this in it; all when empty. */
  readonly only: string
  /** Where the results go as JSON. */
  readonly json: string | undefined
  /** Whether a relay made of SDK client and server is measured beside the rest. */
  readonly withSdk: boolean
  readonly inFlight: number
  /** Processor time a measured process should use in one stretch, microseconds: it bounds the error of a tick. */
  readonly processorTime: number
  /** Longest stretch, seconds. */
  readonly stretchSeconds: number
  /** Requests of a latency stretch, one at a time, and its longest, seconds. */
  readonly latencyRequests: number
  readonly latencySeconds: number
  /** Warm-up of a cell, seconds. */
  readonly warmUpSeconds: number
  /** Warm-up of the first cell that uses a process, seconds: its code is compiled in many thousand requests only. */
  readonly coldSeconds: number
}

/** Printed for --help. */
export const USAGE = `node test/bench/relay.bench.ts [options]

  --quick         coarse, a good minute (default: about six)
  --only PATTERN  only cells whose name contains PATTERN: call/2026/100B/hop1, list/2025/1000/, memory
  --rounds N      rounds over each group of targets (default 4, quick 2; an even number favours nobody)
  --in-flight N   requests in flight (default 16)
  --json FILE     write every figure to FILE
  --with-sdk      measure a relay made of SDK client and server as well
`

const FULL = {
  rounds: 4,
  processorTime: 540_000,
  stretchSeconds: 2.5,
  latencyRequests: 800,
  latencySeconds: 0.25,
  warmUpSeconds: 1,
  coldSeconds: 4,
}

const QUICK = {
  rounds: 2,
  processorTime: 120_000,
  stretchSeconds: 0.5,
  latencyRequests: 200,
  latencySeconds: 0.08,
  warmUpSeconds: 0.2,
  coldSeconds: 1.5,
}

function positive(text: string | undefined, name: string, fallback: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new TypeError(`--${name} wants a positive whole number, not "${text}"`)
}

/** Reads the arguments; undefined when help was asked for. Throws `TypeError` for what it does not know. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      rounds: { type: 'string' },
      'in-flight': { type: 'string' },
      json: { type: 'string' },
      'with-sdk': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const preset = values.quick ? QUICK : FULL
  return {
    ...preset,
    rounds: positive(values.rounds, 'rounds', preset.rounds),
    inFlight: positive(values['in-flight'], 'in-flight', 16),
    only: values.only,
    json: values.json,
    withSdk: values['with-sdk'],
  }
}
