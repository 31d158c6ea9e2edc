// What of a published server can be used as an upstream, and what a person has to fill in first.
import type {
  PublishedArgument,
  PublishedInput,
  PublishedKeyValue,
  PublishedPackage,
  PublishedRemote,
  PublishedServer,
} from './server-json.ts'

/** Values a person gave for inputs, by their names. */
export type Given = ReadonlyMap<string, string>

/** One way to a published server. */
export interface ServerWay {
  /** `remote`, or the registry of the package, like `npm`. */
  readonly kind: string
  /** What it is, for people: a URL, or a command. */
  readonly says: string
  /** An upstream, as it stands in a configuration. */
  readonly upstream: Readonly<Record<string, unknown>>
  /** Variables of the environment the configuration refers to, and what they are for. */
  readonly environment: readonly Need[]
  /** Inputs that are required and have no value yet. */
  readonly missing: readonly Need[]
}

/** Something a person has to give. */
export interface Need {
  readonly name: string
  readonly description: string | undefined
}

/** What of a published server cannot be used, and why. */
export interface NoWay {
  readonly kind: string
  readonly why: string
}

/** How the packages of a registry are run. */
interface Runner {
  readonly command: string
  /** @param version undefined where none is told */
  readonly words: (parts: Parts) => readonly string[]
}

interface Parts {
  readonly identifier: string
  readonly version: string | undefined
  readonly runtime: readonly string[]
  readonly args: readonly string[]
  /** Names of the variables the program is to see. */
  readonly environment: readonly string[]
}

const at = ({ identifier, version }: Parts): string =>
  version === undefined ? identifier : `${identifier}@${version}`

const RUNNERS: Readonly<Record<string, Runner>> = {
  npm: {
    command: 'npx',
    words: (parts) => ['-y', ...parts.runtime, at(parts), ...parts.args],
  },
  pypi: { command: 'uvx', words: (parts) => [...parts.runtime, at(parts), ...parts.args] },
  oci: {
    command: 'docker',
    words: ({ identifier, version, runtime, args, environment }) => {
      const isTagged = /[:@]/.test(identifier.slice(identifier.lastIndexOf('/') + 1))
      const image = version === undefined || isTagged ? identifier : `${identifier}:${version}`
      const passed = environment.flatMap((name) => ['-e', name])
      return ['run', '-i', '--rm', ...passed, ...runtime, image, ...args]
    },
  },
  nuget: {
    command: 'dnx',
    words: (parts) => {
      const after = parts.args.length === 0 ? [] : ['--', ...parts.args]
      return [at(parts), '--yes', ...parts.runtime, ...after]
    },
  },
}

/**
 * All ways to a server, those over the network first: they run nothing here.
 *
 * @param prefix of the names of environment variables that secrets of a remote are read from, like `WEATHER`
 */
export function waysTo(
  server: PublishedServer,
  given: Given,
  prefix: string,
): { readonly ways: readonly ServerWay[]; readonly not: readonly NoWay[] } {
  const all = [
    ...server.remotes.map((remote) => remoteWay(remote, given, prefix)),
    ...server.packages.map((pack) => packageWay(pack, given)),
  ]
  return {
    ways: all.filter((way): way is ServerWay => 'upstream' in way),
    not: all.filter((way): way is NoWay => 'why' in way),
  }
}

/** What is collected while inputs are filled in. */
class Filling {
  readonly missing: Need[] = []
  readonly environment: Need[] = []
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  /** The value of an input that a configuration holds in plain text; undefined where it has none and needs none. */
  plain(name: string, input: PublishedInput): string | undefined {
    if (input.value !== undefined) {
      return filled(input.value, (variable) => this.#inner(variable, input))
    }
    return this.#own(name, input)
  }

  /** The same where a configuration may refer to the environment, as it must for secrets. */
  referring(name: string, input: PublishedInput, prefix: string): string | undefined {
    if (input.value !== undefined) {
      const value = (variable: string): string | undefined => {
        const inner = input.variables?.[variable]
        if (inner?.isSecret === true) return this.#reference(variable, inner, prefix)
        const plain = this.#inner(variable, input)
        return plain === undefined ? undefined : escaped(plain)
      }
      return filled(input.value, value, escaped)
    }
    if (input.isSecret === true) {
      return input.isRequired === true ? this.#reference(name, input, prefix) : undefined
    }
    const value = this.#own(name, input)
    return value === undefined ? undefined : escaped(value)
  }

  #inner(variable: string, { variables }: PublishedInput): string | undefined {
    const inner = variables?.[variable]
    return inner === undefined ? undefined : this.#own(variable, { isRequired: true, ...inner })
  }

  #own(name: string, input: PublishedInput): string | undefined {
    const { isRequired, description, choices } = input
    const value = this.#given.get(name) ?? input.value ?? input.default
    if (value !== undefined && choices !== undefined && !choices.includes(value)) {
      this.missing.push({ name, description: `one of ${choices.join(', ')}` })
    } else if (value === undefined && isRequired === true) this.missing.push({ name, description })
    return value
  }

  #reference(name: string, { description }: PublishedInput, prefix: string): string {
    const variable = variableOf(prefix === '' ? name : `${prefix}_${name}`)
    this.environment.push({ name: variable, description })
    return `\${${variable}}`
  }
}

/** `{name}`; who writes `${name}` means the same. */
const VARIABLE = /\$*\{([A-Za-z_][A-Za-z0-9_]*)\}/g

/**
 * Replaces `{name}` where there is a value; what has none stays as it is (server.json, Input.value).
 *
 * @param literal what becomes of all the rest
 */
function filled(
  template: string,
  value: (name: string) => string | undefined,
  literal: (text: string) => string = (text) => text,
): string {
  let [done, from] = ['', 0]
  for (const { 0: whole, 1: name = '', index } of template.matchAll(VARIABLE)) {
    const put = value(name)
    if (put === undefined) continue
    done += literal(template.slice(from, index)) + put
    from = index + whole.length
  }
  return done + literal(template.slice(from))
}

/** As it must stand where `${NAME}` is replaced. */
function escaped(text: string): string {
  // Not a string: there `$$` would be one `$`.
  return text.replaceAll('${', () => '$${')
}

function variableOf(name: string): string {
  return name
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_')
    .replace(/^(?=\d)/, '_')
}

function remoteWay(remote: PublishedRemote, given: Given, prefix: string): ServerWay | NoWay {
  const { type, headers, variables } = remote
  const kind = 'remote'
  if (type !== 'streamable-http') {
    return { kind, why: `${remote.url}: the transport ${type} is not spoken` }
  }
  const filling = new Filling(given)
  const url = filling.plain('url', { value: remote.url, variables, isRequired: true }) ?? ''
  const lines = headers.flatMap(({ name, ...input }) => {
    const value = filling.referring(name, input, prefix)
    return value === undefined ? [] : [[name, value] as const]
  })
  const http = { url, ...(lines.length > 0 && { headers: Object.fromEntries(lines) }) }
  const { environment, missing } = filling
  return { kind, says: url, upstream: { http }, environment, missing }
}

function packageWay(pack: PublishedPackage, given: Given): ServerWay | NoWay {
  const { registryType: kind, identifier, version, transport } = pack
  if (transport.type !== 'stdio') {
    return {
      kind,
      why: `${identifier}: a package that serves ${transport.type}: start it, and add its URL`,
    }
  }
  const runner = Object.hasOwn(RUNNERS, kind) ? RUNNERS[kind] : undefined
  if (runner === undefined)
    return { kind, why: `${identifier}: no way to run a package of ${kind} is known` }
  // Nothing of it may be taken for an option of the program that runs it.
  if (identifier.startsWith('-') || version?.startsWith('-') === true) {
    return { kind, why: `${identifier}: is no name of a package` }
  }
  const filling = new Filling(given)
  const variables = pack.environmentVariables.flatMap((one) => variableLine(one, filling))
  const args = runner.words({
    identifier,
    version,
    runtime: pack.runtimeArguments.flatMap((one) => argument(one, filling)),
    args: pack.packageArguments.flatMap((one) => argument(one, filling)),
    environment: variables.map(([name]) => name),
  })
  const env = variables.length === 0 ? {} : { env: Object.fromEntries(variables) }
  const { environment, missing } = filling
  return {
    kind,
    says: [runner.command, ...args].join(' '),
    upstream: { stdio: { command: runner.command, args, ...env } },
    environment,
    missing,
  }
}

function variableLine(
  { name, ...input }: PublishedKeyValue,
  filling: Filling,
): (readonly [string, string])[] {
  const value = filling.referring(name, input, '')
  return value === undefined ? [] : [[name, value]]
}

/** The words of one argument on a command line. */
function argument(one: PublishedArgument, filling: Filling): readonly string[] {
  if (one.type === 'positional') {
    const value = filling.plain(one.valueHint ?? 'argument', { isRequired: true, ...one })
    return value === undefined ? [] : [value]
  }
  const { name } = one
  const value = filling.plain(name.replace(/^-+/, ''), { ...one, isRequired: false })
  if (value === undefined) return one.isRequired === true ? [name] : []
  if (value === '') return [name]
  return name.startsWith('--') ? [`${name}=${value}`] : [name, value]
}
