import type { ConfigProblem } from './config-error.ts'
import { Secret } from './secret.ts'

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Where secrets stand, and so where `${NAME}` is replaced; `*` is any key. */
const SECRET_PLACES: readonly (readonly string[])[] = [
  ['node', 'sessionKey'],
  ['upstreams', '*', 'stdio', 'env', '*'],
  ['upstreams', '*', 'http', 'headers', '*'],
  ['upstreams', '*', 'auth', 'client', 'secret'],
  ['upstreams', '*', 'auth', 'client', 'key'],
  ['upstreams', '*', 'auth', 'provider', 'client', 'secret'],
  ['upstreams', '*', 'auth', 'provider', 'client', 'key'],
  ['endpoints', '*', 'auth', 'introspection', 'client', 'secret'],
  ['endpoints', '*', 'auth', 'introspection', 'client', 'key'],
  ['issuer', 'client', 'secret'],
  ['issuer', 'client', 'key'],
  ['gossip', 'credentials', 'nkey'],
  ['gossip', 'credentials', 'password'],
  ['gossip', 'credentials', 'token'],
  ['telemetry', 'otlp', 'headers', '*'],
]

const PLACES_HINT =
  'it is replaced only in node.sessionKey, stdio.env, http.headers, client.secret, client.key, gossip.credentials and otlp.headers; write $${ for a literal "${"'

/** Far deeper than any valid configuration, and far from the end of the stack. */
const MAX_DEPTH = 32

/** `$${` (an escape), `${NAME}`, or a `${` that is neither. */
const REFERENCE = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)\})?/g

interface Walk {
  readonly env: Environment
  readonly problems: ConfigProblem[]
  readonly ancestors: Set<object>
}

type Path = readonly (string | number)[]

function isSecretPlace(path: Path): boolean {
  return SECRET_PLACES.some(
    (place) =>
      place.length === path.length && place.every((key, i) => key === '*' || key === path[i]),
  )
}

function lookUp(name: string | undefined, path: Path, walk: Walk): string {
  if (name === undefined) {
    const hint = 'write ${NAME}, or $${ for a literal "${"'
    walk.problems.push({ path, message: 'malformed "${"', hint })
    return ''
  }
  const value = Object.hasOwn(walk.env, name) ? walk.env[name] : undefined
  if (value === undefined || value === '') {
    const state = value === undefined ? 'not set' : 'empty'
    walk.problems.push({ path, message: `the environment variable ${name} is ${state}` })
  }
  return value ?? ''
}

function readSecret(text: string, path: Path, walk: Walk): Secret {
  const filled = text.replaceAll(REFERENCE, (match, name: string | undefined) =>
    match === '$${' ? '${' : lookUp(name, path, walk),
  )
  return new Secret(filled)
}

function readText(text: string, path: Path, walk: Walk): string {
  return text.replaceAll(REFERENCE, (match) => {
    if (match !== '$${') {
      walk.problems.push({ path, message: '"${" is not replaced here', hint: PLACES_HINT })
    }
    return '${'
  })
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function readTable(value: object, path: Path, walk: Walk): Record<string, unknown> {
  // Without a prototype, so that no key of the input can reach one.
  const copy: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') {
      walk.problems.push({ path: [...path, key], message: 'unknown key', at: 'key' })
    } else if (item !== undefined) {
      copy[key] = read(item, [...path, key], walk)
    }
  }
  return copy
}

function readContainer(value: object, path: Path, walk: Walk): unknown {
  if (walk.ancestors.has(value) || path.length >= MAX_DEPTH) {
    walk.problems.push({ path, message: 'nested too deep, or within itself' })
    return undefined
  }
  walk.ancestors.add(value)
  const copy = Array.isArray(value)
    ? Array.from(value, (item, i) => read(item, [...path, i], walk))
    : readTable(value, path, walk)
  walk.ancestors.delete(value)
  return copy
}

function read(value: unknown, path: Path, walk: Walk): unknown {
  if (typeof value === 'string') {
    return isSecretPlace(path) ? readSecret(value, path, walk) : readText(value, path, walk)
  }
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value
  if (value instanceof Secret && isSecretPlace(path)) return value
  if (typeof value === 'object' && (Array.isArray(value) || isPlainObject(value))) {
    return readContainer(value, path, walk)
  }
  walk.problems.push({ path, message: 'must be plain data: text, numbers, lists, tables' })
  return undefined
}

/**
 * Copies a configuration, with secrets wrapped in {@link Secret} and `${NAME}` in them replaced from the environment.
 *
 * It goes before the schema, so that no plain secret is ever in the hands of code that writes messages. The copy is
 * plain data without prototypes or cycles, whatever the input was. Never throws: what is wrong is in `problems`.
 */
export function substitute(
  input: unknown,
  env: Environment,
): { value: unknown; problems: readonly ConfigProblem[] } {
  const walk: Walk = { env, problems: [], ancestors: new Set() }
  return { value: read(input, [], walk), problems: walk.problems }
}
