import { z } from 'zod'
import { count, duration } from './config-fields.ts'
import { secureUrl } from './config-identity-fields.ts'
import { headerTable } from './config-upstream.ts'
import type { TelemetrySettings } from './config-types.ts'

const otlp = z
  .strictObject({
    url: secureUrl.describe(
      'Where a collector takes traces as OTLP/HTTP JSON, whole: https, or http on loopback, such as http://127.0.0.1:4318/v1/traces.',
    ),
    headers: headerTable.describe(
      'Headers sent to the collector. Values are secrets: ${NAME} is replaced from the environment of the node, $${ is a literal "${".',
    ),
    timeout: duration(
      { default: '10s', min: '100ms', max: '1m' },
      'Time the collector has to answer. A duration. Calls never wait for it.',
    ),
  })
  .describe('The collector that takes them.')

/** The part `telemetry`. */
export const telemetrySchema: z.ZodType<TelemetrySettings> = z
  .strictObject({
    otlp,
    sample: z
      .number()
      .min(0)
      .max(1)
      .prefault(1)
      .describe(
        'Share of the requests that come without a trace for which one is begun, 0 to 1. A request that comes with one is recorded where its caller says that it is sampled, and not where it says that it is not.',
      ),
    tracesPerSecond: count(
      { default: 50, min: 1, max: 100_000 },
      'Requests recorded in a second, whoever wants them recorded; the others go on with the trace they came with. Bounds what a caller can make this node do by saying that all it sends is sampled.',
    ),
  })
  .describe(
    'Traces by OpenTelemetry: who was asked how long, never with arguments or tokens. Default: none are made, and what callers say of a trace goes on as it came.',
  )
