// Every line that a README of an example tells its readers to type does what the page says.
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commandsOf, composeFileOf, EXAMPLES, Shell, type Told, type Typed } from './readme.ts'

/** The tree has a test of its own: its servers take long to start. */
const APART = '02-tree'

/** What is shown for a line; every line of a README but checks must be here. */
const SHOWN: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  '01-single-gateway': {
    up: /127\.0\.0\.1:\d+\/mcp\/main/,
    list: /notes__search[^]*notes__write[^]*tickets__list[^]*tickets__open/,
    'call notes__search': /^notes\/search: fig$/m,
    example: /^one address, the tools of two servers$/m,
  },
  '04-visibility': {
    up: /main {2}5 tools/,
    'list guest.key': /^docs__read.*\ndocs__search.*\n2 tools/,
    'list analyst.key': /^billing__invoices.*\ndocs__read.*\ndocs__search.*\n3 tools/,
    'call billing__refund': /unknown tool: billing__refund/,
    'explain billing__invoices': /✓ billing__invoices .*banyan\.yaml:\d+ allows it/,
    'explain billing__refund': /✗ billing__refund .*banyan\.yaml:\d+ denies the tool/,
    example: /^three views of one catalogue$/m,
  },
}

const examples = globSync('[0-9]*', { cwd: EXAMPLES }).toSorted()

async function typedAll(example: string, lines: readonly Told[]): Promise<readonly Typed[]> {
  const shell = await Shell.open(example)
  const typed: Typed[] = []
  try {
    for (const { line } of lines) typed.push(await shell.type(line))
  } finally {
    await shell.close()
  }
  return typed
}

/** The key of a line in the table: the longest whose words are all in it. */
function keyOf(line: string, keys: readonly string[]): string | undefined {
  const words = new Set(line.split(/[\s/]+/))
  return keys
    .filter((key) => key.split(' ').every((word) => words.has(word)))
    .toSorted((a, b) => b.length - a.length)[0]
}

describe.each(examples.filter((name) => name !== APART))('%s', (example) => {
  const told = commandsOf(join(EXAMPLES, example, 'README.md'))
  const here = told.filter(({ line }) => composeFileOf(line) === undefined)

  test('has a check, and its commands do what the page says', { timeout: 60_000 }, async () => {
    expect(told.map(({ line }) => line)).toContain(`npm run example ${example}`)
    const shown = SHOWN[example] ?? {}
    const typed = await typedAll(example, here)
    for (const [at, { line, code, out, err }] of typed.entries()) {
      expect({ line, code, ...(code !== here[at]?.code && { out, err }) }).toEqual(here[at])
      const key = keyOf(line, Object.keys(shown))
      expect(`${line}\n${out}${err}`).toMatch(
        shown[key ?? ''] ?? /nobody has said what this line shows/,
      )
    }
  })
})
