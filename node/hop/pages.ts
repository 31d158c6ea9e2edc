import { Fault } from '../../protocol/errors.ts'
import type { Sealer } from '../core/seal.ts'
import { writeViewTool, type Dialect, type View } from './view.ts'

/** One page as text: the members of the result. */
export interface Page {
  /** Index of its first tool. */
  readonly from: number
  readonly items: Buffer
}

export interface PageContext {
  readonly sealer: Sealer
  /** What a cursor is bound to; one from elsewhere does not open. */
  readonly bound: string
  readonly pageSize: number
  readonly dialect: Dialect
}

/** All pages of a view, written once and sent as they are. */
export function writePages(view: View, context: PageContext): readonly Page[] {
  const pages: Page[] = []
  let from = 0
  do {
    pages.push(writePage(view, from, context))
    from += context.pageSize
  } while (from < view.tools.length)
  return pages
}

function writePage(view: View, from: number, context: PageContext): Page {
  const { sealer, bound, pageSize, dialect } = context
  const slice = view.tools.slice(from, from + pageSize)
  const parts: Buffer[] = [Buffer.from('"tools":[')]
  slice.forEach((tool, index) => {
    if (index > 0) parts.push(Buffer.from(','))
    parts.push(writeViewTool(tool, dialect))
  })
  const last = slice.at(-1)?.entry.name
  const more = from + pageSize < view.tools.length && last !== undefined
  const tail = more ? `],"nextCursor":${JSON.stringify(sealer.seal(last, bound))}` : ']'
  parts.push(Buffer.from(tail))
  return { from, items: Buffer.concat(parts) }
}

/**
 * The page a cursor leads to. A cursor holds the last name it came after, so that it goes on at the right place also
 * when the list has changed in between.
 *
 * @throws Fault `bad_cursor`
 */
export function pageOf(
  view: View,
  pages: readonly Page[],
  cursor: string,
  context: PageContext,
): Page {
  const after = context.sealer.open(cursor, context.bound)
  if (after === undefined) throw new Fault('bad_cursor', 'the cursor is not one of this list')
  const from = firstAfter(view, after)
  return pages.find((page) => page.from === from) ?? writePage(view, from, context)
}

/** Index of the first tool whose name comes after `name`. */
function firstAfter(view: View, name: string): number {
  let low = 0
  let high = view.tools.length
  while (low < high) {
    const middle = (low + high) >> 1
    const at = view.tools[middle]?.entry.name ?? ''
    if (at <= name) low = middle + 1
    else high = middle
  }
  return low
}
