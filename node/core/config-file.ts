import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import {
  LineCounter,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type Document,
  type YAMLError,
} from 'yaml'
import { configWarnings } from './config-checks.ts'
import { ConfigError, type ConfigProblem } from './config-error.ts'
import type { Environment } from './config-substitution.ts'
import type { NodeConfig } from './config-types.ts'
import { parseConfig } from './config.ts'
import { hostEnvironment } from './environment.ts'

/** A configuration file that is good, and what is doubtful in it. */
export interface LoadedConfig {
  readonly file: string
  readonly config: NodeConfig
  readonly warnings: readonly ConfigProblem[]
}

/** Largest configuration file, bytes. */
const MAX_FILE_BYTES = 4 * 1_024 ** 2

/** Uses of anchors in one file; more is an attempt to blow up memory. */
const MAX_ALIASES = 100

/** Own words for the parser's errors: its own quote the file, and so might print a secret. */
const YAML_WORDS: Readonly<Record<YAMLError['code'], string>> = {
  ALIAS_PROPS: 'an alias cannot have an anchor or a tag',
  BAD_ALIAS: 'an alias without a name, or of an unknown anchor',
  BAD_COLLECTION_TYPE: 'the tag does not fit the value',
  BAD_DIRECTIVE: 'unknown or malformed directive',
  BAD_DQ_ESCAPE: 'unknown escape in a double-quoted text',
  BAD_INDENT: 'wrong indentation',
  BAD_PROP_ORDER: 'an anchor or tag stands in the wrong place',
  BAD_SCALAR_START: 'a plain text cannot start with this character: put it in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a key and its value cannot stand here: check the indentation, or quote the text',
  BLOCK_IN_FLOW: 'a block cannot stand within [ ] or { }',
  DUPLICATE_KEY: 'the key is in the table twice',
  IMPOSSIBLE: 'not valid YAML',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: 'a character is missing: a colon, comma, quote or bracket',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line: check for a missing colon',
  MULTIPLE_ANCHORS: 'more than one anchor on a value',
  MULTIPLE_DOCS: 'more than one document in the file',
  MULTIPLE_TAGS: 'more than one tag on a value',
  NON_STRING_KEY: 'a key must be plain text',
  RESOURCE_EXHAUSTION: 'nested too deep',
  TAB_AS_INDENT: 'a tab cannot indent: use spaces',
  TAG_RESOLVE_FAILED: 'tags are not supported here',
  UNEXPECTED_TOKEN: 'this cannot stand here',
}

type Path = ConfigProblem['path']

/** A parsed file that can say where things stand. */
interface Source {
  readonly document: Document
  readonly lines: LineCounter
}

function childOf(
  node: unknown,
  key: string | number,
): { key?: unknown; value: unknown } | undefined {
  if (isMap(node)) return node.items.find((pair) => isScalar(pair.key) && pair.key.value === key)
  if (!isSeq(node) || typeof key !== 'number' || !(key in node.items)) return undefined
  return { value: node.items[key] }
}

function startOf(node: unknown): number | undefined {
  const range: unknown =
    typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined
}

/** Offset of a path: its value, or its key when that is at fault, or the key of the last part that is there. */
function offsetOf(document: Document, path: Path, at: ConfigProblem['at']): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const [i, key] of path.entries()) {
    const child = childOf(isAlias(node) ? node.resolve(document) : node, key)
    if (child === undefined) break
    const keyStart = startOf(child.key)
    const valueStart = startOf(child.value)
    const last = i === path.length - 1 && at !== 'key'
    offset = (last ? (valueStart ?? keyStart) : (keyStart ?? valueStart)) ?? offset
    node = child.value
  }
  return offset
}

function place(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset)
  return { line, column: col }
}

function locate(problem: ConfigProblem, { document, lines }: Source): ConfigProblem {
  return { ...problem, ...place(lines, offsetOf(document, problem.path, problem.at)) }
}

function inOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return problems.toSorted(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  )
}

/** Aliases without an anchor: the parser finds them only when it is too late to say where they are. */
function danglingAliases(document: Document, lines: LineCounter): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const anchors = new Set<string>()
  visit(document, {
    Value(_, node) {
      if (node.anchor !== undefined) anchors.add(node.anchor)
    },
    Alias(_, alias) {
      if (anchors.has(alias.source)) return
      const message = YAML_WORDS.BAD_ALIAS
      problems.push({ path: [], message, ...place(lines, startOf(alias) ?? 0) })
    },
  })
  return problems
}

/** Gives the data of a document, or what is wrong with it as YAML. */
function parseYaml(text: string): Source & { data: unknown; problems: readonly ConfigProblem[] } {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    customTags: [],
    lineCounter: lines,
    // The parser's own pretty errors quote the file.
    prettyErrors: false,
    resolveKnownTags: false,
    schema: 'core',
    stringKeys: true,
    uniqueKeys: true,
    version: '1.2',
  })
  const errors = [...document.errors, ...document.warnings]
  const problems: ConfigProblem[] = errors.map(({ code, pos }) => ({
    path: [],
    message: YAML_WORDS[code],
    ...place(lines, pos[0]),
  }))
  if (errors.length === 0) problems.push(...danglingAliases(document, lines))
  if (document.directives?.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    problems.push({ path: [], message: 'only YAML 1.2 is supported', line: 1, column: 1 })
  }
  if (problems.length > 0) return { document, lines, data: undefined, problems }
  try {
    return { document, lines, data: document.toJS({ maxAliasCount: MAX_ALIASES }), problems }
  } catch {
    const message = `anchors are used more than ${MAX_ALIASES} times, or before they are complete`
    return {
      document,
      lines,
      data: undefined,
      problems: [{ path: [], message, line: 1, column: 1 }],
    }
  }
}

/** Tells each rule where it stands, for whoever asks why. */
function placeRules(unplaced: NodeConfig, placeOf: (path: Path) => string): NodeConfig {
  const { visibility, quotas } = unplaced
  const limits = quotas.map((quota) => ({ ...quota, place: placeOf(['quotas', quota.name]) }))
  const config = { ...unplaced, quotas: limits }
  if (visibility === 'open') return config
  const placed = visibility.map((rule, i) => ({ ...rule, place: placeOf(['visibility', i]) }))
  return { ...config, visibility: placed }
}

const FILE_WORDS: Readonly<Record<string, string>> = {
  EACCES: 'may not be read',
  EISDIR: 'is a folder',
  ENOENT: 'there is no such file',
}

/**
 * Reads a file of text.
 *
 * @throws {ConfigError} when it cannot be read, is too large, or no UTF-8.
 */
export async function readText(file: string): Promise<string> {
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    throw new ConfigError(
      [{ path: [], message: FILE_WORDS[code] ?? `cannot be read (${code})` }],
      file,
    )
  }
  if (bytes.length > MAX_FILE_BYTES) {
    throw new ConfigError([{ path: [], message: `is larger than ${MAX_FILE_BYTES} bytes` }], file)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ConfigError([{ path: [], message: 'is not UTF-8' }], file)
  }
}

/**
 * Parses the text of a configuration file (YAML 1.2, and so JSON too).
 *
 * @param file its name in messages; relative paths in it start from its folder.
 * @param join takes the place of `gossip.nats`, in every file
 * @throws {ConfigError} with every problem there is, each with line and column, in their order.
 */
export function parseConfigText(
  text: string,
  file: string,
  env: Environment = hostEnvironment(),
  join?: string,
): LoadedConfig {
  return parseYamlText(text, file, (data, source) => {
    const parsed = parseConfig(joining(data, join), { baseDir: dirname(resolve(file)), env })
    const config = placeRules(parsed, (path) => {
      const { line } = source.locate({ path, message: '', at: 'key' })
      return `${file}:${line}`
    })
    const warnings = inOrder(configWarnings(config).map(source.locate))
    return { file, config, warnings }
  })
}

/** The same data with another bus. */
function joining(data: unknown, nats: string | undefined): unknown {
  if (nats === undefined || !isTable(data)) return data
  const gossip = data['gossip'] ?? {}
  return isTable(gossip) ? { ...data, gossip: { ...gossip, nats } } : data
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Where things stand in a file. */
interface Places {
  /** A problem with its line and column. */
  readonly locate: (problem: ConfigProblem) => ConfigProblem
}

/**
 * Parses YAML 1.2, with the limits of configuration files, and gives what `read` makes of its data.
 *
 * @param file its name in messages
 * @throws {ConfigError} with every problem of the YAML, or those `read` throws one with, each with line and column.
 */
export function parseYamlText<T>(
  text: string,
  file: string,
  read: (data: unknown, places: Places) => T,
): T {
  const { data, problems, ...source } = parseYaml(text)
  if (problems.length > 0) throw new ConfigError(inOrder(problems), file)
  const places = { locate: (problem: ConfigProblem) => locate(problem, source) }
  try {
    return read(data, places)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(inOrder(error.problems.map(places.locate)), file)
  }
}

/**
 * Reads and parses a configuration file.
 *
 * @throws {ConfigError} also when the file cannot be read.
 */
export async function loadConfigFile(
  file: string,
  env?: Environment,
  join?: string,
): Promise<LoadedConfig> {
  return parseConfigText(await readText(file), file, env, join)
}
