import { isIP } from 'node:net'
import { z } from 'zod'
import type { ConfigProblem } from './config-error.ts'
import type { ListenAddress } from './config-types.ts'
import { Secret } from './secret.ts'
import {
  DURATION_PATTERN,
  SIZE_PATTERN,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
  type Quantity,
} from './units.ts'

/** Longest free text in a configuration, characters. */
const MAX_TEXT = 64 * 1_024

/** Labels of namespaces and upstreams. `__` is what separates a namespace from a tool in exposed names. */
export const label: z.ZodString = z
  .string()
  .regex(
    /^(?!.*__)[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/,
    'must be 1 to 32 of A-Z a-z 0-9 _ -, start with a letter or digit, and not contain "__"',
  )

/** Names of nodes, organisations and endpoints: they stand in URLs. */
export const slug: z.ZodString = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,31}$/,
    'must be 1 to 32 of a-z 0-9 -, and start with a letter or digit',
  )

/** A glob over namespace names. */
export const nameGlob: z.ZodString = z
  .string()
  .regex(
    /^[A-Za-z0-9_*-]{1,128}$/,
    'must be a namespace name, or a glob of A-Z a-z 0-9 _ - and * (any run of characters)',
  )

/** A value of the Host header. */
export const hostValue: z.ZodType<string> = z
  .string()
  .regex(
    /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?$/,
    'must be a host or host:port, without scheme or path',
  )
  .toLowerCase()

/** A glob over names of tools with their namespace. */
export const toolGlob: z.ZodString = z
  .string()
  .regex(
    /^[^\p{Cc}\s]{1,1024}$/u,
    'must be <namespace>__<name>, or a glob with * (any run of characters)',
  )

/** Free text, at least one character, none of them NUL. */
export const text: z.ZodString = z
  .string()
  .min(1)
  .max(MAX_TEXT)
  .refine((value) => !value.includes('\0'), 'must not contain a NUL character')

type Defined<T> = {
  [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key]
} & {
  [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined>
}

/** The same table without what is not there: a key is missing, never undefined. */
export function defined<T extends object>(fields: T): Defined<T> {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(present) as Defined<T>
}

/** Adds a problem from within a schema. */
export function addProblem(
  context: z.RefinementCtx,
  {
    path = [],
    message,
    hint,
  }: Partial<Pick<ConfigProblem, 'path'>> & Pick<ConfigProblem, 'message' | 'hint'>,
): void {
  context.addIssue({ code: 'custom', message, path: [...path], params: { hint } })
}

/** A secret; {@link substitute} has wrapped it before any schema sees it. */
export const secret: z.ZodType<Secret> = z
  .custom<Secret>((value) => value instanceof Secret, 'must be text')
  .meta({ type: 'string' })

/** A number that may be left out. */
export type NumberField = z.ZodPrefault<z.ZodType<number>>

interface Bounds {
  readonly default: string | number
  readonly min: string | number
  readonly max: string | number
}

function orThrow(quantity: Quantity): number {
  if (!quantity.ok) throw new RangeError(quantity.message)
  return quantity.value
}

function bounded(
  parse: (input: unknown) => Quantity,
  format: (value: number) => string,
  bounds: Bounds,
): NumberField {
  const min = orThrow(parse(bounds.min))
  const max = orThrow(parse(bounds.max))
  return z
    .unknown()
    .transform((input, context) => {
      const quantity = parse(input)
      if (!quantity.ok) {
        const { message, hint } = quantity
        context.addIssue({ code: 'custom', message, params: { hint } })
        return z.NEVER
      }
      if (quantity.value < min || quantity.value > max) {
        context.addIssue(`must be from ${format(min)} to ${format(max)}`)
      }
      return quantity.value
    })
    .prefault(bounds.default)
}

/** A duration in ms. */
export function duration(bounds: Bounds, description: string): NumberField {
  return bounded(parseDuration, formatDuration, bounds).meta({
    type: 'string',
    pattern: DURATION_PATTERN,
    description,
  })
}

/** A size in bytes. */
export function size(bounds: Bounds, description: string): NumberField {
  return bounded(parseSize, formatSize, bounds).meta({
    anyOf: [
      { type: 'string', pattern: SIZE_PATTERN },
      { type: 'integer', minimum: 0 },
    ],
    description,
  })
}

/** A whole number. */
export function count(
  bounds: Readonly<Record<keyof Bounds, number>>,
  description: string,
): NumberField {
  return z.int().min(bounds.min).max(bounds.max).prefault(bounds.default).meta({ description })
}

/** A list without repetitions. */
export function distinct<Item extends string>(
  item: z.ZodType<Item>,
  least: number,
): z.ZodType<Item[]> {
  return z
    .array(item)
    .min(least)
    .superRefine((items, context) => {
      items.forEach((value, i) => {
        if (items.indexOf(value) === i) return
        context.addIssue({ code: 'custom', message: 'is in the list twice', path: [i] })
      })
    })
}

/** A table whose keys obey a grammar. The result has no prototype, so that looking up any name is safe. */
export function table<Value>(
  key: z.ZodString,
  value: z.ZodType<Value>,
): z.ZodType<Record<string, Value>> {
  return z
    .record(key, value)
    .transform((record) => Object.assign(Object.create(null) as Record<string, Value>, record))
}

/** What is wrong with the text of an http(s) URL without credentials or fragment; undefined when nothing is. */
export function problemOfUrl(input: string): string | undefined {
  const url = URL.canParse(input) ? new URL(input) : undefined
  // Before anything else: the parser drops white space at the ends and line breaks in the middle.
  if (url === undefined || /[\s\p{Cc}\\]/u.test(input)) return 'must be an absolute URL'
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be an http or https URL'
  if (url.username !== '' || url.password !== '') return 'must not contain credentials'
  if (url.hash !== '' || input.includes('#')) return 'must not have a fragment'
  return undefined
}

/** An absolute http(s) URL without credentials or fragment. The result is in normal form. */
export const httpUrl: z.ZodType<string> = z.string().transform((input, context) => {
  const problem = problemOfUrl(input)
  if (problem === undefined) return new URL(input).href
  context.addIssue(problem)
  return z.NEVER
})

/** An {@link httpUrl} without query, to append paths to; the result has no slash at its end. */
export const baseUrl: z.ZodType<string> = httpUrl.transform((href, context) => {
  if (href.includes('?')) context.addIssue('must not have a query')
  return href.replace(/\/+$/, '')
})

/** Whether a host, as in a URL or a listen address, is this machine and nothing else. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  return (isIP(bare) === 4 && bare.startsWith('127.')) || bare === '::1' || bare === 'localhost'
}

const LISTEN = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/

/** `host:port`, the host an address or `localhost`, in brackets for IPv6. */
export const listenAddress: z.ZodType<ListenAddress> = z.string().transform((input, context) => {
  const [, six, name, digits] = LISTEN.exec(input) ?? []
  const host = six ?? name ?? ''
  const port = Number(digits)
  if (host === '' || !(port <= 65_535) || (six !== undefined && isIP(six) !== 6)) {
    context.addIssue('must be host:port, like "127.0.0.1:7400" or "[::1]:7400"')
  }
  return { host, port }
})
