import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { LOG_WORDS } from '../../node/main/lab/log-words.ts'
import { logEvents } from './log-events.ts'

interface Row {
  readonly level: string
  readonly message: string
  readonly fields: string
  readonly file: string
}

/** The tables of docs/events.md. */
function documented(): Row[] {
  const text = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8')
  const rows = text.matchAll(
    /^\| (debug|info|warn|error) +\| `(.*?)` +\| (.*?) +\| (.*?) +\| `(.*?)` +\|$/gm,
  )
  return [...rows].map(([, level = '', message = '', fields = '', , file = '']) => {
    return { level, message, fields: fields.trim(), file }
  })
}

const keyOf = ({ level, message, file }: Omit<Row, 'fields'>): string =>
  `${file}: ${level} ${message}`

function keysOf(list: readonly Omit<Row, 'fields'>[]): string[] {
  return [...new Set(list.map(keyOf))].toSorted()
}

test('docs/events.md has every line a node logs, and no other', () => {
  expect(keysOf(documented())).toEqual(keysOf(logEvents()))
  expect(logEvents().length).toBeGreaterThan(40)
})

test('and names the fields each has, as far as the source says them in one place', () => {
  const told = logEvents().filter(({ fields }) => fields !== undefined)
  const written = new Map(documented().map((row) => [keyOf(row), row.fields]))
  const fieldsOf = told.map((event) => [keyOf(event), event.fields?.join(', ')])
  const inDocument = told.map((event) => [keyOf(event), written.get(keyOf(event))])
  expect(inDocument).toEqual(fieldsOf)
  expect(told.length).toBeGreaterThan(35)
})

test('and the lines that labs follow their nodes by are among them', () => {
  const messages = new Set(logEvents().map(({ message }) => message))
  expect(Object.values(LOG_WORDS).filter((word) => !messages.has(word))).toEqual([])
})
