import { BorderDesk, SUMMARY_TIMING, type BorderParts } from './border-desk.ts'
import type { Links } from './links.ts'
import type { Outlet, SpeakerSettings, World } from './speaker-types.ts'
import { SUMMARY_LIMITS } from './summary-book.ts'

/** The desk of a node that is a border; undefined on others. */
export function makeBorders(
  { summaries = { timing: SUMMARY_TIMING, limits: SUMMARY_LIMITS } }: SpeakerSettings,
  { outlet, world }: { readonly world: World; readonly outlet: Outlet },
  { links, ...own }: Pick<BorderParts, 'self' | 'groups'> & { readonly links: Links },
): BorderDesk | undefined {
  const { border, now, wall } = world
  if (border === undefined) return undefined
  const { publishSummary: publish, send } = outlet
  return new BorderDesk({
    ...own,
    ...border,
    ...summaries,
    now,
    wall,
    // Of two links between two nodes one is enough.
    send: ({ id }, texts) => {
      const side = links.up.get(id)?.health.state === 'up' ? 'up' : 'down'
      send(id, side, { type: 'summaries', summaries: texts })
    },
    ...(publish !== undefined && { publish }),
    changed: (organisation) => outlet.summaryChanged?.(organisation),
  })
}
