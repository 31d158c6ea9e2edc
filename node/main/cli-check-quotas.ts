import { EVERYBODY } from '../../protocol/policy/policy.ts'
import type { Quota } from '../../protocol/quota/quota.ts'
import { formatDuration } from '../core/units.ts'

function whom({ for: classes, per }: Quota): string {
  const of = classes.includes(EVERYBODY) ? '' : ` of ${classes.join(', ')}`
  return per === 'all' ? `all callers${of} together` : `each caller${of}`
}

function allowed({ rate, concurrent }: Quota): string {
  const often =
    rate === undefined
      ? []
      : [`${rate.count} in ${formatDuration(rate.periodMs)}, ${rate.burst} at once`]
  return [...often, ...(concurrent === undefined ? [] : [`${concurrent} at a time`])].join('; ')
}

/** How many globs are shown of a kind; a list of all would fill the screen. */
const SHOWN = 5

function about({ methods, kinds, endpoints }: Quota): string {
  const subjects = Object.entries(kinds).map(([kind, selectors]) => {
    const names = selectors.slice(0, SHOWN).map(({ name, tag }) => name ?? tag ?? 'by annotation')
    const more = selectors.length > SHOWN ? `, and ${selectors.length - SHOWN} more` : ''
    return `${kind} ${names.join(', ')}${more}`
  })
  const where = endpoints.includes('*') ? [] : [`at ${endpoints.join(', ')}`]
  const what = [...(methods === undefined ? [] : [methods.join(', ')]), ...subjects, ...where]
  return what.length === 0 ? '' : ` (${what.join('; ')})`
}

/** What one limit comes to. */
export function quotaLine(quota: Quota): string {
  return `limit ${quota.name}: ${whom(quota)}, ${allowed(quota)}${about(quota)}`
}
