/** Characters an expression's values cannot have, by its operator (RFC 6570 §3.2); what is not named may stand there. */
const EXCLUDED: Readonly<Record<string, string>> = {
  '': '/?#',
  '+': '',
  '#': '',
  '.': '/?#',
  '/': '?#',
  ';': '/?#',
  '?': '#',
  '&': '#',
}

/** Operators that put themselves before the first value (RFC 6570 §3.2.5 to §3.2.9 and §3.2.4). */
const LEADING = '#./;?&'

/** Expressions a template may have to be matched; one with more matches nothing. */
const MAX_EXPRESSIONS = 32

interface Expression {
  /** What comes before the values, if there are any. */
  readonly lead: string
  /** Characters that end it. */
  readonly excluded: string
}

type Part = string | Expression

/** Literals and expressions in turn; undefined when it is no template, or has too many of them. */
function partsOf(template: string): readonly Part[] | undefined {
  const parts: Part[] = []
  let at = 0
  for (let open = template.indexOf('{'); open !== -1; open = template.indexOf('{', at)) {
    const close = template.indexOf('}', open)
    if (close === -1 || parts.length >= 2 * MAX_EXPRESSIONS) return undefined
    const operator = template.charAt(open + 1)
    const known = operator !== '' && Object.hasOwn(EXCLUDED, operator) ? operator : ''
    const lead = known !== '' && LEADING.includes(known) ? known : ''
    parts.push(template.slice(at, open), { lead, excluded: EXCLUDED[known] ?? '' })
    at = close + 1
  }
  parts.push(template.slice(at))
  return parts
}

/** Where matches of the literal that begin at one of `starts` end. */
function afterLiteral(uri: string, literal: string, starts: Reach): Reach {
  if (literal === '') return starts
  const ends: Span[] = []
  let at = uri.indexOf(literal)
  for (const { from, to } of starts) {
    if (at !== -1 && at < from) at = uri.indexOf(literal, from)
    while (at !== -1 && at <= to) {
      const end = at + literal.length
      ends.push({ from: end, to: end })
      at = uri.indexOf(literal, at + 1)
    }
    if (at === -1) break
  }
  return ends
}

/** Where the values of an expression that begin at one of `starts` can end. */
function afterExpression(uri: string, { lead, excluded }: Expression, starts: Reach): Reach {
  const ends: { from: number; to: number }[] = []
  for (const { from, to } of starts) {
    for (let at = from; at <= to; at += 1) {
      const last = ends.at(-1)
      // Without values nothing stands there, not even the operator.
      const bare = lead !== '' && uri[at] !== lead
      const end = bare ? at : runEnd(uri, at + lead.length, { excluded, known: last?.to ?? 0 })
      if (last !== undefined && at <= last.to + 1) last.to = Math.max(last.to, end)
      else ends.push({ from: at, to: end })
    }
  }
  return ends
}

/** The end of the run of allowed characters from `at`; `known` is where the one before it ends. */
function runEnd(
  uri: string,
  at: number,
  { excluded, known }: { readonly excluded: string; readonly known: number },
): number {
  let end = Math.max(known, at)
  while (end < uri.length && !excluded.includes(uri.charAt(end))) end += 1
  return end
}

interface Span {
  readonly from: number
  readonly to: number
}

/** Places in a URI, ascending, both ends included. */
type Reach = readonly Span[]

/**
 * Whether a URI can come from a template (RFC 6570, levels 1 to 3; the modifiers of level 4 are read as if they were not
 * there). Values are taken as clients write them, that is also where a reserved character is not percent-encoded. Takes
 * time that grows with the length of the URI times the number of expressions, whatever they are.
 */
export function matchesTemplate(template: string, uri: string): boolean {
  const parts = partsOf(template)
  if (parts === undefined) return false
  let reach: Reach = [{ from: 0, to: 0 }]
  for (const part of parts) {
    reach =
      typeof part === 'string' ? afterLiteral(uri, part, reach) : afterExpression(uri, part, reach)
    if (reach.length === 0) return false
  }
  return reach.some(({ from, to }) => from <= uri.length && uri.length <= to)
}
