/** Changes to JSON text by place: what no edit names keeps its bytes. */

import { Buffer } from 'node:buffer'
import type { Member, Span } from './json-bytes.ts'
import { skipSpace } from './json-check.ts'

const CLOSE_BRACE = 0x7d

/** Replaces the bytes of a span; an empty span inserts. */
export interface Edit extends Span {
  readonly text: string | Buffer
}

/** The edits that insert `text` (members without braces) as the first members of the object at `at`. */
export function insertMembers(bytes: Buffer, at: number, text: string): Edit {
  const empty = bytes[skipSpace(bytes, at + 1)] === CLOSE_BRACE
  return { start: at + 1, end: at + 1, text: empty ? text : `${text},` }
}

/** By place; the empty span first, since the other one takes the bytes behind it. Edits are few and mostly in order. */
function inPlace(edits: readonly Edit[]): readonly Edit[] {
  const ordered: Edit[] = []
  for (const edit of edits) {
    let at = ordered.length
    while (at > 0 && isBefore(edit, ordered[at - 1])) at -= 1
    if (at === ordered.length) ordered.push(edit)
    else ordered.splice(at, 0, edit)
  }
  return ordered
}

function isBefore(edit: Edit, other: Edit | undefined): boolean {
  if (other === undefined) return false
  return edit.start < other.start || (edit.start === other.start && edit.end < other.end)
}

/** Text larger than this is not copied to change a few bytes of it. */
const PIECES_FROM_BYTES = 16_384

/** The text with the edits made, in parts to be sent one after the other; of large text the parts are views. */
export function pieces(bytes: Buffer, edits: readonly Edit[]): readonly Buffer[] {
  if (bytes.length < PIECES_FROM_BYTES) return [splice(bytes, edits)]
  const parts: Buffer[] = []
  let read = 0
  for (const { start, end, text } of inPlace(edits)) {
    parts.push(bytes.subarray(read, start), typeof text === 'string' ? Buffer.from(text) : text)
    read = end
  }
  parts.push(bytes.subarray(read))
  return parts.filter((part) => part.length > 0)
}

/**
 * The text with the edits made. They may come in any order and must not overlap; an insertion where another edit begins
 * comes before it.
 */
export function splice(bytes: Buffer, edits: readonly Edit[]): Buffer {
  const ordered = inPlace(edits)
  let size = bytes.length
  for (const { start, end, text } of ordered) size += Buffer.byteLength(text) - (end - start)
  const out = Buffer.allocUnsafe(size)
  let read = 0
  let write = 0
  for (const { start, end, text } of ordered) {
    bytes.copy(out, write, read, start)
    write += start - read
    write += typeof text === 'string' ? out.write(text, write) : text.copy(out, write)
    read = end
  }
  bytes.copy(out, write, read)
  return out
}

/** The edits that take all `unwanted` members out, and as many commas. */
export function removeMembers(
  list: readonly Member[],
  unwanted: (member: Member) => boolean,
): Edit[] {
  const edits: Edit[] = []
  const lastKept = list.findLastIndex((member) => !unwanted(member))
  for (let index = 0; index < lastKept; index += 1) {
    const [member, next] = [list[index], list[index + 1]]
    if (member === undefined || next === undefined || !unwanted(member)) continue
    edits.push({ start: member.keyStart, end: next.keyStart, text: '' })
  }
  const [first, last] = [list[lastKept + 1], list.at(-1)]
  if (first === undefined || last === undefined) return edits
  // Behind the last one kept there is a comma before the first of those that go, and none after the last.
  const start = list[lastKept]?.end ?? first.keyStart
  return [...edits, { start, end: last.end, text: '' }]
}
