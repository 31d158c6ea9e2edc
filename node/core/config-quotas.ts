import { z } from 'zod'
import { METERED, METHOD_GROUPS, type Quota } from '../../protocol/quota/quota.ts'
import { intervalOf, type Rate } from '../../protocol/quota/rate.ts'
import { addProblem, defined, nameGlob, slug, table } from './config-fields.ts'
import { classNames, selector } from './config-policy.ts'
import { parseDuration } from './units.ts'

/** Most limits of a node. */
const MAX_QUOTAS = 1_000
/** Most globs or selectors of one. */
const MAX_PATTERNS = 10_000
/** Most requests of a period, at once, and at a time. */
const MOST = 1_000_000
/** Longest time an empty bucket may take to be full: a year, and sums of such times stay exact. */
const LONGEST_FILL_MS = 366 * 86_400_000

const RATE = /^([0-9]{1,7})\/([0-9]{0,9})(s|m|h|d)$/

/** A rate as it is written, without a burst. */
type Frequency = Omit<Rate, 'burst'>

const NOT_A_RATE = 'not a rate'
const RATE_HINT = 'write a whole number, a slash and a time, like "60/m", "5/s" or "100/10s"'

const frequency: z.ZodType<Frequency> = z
  .string()
  .transform((input, context): Frequency => {
    const [, digits, factor = '', unit = ''] = RATE.exec(input) ?? []
    const period = parseDuration(`${factor === '' ? '1' : factor}${unit}`)
    const count = Number(digits)
    const problem = problemOfRate(count, period.ok ? period.value : undefined)
    if (problem !== undefined || !period.ok) {
      addProblem(context, problem ?? { message: NOT_A_RATE, hint: RATE_HINT })
      return z.NEVER
    }
    return { count, periodMs: period.value }
  })
  .meta({ type: 'string', pattern: RATE.source.replaceAll('\\/', '/') })

function problemOfRate(
  count: number,
  periodMs: number | undefined,
): { readonly message: string; readonly hint?: string } | undefined {
  if (Number.isNaN(count) || periodMs === undefined) {
    return { message: NOT_A_RATE, hint: RATE_HINT }
  }
  if (count === 0 || periodMs === 0) {
    return { message: 'must not be zero', hint: 'what nobody may do is hidden by "visibility"' }
  }
  return count > MOST ? { message: `must be at most ${MOST} in a period` } : undefined
}

/** A whole number that has no default of its own. */
const optionalCount = (meaning: string): z.ZodOptional<z.ZodType<number>> =>
  z
    .union([z.int().min(1).max(MOST)])
    .optional()
    .describe(meaning)

const subjects = (meaning: string): ReturnType<typeof selectors.optional> =>
  selectors.optional().describe(meaning)

const selectors = z.array(selector).min(1).max(MAX_PATTERNS)

/** Groups and methods by name. What opens the stream of a session is no method of MCP, and part of its group. */
const METHODS = [...METHOD_GROUPS, ...[...METERED.keys()].filter((name) => name !== 'GET')]

/** A limit without its name. */
type Unnamed = Omit<Quota, 'name'>

const quotaSchema: z.ZodType<Unnamed> = z
  .strictObject({
    for: classNames,
    endpoints: z
      .array(nameGlob)
      .min(1)
      .max(MAX_PATTERNS)
      .prefault(['*'])
      .describe(
        'Endpoints it is about: a list of globs. Over several it counts together. Default: all.',
      ),
    methods: z
      .array(z.enum(METHODS))
      .min(1)
      .optional()
      .describe(
        'What requests must do: words (list; call: tools/call; get: prompts/get; read: resources and skills; complete; subscribe: resources/subscribe, subscriptions/listen and the stream of a session; task: tasks/*) or methods by name. Default: all of these. Never counted: initialize, server/discover, ping, logging/setLevel, resources/unsubscribe.',
      ),
    tools: subjects(
      'Only requests about these tools: globs over <namespace>__<tool>, or tables of tag and annotations, as in visibility. What a caller cannot see is about none. Tools of an endpoint that searches have names without namespace. Default: no matter what a request is about, unless prompts or resources are named.',
    ),
    prompts: subjects('Only requests about these prompts, likewise.'),
    resources: subjects(
      'Only requests about these resources, templates and skills, likewise; globs are over the URI or template, as the server has it.',
    ),
    per: z
      .enum(['caller', 'all'])
      .prefault('caller')
      .describe(
        'Whose it is: caller (each caller, that is issuer, subject and client, has its own; without authentication all callers are one) or all (all it is for share one).',
      ),
    rate: frequency
      .optional()
      .describe(
        'Requests in a time, on the long run: count, slash, and a time in s, m (minutes), h or d, like "60/m" or "100/10s". Default: as many as they like.',
      ),
    burst: optionalCount(
      'Requests that may come at once after a pause; over any time at most these and those of the rate are let through. Default: the count of the rate.',
    ),
    concurrent: optionalCount(
      'Requests without an answer yet; of an open subscriptions/listen only where methods name it. A task is none once its call is answered. Default: no matter.',
    ),
  })
  .superRefine((fields, context) => {
    const { rate, burst, concurrent } = fields
    if (rate === undefined && concurrent === undefined) {
      addProblem(context, { message: 'limits nothing', hint: 'add rate, concurrent, or both' })
    }
    if (burst === undefined) return
    if (rate === undefined)
      addProblem(context, { path: ['burst'], message: 'goes with a rate only' })
    else if ((burst * intervalOf({ ...rate, burst })) / 1_000 > LONGEST_FILL_MS) {
      addProblem(context, { path: ['burst'], message: 'takes more than a year to be there again' })
    }
  })
  .transform(({ rate, burst, tools, prompts, resources, ...rest }): Unnamed => {
    const { methods, concurrent, ...always } = rest
    return {
      ...always,
      methods,
      kinds: defined({ tools, prompts, resources }),
      ...(rate !== undefined && { rate: { ...rate, burst: burst ?? rate.count } }),
      ...(concurrent !== undefined && { concurrent }),
    }
  })

/** The part `quotas`. */
export const quotasSchema: z.ZodType<readonly Quota[]> = table(slug, quotaSchema)
  .refine((quotas) => Object.keys(quotas).length <= MAX_QUOTAS, `must be at most ${MAX_QUOTAS}`)
  .transform((quotas) => Object.entries(quotas).map(([name, quota]) => ({ name, ...quota })))
  .describe(
    'Limits per client, by name: how often and how much at a time. Of those that are about a request all must allow it; one that refuses takes nothing from the others. Callers are told the names and figures of those they use up.',
  )

/** One of them, for whoever reads them one by one. */
export { quotaSchema }
