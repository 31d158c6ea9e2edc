import { isDeepStrictEqual } from 'node:util'
import { isMap, isSeq, parse, parseDocument, stringify, type Document, type Node } from 'yaml'

/** Where something is put into a YAML file, and what. */
export interface Insertion {
  /** A key of the top level. */
  readonly part: string
  /** The key below it; undefined: `part` is a list, and the value is added to it. */
  readonly key?: string
  readonly value: unknown
}

/** The file cannot be changed without touching what somebody wrote. */
export class NotInsertable extends Error {
  override readonly name = 'NotInsertable'
}

const INDENT = 2

/** The text of what is inserted, for people who put it there themselves. */
export function fragment({ part, key, value }: Insertion): string {
  return write({ [part]: key === undefined ? [value] : { [key]: value } })
}

/**
 * Puts a value into the text of a YAML file. All that stood there stays as it was, to the byte.
 *
 * @throws NotInsertable when the part is written in a way that leaves no room for it ({ } or [ ], an alias), or is there already
 */
export function insertYaml(text: string, insertion: Insertion): string {
  const { part, key } = insertion
  const document = parseDocument(text)
  if (document.errors.length > 0) throw new NotInsertable('the file is no YAML')
  const before = document.toJS() as unknown
  const there = document.get(part, true) as Node | undefined
  const made =
    there === undefined
      ? `${closed(text)}${fragment(insertion)}`
      : intoBlock(text, { document, there, insertion })
  const after = parseDocument(made).toJS() as unknown
  if (isDeepStrictEqual(after, expected(before, insertion))) return made
  throw new NotInsertable(`"${part}"${key === undefined ? '' : ` or "${key}"`} leaves no room`)
}

function write(value: unknown): string {
  return stringify(value, { indent: INDENT, lineWidth: 0, collectionStyle: 'any' })
}

function closed(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

interface Place {
  readonly document: Document
  readonly there: Node
  readonly insertion: Insertion
}

/** After the last item of a block collection, as far in as its items are. */
function intoBlock(text: string, { there, insertion }: Place): string {
  const { part, key, value } = insertion
  const isBlock = (isMap(there) || isSeq(there)) && there.flow !== true && there.range != null
  if (!isBlock || isSeq(there) !== (key === undefined)) {
    throw new NotInsertable(`"${part}" is not written as a block`)
  }
  const [start, end] = there.range ?? [0, 0]
  const column = start - (text.lastIndexOf('\n', start - 1) + 1)
  const lines = write(key === undefined ? [value] : { [key]: value })
  const indented = lines.replace(/^(?=.)/gm, ' '.repeat(column))
  // The end of a block is where its last line ends, or the next thing begins.
  const at = text[end - 1] === '\n' || end === text.length ? end : text.indexOf('\n', end) + 1
  const head = closed(text.slice(0, at === 0 ? text.length : at))
  return `${head}${indented}${at === 0 ? '' : text.slice(at)}`
}

function expected(before: unknown, { part, key, value: given }: Insertion): unknown {
  // As plain as what is read back.
  const value: unknown = parse(write(given))
  const root = (before ?? {}) as Record<string, unknown>
  const there = root[part]
  if (key === undefined) return { ...root, [part]: [...(Array.isArray(there) ? there : []), value] }
  const table = (there ?? {}) as Record<string, unknown>
  // A key that is there already is not written over.
  return Object.hasOwn(table, key) ? undefined : { ...root, [part]: { ...table, [key]: value } }
}
