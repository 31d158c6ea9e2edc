import { createHash } from 'node:crypto'
import { LIST_RULES, type CapabilityKind } from '../../protocol/capability.ts'
import { Fault } from '../../protocol/errors.ts'
import type { Sealer } from '../core/seal.ts'
import { writeViewItem, type Dialect, type View, type ViewItem } from './view.ts'

/** One page as text: the members of the result. */
export interface Page {
  /** Index of its first item. */
  readonly from: number
  readonly items: Buffer
  /** Where in it the items end, and what follows is about this page alone. */
  readonly end: number
  /** The name the next page comes after, where its cursor is not part of the text. */
  readonly next: string | undefined
}

/** A view as one kind of caller gets it. */
export interface Pages {
  readonly kind: CapabilityKind
  readonly items: readonly ViewItem[]
  readonly written: readonly [Page, ...Page[]]
  /** Of all items as they are written; undefined where no node asks. */
  readonly digest: string | undefined
}

export interface PageContext {
  readonly sealer: Sealer
  /** What a cursor is bound to; one from elsewhere does not open. */
  readonly bound: string
  readonly pageSize: number
  readonly dialect: Dialect
  /** Several share the text, and each has cursors of its own; default: the cursor is part of it. */
  readonly cursorsApart?: boolean
  /** The text of an item; default: written when it is asked for. */
  readonly textOf?: (item: ViewItem) => Buffer
}

/** All pages of a list, written once and sent as they are. */
export function writePages(list: Pick<View, 'kind' | 'items'>, context: PageContext): Pages {
  const { pageSize, dialect } = context
  const written: [Page, ...Page[]] = [writePage(list, 0, context)]
  for (let from = pageSize; from < list.items.length; from += pageSize) {
    written.push(writePage(list, from, context))
  }
  return { ...list, written, digest: dialect.federated ? digestOf(written) : undefined }
}

function digestOf(written: readonly Page[]): string {
  const hash = createHash('sha256')
  for (const { items, end } of written) hash.update(items.subarray(0, end))
  return hash.digest('base64url')
}

function writePage(
  { kind, items }: Pick<Pages, 'kind' | 'items'>,
  from: number,
  { sealer, bound, pageSize, dialect, cursorsApart = false, textOf }: PageContext,
): Page {
  const slice = items.slice(from, from + pageSize)
  const parts: Buffer[] = [Buffer.from(`"${LIST_RULES[kind].items}":[`)]
  slice.forEach((item, index) => {
    if (index > 0) parts.push(Buffer.from(','))
    parts.push(textOf === undefined ? writeViewItem(item, dialect) : textOf(item))
  })
  const last = slice.at(-1)?.entry.name
  const more = from + pageSize < items.length && last !== undefined
  const tail = more && !cursorsApart ? `]${cursorTo(last, { sealer, bound })}` : ']'
  parts.push(Buffer.from(tail))
  const text = Buffer.concat(parts)
  const next = more && cursorsApart ? last : undefined
  return { from, items: text, end: text.length - Buffer.byteLength(tail), next }
}

function cursorTo(name: string, { sealer, bound }: Pick<PageContext, 'sealer' | 'bound'>): string {
  return `,"nextCursor":${JSON.stringify(sealer.seal(name, bound))}`
}

/** The text of a page with the cursor of whoever asks. */
export function pageText(
  { items, next }: Page,
  context: Pick<PageContext, 'sealer' | 'bound'>,
): Buffer {
  return next === undefined ? items : Buffer.concat([items, Buffer.from(cursorTo(next, context))])
}

/**
 * The page a cursor leads to. A cursor holds the last name it came after, so that it goes on at the right place also
 * when the list has changed in between.
 *
 * @throws Fault `bad_cursor`
 */
export function pageOf(pages: Pages, cursor: string, context: PageContext): Page {
  const after = context.sealer.open(cursor, context.bound)
  if (after === undefined) throw new Fault('bad_cursor', 'the cursor is not one of this list')
  const from = firstAfter(pages.items, after)
  return pages.written.find((page) => page.from === from) ?? writePage(pages, from, context)
}

/** Index of the first item whose name comes after `name`. */
function firstAfter(items: readonly ViewItem[], name: string): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    const at = items[middle]?.entry.name ?? ''
    if (at <= name) low = middle + 1
    else high = middle
  }
  return low
}
