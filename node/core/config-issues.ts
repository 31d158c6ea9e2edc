import type { z } from 'zod'
import type { ConfigProblem } from './config-error.ts'
import { didYouMean, quotedChoice } from './config-hints.ts'
import { jsonSchema, type JsonSchema } from './config-publish.ts'
import { Secret } from './secret.ts'

type Issue = z.core.$ZodIssue
type Path = ConfigProblem['path']
/** What to say about an issue, apart from where. */
type Words = Pick<ConfigProblem, 'message' | 'hint' | 'at'>

const QUOTE_IT = 'put it in quotes'

/** Longer lists of known keys do not help. */
const MOST_KNOWN = 10

const TYPE_WORDS: Readonly<Record<string, string>> = {
  array: 'a list',
  int: 'a whole number',
  number: 'a whole number',
  object: 'a table',
  record: 'a table',
  string: 'text',
}

function kindOf(value: unknown): string {
  if (value === null) return 'empty'
  if (typeof value === 'string' || value instanceof Secret) return 'text'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a table'
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number' : 'a fraction'
  return 'true or false'
}

function pathOf(issue: Issue): (string | number)[] {
  return issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))
}

/** The value at a path of plain data, undefined when there is none. */
function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    return (value as Record<string | number, unknown>)[key]
  }, root)
}

/** What the schemas say about one step further down. */
function below(schemas: readonly JsonSchema[], key: string | number): readonly JsonSchema[] {
  return withChoices(schemas).flatMap(({ properties = {}, additionalProperties, items }) => {
    if (typeof key === 'number') return items === undefined ? [] : [items]
    const named = Object.hasOwn(properties, key) ? properties[key] : undefined
    if (named !== undefined) return [named]
    return additionalProperties === undefined || additionalProperties === false
      ? []
      : [additionalProperties]
  })
}

/** Schemas and what they leave a choice of. */
function withChoices(schemas: readonly JsonSchema[]): readonly JsonSchema[] {
  return schemas.flatMap((schema) => [schema, ...withChoices(schema.anyOf ?? [])])
}

/** The keys a table may have, where it may not have any. */
function knownKeys(root: JsonSchema, path: Path): readonly string[] {
  const schemas = path.reduce<readonly JsonSchema[]>(below, [root])
  return withChoices(schemas).flatMap(({ properties = {} }) => Object.keys(properties))
}

function unknownKeys(
  keys: readonly string[],
  path: Path,
  known: readonly string[],
): readonly ConfigProblem[] {
  const listed = known.length > MOST_KNOWN ? undefined : `known here: ${known.join(', ')}`
  return keys.map((key) => {
    const problem: ConfigProblem = { path: [...path, key], message: 'unknown key', at: 'key' }
    const hint = didYouMean(key, known) ?? listed
    return hint === undefined ? problem : { ...problem, hint }
  })
}

function wrongType(expected: string, value: unknown): Words {
  if (value === undefined) return { message: 'is missing' }
  const message = `must be ${TYPE_WORDS[expected] ?? expected}, not ${kindOf(value)}`
  const quotable = expected === 'string' && ['number', 'boolean'].includes(typeof value)
  return quotable ? { message, hint: QUOTE_IT } : { message }
}

function wrongValue(allowed: readonly unknown[], value: unknown): Words {
  if (value === undefined) return { message: 'is missing' }
  const words = allowed.map(String)
  const message = `must be ${quotedChoice(words)}`
  const unquoted = typeof value === 'number' && words.includes(String(value))
  const similar = typeof value === 'string' ? didYouMean(value, words) : undefined
  const hint = unquoted ? QUOTE_IT : similar
  return hint === undefined ? { message } : { message, hint }
}

const SIZE_NOUNS: Readonly<Record<string, string>> = { array: 'items', string: 'characters' }

function wrongSize(origin: string, relation: string, bound: number | bigint): Words {
  const noun = SIZE_NOUNS[origin]
  if (noun === undefined) return { message: `must be ${relation} ${bound}` }
  if (bound === 1) return { message: 'must not be empty' }
  return { message: `must have ${relation} ${bound} ${noun}` }
}

function wrongCustom(issue: Extract<Issue, { code: 'custom' }>, value: unknown): Words {
  // The wrapper of secrets is a custom type, so a missing or mistyped one arrives here.
  const untyped =
    value !== undefined && kindOf(value) !== 'text' && issue.message === 'must be text'
  if (untyped) return wrongType('string', value)
  const hint: unknown = issue.params?.['hint']
  return typeof hint === 'string' ? { message: issue.message, hint } : { message: issue.message }
}

/** What a value might have been, when it may be one of several kinds: the one that got furthest, or all. */
function wrongChoice(issue: Extract<Issue, { code: 'invalid_union' }>, value: unknown): Words {
  if (value === undefined) return { message: 'is missing' }
  const wanted = issue.errors.flatMap(([first]) => {
    if (first?.code === 'invalid_value') return first.values.map((word) => JSON.stringify(word))
    return first?.code === 'invalid_type' ? [TYPE_WORDS[first.expected] ?? first.expected] : []
  })
  return { message: `must be ${wanted.join(' or ')}` }
}

/** The issues of the one choice a value is of the right kind for; undefined when it is of none. */
function issuesOfChoice(issue: Issue): readonly Issue[] | undefined {
  if (issue.code !== 'invalid_union') return undefined
  const fitting = issue.errors.filter((branch) =>
    branch.every(({ code, path }) => path.length > 0 || !WRONG_KIND.has(code)),
  )
  // Two that fit are told apart by nothing but what is wrong in them: the first is as good as any.
  return fitting[0]?.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }))
}

const WRONG_KIND = new Set<Issue['code']>(['invalid_type', 'invalid_value', 'invalid_union'])

function wordsFor(issue: Issue, value: unknown): Words {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, value)
    case 'invalid_value':
      return wrongValue(issue.values, value)
    case 'too_small':
      return wrongSize(issue.origin, 'at least', issue.minimum)
    case 'too_big':
      return wrongSize(issue.origin, 'at most', issue.maximum)
    case 'invalid_key':
      return { message: issue.issues[0]?.message ?? 'is not a valid name', at: 'key' }
    case 'custom':
      return wrongCustom(issue, value)
    case 'invalid_union':
      return wrongChoice(issue, value)
    case 'invalid_format':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_element':
      break
  }
  return { message: issue.message }
}

/** What was read, and the schema it was read by. */
interface Reading {
  readonly input: unknown
  readonly schema: () => JsonSchema
}

function explain(issue: Issue, reading: Reading): readonly ConfigProblem[] {
  const { input, schema } = reading
  const path = pathOf(issue)
  if (issue.code === 'unrecognized_keys')
    return unknownKeys(issue.keys, path, knownKeys(schema(), path))
  const chosen = issuesOfChoice(issue)
  if (chosen !== undefined) return chosen.flatMap((inner) => explain(inner, reading))
  return [{ path, ...wordsFor(issue, valueAt(input, path)) }]
}

/**
 * What a schema found wrong, in words for people; no message repeats a value of the input.
 *
 * @param schema it as JSON Schema, for hints; default: that of a configuration
 */
export function explainIssues(
  error: z.core.$ZodError,
  input: unknown,
  schema: () => JsonSchema = jsonSchema,
): readonly ConfigProblem[] {
  return error.issues.flatMap((issue) => explain(issue, { input, schema }))
}
