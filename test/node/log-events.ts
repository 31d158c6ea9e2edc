// What the source says it logs, read from its text: level, words, and the members of the facts where they stand there.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface LogEvent {
  readonly level: string
  /** `…` stands for what differs. */
  readonly message: string
  /** Undefined where they are put together elsewhere. */
  readonly fields: readonly string[] | undefined
  readonly file: string
}

const NODE = new URL('../../node/', import.meta.url).pathname
const CALL = /\b#?log\??\.(debug|info|warn|error)\(/g
/** Whoever decides how often a line is written gets its words as an argument. */
const OWN_CALL = /this\.#(warn)\(/g

/** Splits the arguments of a call that begins at `start`, behind its parenthesis. */
function argumentsAt(text: string, start: number): string[] {
  const parts: string[] = []
  let [depth, from, quote] = [0, start, '']
  for (let at = start; at < text.length; at += 1) {
    const one = text[at] ?? ''
    if (quote !== '') {
      if (one === '\\') at += 1
      else if (one === quote) quote = ''
    } else if (`'"\``.includes(one)) quote = one
    else if ('([{'.includes(one)) depth += 1
    else if (')]}'.includes(one)) {
      if (depth === 0) return [...parts, text.slice(from, at)].filter((part) => part.trim() !== '')
      depth -= 1
    } else if (one === ',' && depth === 0) {
      parts.push(text.slice(from, at))
      from = at + 1
    }
  }
  throw new Error(`a call without end: ${text.slice(start, start + 80)}`)
}

/** The literals in an expression: the one, or both of a condition. */
function literalsIn(expression: string): string[] {
  const found = expression.matchAll(/'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g)
  return [...found].map(
    ([, plain, template]) => plain ?? template?.replace(/\$\{[^}]*\}/g, '…') ?? '',
  )
}

/** Facts that were put together a line or two before the call. */
function madeBefore(before: string, facts: string): string {
  const start = before.lastIndexOf('const facts = {')
  if (facts.trim() !== 'facts' || start === -1) return facts
  return argumentsAt(`${before.slice(start + 'const facts = '.length)})`, 0)[0] ?? facts
}

function fieldsIn(facts: string): readonly string[] | undefined {
  const text = facts.trim()
  if (!text.startsWith('{')) return undefined
  const inside = argumentsAt(`${text.slice(1, -1)})`, 0).map((part) => part.trim())
  if (inside.some((part) => part.startsWith('...') || part.startsWith('['))) return undefined
  return inside.map((part) => /^\w+/.exec(part)?.[0] ?? part)
}

function eventsIn(file: string): LogEvent[] {
  const text = readFileSync(join(NODE, file), 'utf8')
  const calls = [...text.matchAll(CALL)]
  if (file === 'control/mesh/news.ts') calls.push(...text.matchAll(OWN_CALL))
  return calls.flatMap((call) => {
    const [, level = ''] = call
    const parts = argumentsAt(text, call.index + call[0].length)
    const facts = parts.length === 3 ? parts[1] : parts[0]
    const fields = fieldsIn(madeBefore(text.slice(0, call.index), facts ?? ''))
    const literals = literalsIn(parts.at(-1) ?? '')
    // Words that were put together before.
    const messages = literals.length === 0 ? ['…'] : literals
    return messages.map((message) => ({ level, message, fields, file }))
  })
}

/** All of them, by file. The programs of the command line write no log of a node. */
export function logEvents(): LogEvent[] {
  return readdirSync(NODE, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('main/cli'))
    .toSorted()
    .flatMap(eventsIn)
}
