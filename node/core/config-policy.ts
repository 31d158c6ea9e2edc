import { z } from 'zod'
import type { ClassRule, Classes, Scalar } from '../../protocol/policy/classes.ts'
import type { Example, Expectation } from '../../protocol/policy/expectation.ts'
import {
  EVERYBODY,
  type Hints,
  type Level,
  type Rule,
  type RuleKind,
  type Selector,
} from '../../protocol/policy/policy.ts'
import { defined, nameGlob, slug, table } from './config-fields.ts'
import { issuerId } from './config-identity-fields.ts'

/** Longest glob over names or URIs, characters. */
const MAX_GLOB = 2_048
/** Most rules of a policy. */
const MAX_RULES = 10_000
/** Most globs or selectors of one level of a rule. */
const MAX_PATTERNS = 10_000

const glob = z
  .string()
  .min(1)
  .max(MAX_GLOB)
  .regex(/^[^\p{Cc}\s]+$/u, 'must be a name, or a glob with * (any run of characters)')

const HINT_WORDS: Readonly<Record<keyof Hints, string>> = {
  readOnly: 'Whether it changes nothing, as its server says (readOnlyHint). Default: no matter.',
  destructive:
    'Whether it may destroy something, as its server says (destructiveHint). Default: no matter.',
  idempotent:
    'Whether calling it twice is as calling it once, as its server says (idempotentHint). Default: no matter.',
  openWorld:
    'Whether it deals with the world outside, as its server says (openWorldHint). Default: no matter.',
}

const hint = (name: keyof Hints): z.ZodOptional<z.ZodBoolean> =>
  z.boolean().optional().describe(HINT_WORDS[name])

const hints = {
  readOnly: hint('readOnly'),
  destructive: hint('destructive'),
  idempotent: hint('idempotent'),
  openWorld: hint('openWorld'),
}

/** What picks capabilities. */
export const selector: z.ZodType<Selector> = z.union([
  glob.transform((name): Selector => ({ name })),
  z
    .strictObject({
      name: glob.optional().describe('Glob, as where it stands alone. Default: any.'),
      tag: slug.optional().describe('One of "tags". Default: no matter.'),
      ...hints,
    })
    .refine((fields) => Object.keys(fields).length > 0, 'must not be empty')
    .transform((fields): Selector => defined(fields)),
])

/** A level, as a list of what it allows or as a table; left out it allows everything. */
function level<Pattern>(
  pattern: z.ZodType<Pattern>,
  everything: Pattern,
  meaning: string,
): z.ZodType<Level<Pattern>> {
  const list = z.array(pattern).max(MAX_PATTERNS)
  const allowed = (allow: readonly Pattern[]): Level<Pattern> => ({
    allow,
    deny: [],
    within: allow,
  })
  const sides = z
    .strictObject({
      allow: list.min(1).optional().describe('What is shown. Default: nothing, next to a deny.'),
      deny: list.min(1).optional().describe('What is hidden, whatever any rule allows.'),
    })
    .refine(({ allow, deny }) => allow !== undefined || deny !== undefined, 'must not be empty')
    .transform(({ allow, deny = [] }): Level<Pattern> => ({
      allow: allow ?? [],
      deny,
      within: allow ?? 'all',
    }))
  return z
    .union([list.min(1).transform(allowed), sides])
    .optional()
    .transform((value): Level<Pattern> => value ?? { allow: [everything], deny: [], within: 'all' })
    .describe(meaning)
}

const KINDS = ['tools', 'prompts', 'resources'] as const
const ALL: Selector = { name: '*' }
const EVERYTHING: Level<Selector> = { allow: [ALL], deny: [], within: 'all' }

/** Classes of callers, by name. */
export const classNames: z.ZodType<readonly string[]> = z
  .union([
    z.union([slug, z.literal(EVERYBODY)]).transform((name): readonly string[] => [name]),
    z
      .array(z.union([slug, z.literal(EVERYBODY)]))
      .min(1)
      .max(1_000),
  ])
  .describe('Classes of "clients" it is for, one or a list; "*" is everybody.')

const kindLevel = (meaning: string): z.ZodOptional<z.ZodType<Level<Selector>>> =>
  level(selector, ALL, meaning).optional()

const ruleSchema: z.ZodType<Rule> = z
  .strictObject({
    for: classNames,
    endpoints: level(
      nameGlob,
      '*',
      'Endpoints it is about: a list of globs, or a table with allow and deny. Default: all.',
    ),
    namespaces: level(
      nameGlob,
      '*',
      'Namespaces it is about, as the endpoint names them: a list of globs, or a table with allow and deny. Default: all.',
    ),
    tools: kindLevel(
      'Tools: globs over <namespace>__<tool>, or tables of tag and annotations; a list, or a table with allow and deny. Default: all if no kind is named, otherwise none.',
    ),
    prompts: kindLevel('Prompts, likewise.'),
    resources: kindLevel(
      'Resources, templates and skills, likewise; globs are over the URI or template, as the server has it.',
    ),
  })
  .transform(({ for: classes, endpoints, namespaces, ...kinds }): Rule => {
    const written = KINDS.filter((kind) => kinds[kind] !== undefined)
    const spoken = written.length > 0 ? written : KINDS
    const levels = spoken.map((kind) => [kind, kinds[kind] ?? EVERYTHING] as const)
    return { for: classes, endpoints, namespaces, kinds: Object.fromEntries(levels) }
  })

const scalar = z.union([z.string().max(MAX_GLOB), z.number(), z.boolean()])

const oneOrMore = <T extends Scalar>(value: z.ZodType<T>): z.ZodType<readonly T[]> =>
  z.union([value.transform((one): readonly T[] => [one]), z.array(value).min(1).max(1_000)])

const classRule: z.ZodType<ClassRule> = z
  .strictObject({
    issuer: issuerId
      .optional()
      .describe(
        'Who vouches for the caller, exactly; of callers another organisation passes on, its issuer. Default: whoever vouches at the endpoint, for callers of its own.',
      ),
    subjects: oneOrMore(glob)
      .optional()
      .describe('Globs over the subject, as the issuer names it. Default: any.'),
    clients: oneOrMore(glob).optional().describe('Globs over the client id. Default: any.'),
    claims: z
      .record(z.string().min(1).max(256), oneOrMore(scalar))
      .optional()
      .describe(
        'Claims the token must have: name, or names with dots between for what stands inside, to a value or a list of values of which one must be there, or be in the list that is. Default: none.',
      ),
    keys: oneOrMore(slug)
      .optional()
      .describe('Names of static keys; goes with nothing else. Default: none.'),
  })
  .refine((fields) => Object.keys(fields).length > 0, 'must not be empty')
  .refine(({ keys, ...others }) => keys === undefined || Object.keys(others).length === 0, {
    message: 'goes with nothing else: a key has no issuer and no claims',
    path: ['keys'],
  })
  .transform((fields): ClassRule => defined(fields))

/** The part `clients`. */
export const clientsSchema: z.ZodType<Classes> = table(
  slug,
  z.union([classRule.transform((one): readonly ClassRule[] => [one]), z.array(classRule).min(1)]),
).describe(
  'Classes of callers by name, from what was verified of them: a table of what must all hold, or a list of such tables of which one must.',
)

/** The part `visibility`. */
export const visibilitySchema: z.ZodType<'open' | readonly Rule[]> = z
  .union([
    z
      .literal('open')
      .describe('Every caller sees what its scopes cover; without authentication, everything.'),
    z
      .array(ruleSchema)
      .max(MAX_RULES)
      .describe(
        'Rules. A caller sees what one rule for it allows at all three levels and none denies; everything else is hidden from it, and looks as if it did not exist.',
      ),
  ])
  .describe('Who sees what.')

/** The part `tags`. */
export const tagsSchema: z.ZodType<Readonly<Record<string, readonly string[]>>> = table(
  slug,
  z.array(glob).min(1).max(MAX_PATTERNS),
).describe(
  'Names for sets of capabilities, to use in rules: globs over <namespace>__<name> of tools and prompts, and over URIs.',
)

const NAMED = /^([A-Za-z0-9][A-Za-z0-9_-]*?)__(.+)$/
type ExampleFields = { readonly [Name in keyof Hints]?: boolean | undefined }

function named(kind: RuleKind, text: string, hinted: ExampleFields): Example | undefined {
  const [, namespace, name] = NAMED.exec(text) ?? []
  if (namespace === undefined || name === undefined) return undefined
  return { kind, namespace, name, hints: defined(hinted) }
}

const MISNAMED = 'must be <namespace>__<name>'

const example: z.ZodType<Example> = z.union([
  z.string().transform((text, context) => {
    const found = named('tools', text, {})
    if (found !== undefined) return found
    context.addIssue(MISNAMED)
    return z.NEVER
  }),
  z
    .strictObject({
      tool: z.string().optional().describe('A tool, <namespace>__<name>.'),
      prompt: z.string().optional().describe('A prompt, <namespace>__<name>.'),
      resource: z.string().optional().describe('A resource, <namespace>__<URI>.'),
      ...hints,
    })
    .transform(({ tool, prompt, resource, ...hinted }, context) => {
      const given = { tools: tool, prompts: prompt, resources: resource }
      const [kind, ...others] = KINDS.filter((one) => given[one] !== undefined)
      const found =
        kind === undefined || others.length > 0 ? undefined : named(kind, given[kind] ?? '', hinted)
      if (found !== undefined) return found
      context.addIssue(`${MISNAMED}, of one of tool, prompt and resource`)
      return z.NEVER
    }),
])

const examples = (meaning: string): z.ZodType<readonly Example[]> =>
  z.array(example).max(MAX_PATTERNS).prefault([]).describe(meaning)

/** The part `expect`. */
export const expectSchema: z.ZodType<readonly Expectation[]> = z
  .array(
    z.strictObject({
      for: classNames,
      endpoint: slug.describe('Where it looks.'),
      sees: examples(
        'What it must see: <namespace>__<tool>, or a table of tool, prompt or resource and annotations. Default: none.',
      ),
      hides: examples('What must be hidden from it, likewise. Default: none.'),
    }),
  )
  .max(MAX_RULES)
  .describe(
    'Examples of what the rules must come to. A file that decides one of them otherwise is refused.',
  )
