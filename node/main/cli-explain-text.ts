import type { Explanation, Explanations } from '../control/explain.ts'
import { count, harmless, type Paint } from './cli-nodes.ts'

/** Longest name that moves the columns behind it, characters. */
const MAX_WIDTH = 60

/** One line: one decision, or one about many. */
interface Row {
  readonly visible: boolean
  readonly name: string
  readonly what: string
  readonly because: string
  readonly more: readonly string[]
}

function rowOf(item: Explanation): Row {
  const { visible, name, kind, because, only, upstreams, origin, hop, beyond = [] } = item
  const from = origin === undefined ? [] : [`from ${upstreams.join(', ')}`]
  const era = only === undefined ? [] : [`only for callers of era ${only}`]
  const isBeyond = beyond.some((one) => one.hop === hop)
  const where = isBeyond ? `at ${hop}: ${because}` : because
  const others = beyond.filter((one) => one.hop !== hop)
  const also = others.map((one) => `at ${one.hop}: ${one.because}`)
  return { visible, name, what: kind, because: where, more: [...from, ...era, ...also] }
}

/** What was decided for all of them at once, said once. */
function summed(items: readonly Explanation[], name: string): readonly Row[] {
  const [first] = items
  if (first === undefined || items.some(({ because }) => because !== first.because)) {
    return items.map(rowOf)
  }
  const { level, because, kind: of } = first
  const kinds = Map.groupBy(items, ({ kind }) => kind)
  const found = [...kinds].map(([kind, all]) => count(all.length, kind)).join(', ')
  const hasServers = items.some(({ origin }) => origin !== undefined)
  const what = kinds.size === 1 ? of : level
  return [{ visible: false, name, what, because, more: hasServers ? [found] : [] }]
}

/** Everything is hidden, whatever it is. */
function isAbove({ visible, level }: Explanation): boolean {
  return !visible && (level === 'caller' || level === 'endpoint')
}

function rowsOf(items: readonly Explanation[]): readonly Row[] {
  if (items.some(({ beyond }) => beyond !== undefined)) return items.map(rowOf)
  if (items.length > 1 && items.every(isAbove)) return summed(items, 'everything')
  return [...Map.groupBy(items, ({ namespace }) => namespace)].flatMap(([namespace, all]) => {
    const isHidden = all.every(({ visible, level }) => !visible && level === 'namespace')
    if (isHidden && all.length > 1) return summed(all, `${namespace}__*`)
    return [...Map.groupBy(all, ({ kind }) => kind).values()].flatMap((some) => {
      const isUnallowed = some.every(({ visible, rule }) => !visible && rule === undefined)
      return isUnallowed && some.length > 1 ? summed(some, `${namespace}__*`) : some.map(rowOf)
    })
  })
}

function lineOf({ visible, name, what, because, more }: Row, width: number, paint: Paint): string {
  const mark = visible ? paint('green', '✓') : paint('red', '✗')
  const shown = paint('bold', harmless(name).padEnd(width))
  // Other nodes may have said some of it.
  const why = [harmless(because), ...more.map((one) => paint('dim', harmless(one)))].join(', ')
  return `  ${mark} ${shown} ${what.padEnd(9)} ${why}\n`
}

/** Answers for people: endpoint by endpoint, a line each. */
export function explanationText({ items, unlisted, notes }: Explanations, paint: Paint): string {
  const sections = [...Map.groupBy(items, ({ endpoint }) => endpoint)].map(
    ([endpoint, all]) => [endpoint, rowsOf(all)] as const,
  )
  const names = sections.flatMap(([, rows]) => rows.map(({ name }) => name.length))
  const width = Math.min(MAX_WIDTH, Math.max(0, ...names))
  const remark = (words: string): string => `  ${paint('yellow', '·')} ${harmless(words)}\n`
  const head = (endpoint: string): string => `${paint('cyan', `/mcp/${endpoint}`)}\n`
  const found = sections.map(([endpoint, rows]) => {
    const own = notes.filter((one) => one.endpoint === endpoint).map(({ note }) => remark(note))
    const lines = rows.map((row) => lineOf(row, width, paint))
    return [head(endpoint), ...own, ...lines].join('')
  })
  const missing = unlisted.map(({ endpoint, reasons }) =>
    [head(endpoint), ...reasons.map(remark)].join(''),
  )
  return [...found, ...missing].join('')
}
