import { z } from 'zod'
import { count, defined, size, text } from './config-fields.ts'
import type { AuditSettings } from './config-types.ts'

const settings = z
  .strictObject({
    file: text
      .optional()
      .describe(
        'File the lines are appended to, relative to the folder of the file; made for its owner only. Each line holds the hash of the one before, over restarts too. One node a file. Default: the log, at level info.',
      ),
    arguments: z
      .enum(['none', 'digest'])
      .prefault('none')
      .describe(
        'What is written of arguments and results. none: nothing; digest: SHA-256 of their bytes, the same at each hop that changes nothing. Whoever can guess them can tell them by it.',
      ),
    refusalsPerSecond: count(
      { default: 50, min: 1, max: 1_000_000 },
      'Refusals written one by one in a second; twice as many may come at once. Further ones are counted, and one line a second says how many for each reason: a flood must cost little.',
    ),
    maxBytes: size(
      { default: '64MiB', min: '64KiB', max: '16GiB' },
      'Size at which the file is put aside as <file>.<number>, the highest the newest. A size. Nothing is deleted.',
    ),
    bufferBytes: size(
      { default: '4MiB', min: '64KiB', max: '1GiB' },
      'Lines kept in memory while the disk is slow or full. A size. Beyond it lines are lost, never calls; the log and a line of the file say how many.',
    ),
  })
  .transform((audit): AuditSettings => defined(audit))

/** The part `audit`. */
export const auditSchema: z.ZodType<'off' | AuditSettings> = z
  .union([z.literal('off'), settings])
  .describe(
    'Where calls and decisions about tokens are written down, one chained line each, without tokens and arguments; or off. Default: the log, at level info, where the node knows who calls; off where it does not.',
  )
