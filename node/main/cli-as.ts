import { text } from 'node:stream/consumers'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import { EVERYBODY } from '../../protocol/policy/policy.ts'
import { readCompact } from '../../protocol/token/compact.ts'
import type { AskedAbout } from '../control/asked-about.ts'
import { UsageError, type CommandContext, type OptionSpec } from './cli-command.ts'

/** Options that say who is asked about. */
export const AS_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  as: {
    type: 'string',
    value: 'WHO',
    summary:
      'a class, classes with commas between, "*" for who is in none, key:NAME, claims as JSON, or - for a token or claims on standard input',
  },
  scope: {
    type: 'string',
    value: 'SCOPE',
    multiple: true,
    summary: 'with classes: a scope they come with, like ns:docs; default: scopes that cover all',
  },
}

/** Somebody, and how to call them. */
export interface Somebody {
  readonly asked: AskedAbout
  readonly called: string
}

const KEY = 'key:'
const CLASS = /^(?:[a-z0-9][a-z0-9-]{0,31}|\*)$/

/** Who `--as` is about. @throws UsageError */
export async function somebodyOf({ options, stdin }: CommandContext): Promise<Somebody> {
  const given = options.text('as')
  const scopes = options.texts('scope')
  if (given === undefined) throw new UsageError('--as is missing: who is asked about')
  const isClass = given !== '-' && !given.startsWith('{') && !given.startsWith(KEY)
  if (!isClass && scopes.length > 0) throw new UsageError('--scope goes with classes alone')
  if (given === '-') return holderOf((await text(stdin)).trim())
  if (given.startsWith('{')) return holderOf(given)
  if (given.startsWith(KEY)) {
    const key = given.slice(KEY.length)
    return { asked: { key }, called: `the holder of key ${key}` }
  }
  const classes = given.split(',').map((name) => name.trim())
  const odd = classes.find((name) => !CLASS.test(name))
  if (odd !== undefined) throw new UsageError(`"${odd}" is no class, key:NAME, JSON or -`)
  const asked = { classes, ...(scopes.length > 0 && { scopes }) }
  const isNobody = classes.every((name) => name === EVERYBODY)
  return { asked, called: isNobody ? 'somebody in no class' : classes.join(', ') }
}

/** Whose claims these are, as JSON or as a token, of which no byte goes on and nothing is verified. */
function holderOf(given: string): Somebody {
  const claims = given.startsWith('{') ? jsonOf(given) : payloadOf(given)
  const { sub } = claims
  return { asked: { claims }, called: typeof sub === 'string' ? sub : 'the holder of the claims' }
}

function jsonOf(given: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(given)
  } catch {
    throw new UsageError('the claims are no JSON')
  }
  if (!isObject(value)) throw new UsageError('the claims must be a JSON object')
  return value
}

/** A token that names no scope has none. */
function payloadOf(token: string): JsonObject {
  try {
    return { scope: '', ...readCompact(token).payload }
  } catch {
    throw new UsageError('standard input holds neither claims as JSON nor a signed token')
  }
}
