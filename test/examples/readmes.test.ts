// Every line that a README of an example tells its readers to type does what the page says.
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { until } from '../fixtures/wait.ts'
import { commandsOf, composeFileOf, EXAMPLES, Shell, type Told, type Typed } from './readme.ts'

/** The tree has a test of its own: its servers take long to start. */
const APART = '02-tree'

/** Takes a minute of computing; what it does is what the check of the example does for fewer sizes. */
const LONG = 'node examples/07-research-sweep/run.ts'

/** What is shown for a line; every line of a README but checks must be here. */
const SHOWN: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  '01-single-gateway': {
    up: /127\.0\.0\.1:\d+\/mcp\/main/,
    list: /notes__search[^]*notes__write[^]*tickets__list[^]*tickets__open/,
    'call notes__search': /^notes\/search: fig$/m,
    example: /^one address, the tools of two servers$/m,
  },
  '03-three-organisations': {
    up: /vault of initech[^]*gate of globex[^]*edge of acme/,
    'trust initech.yaml': /vouches for people who call partners[^]*transit:/,
    'trust globex.yaml --as': /"initech" is .*[^]*✓ token for a caller/,
    'trust globex.yaml --endpoint': /vouches for people who call partners/,
    'trust acme.yaml': /"globex" is .*[^]*✓ token for a caller/,
    call: /^archive\/search: fig$/m,
    trace:
      /1\. {2}acme\/edge[^]*2\. {2}globex\/gate[^]*came {6}for http:\S+\/mcp\/partners, scope ns:initech-archive, 1 actor[^]*3\. {2}initech\/vault[^]*came {6}for \S+, scope ns:archive, 2 actors/,
    example: /^three organisations, and a token of its own at each hop$/m,
  },
  '04-visibility': {
    up: /main {2}5 tools/,
    'list guest.key': /^docs__read.*\ndocs__search.*\n2 tools/m,
    'list analyst.key': /^billing__invoices.*\ndocs__read.*\ndocs__search.*\n3 tools/m,
    'call billing__refund': /unknown tool: billing__refund/,
    'explain billing__invoices': /✓ billing__invoices .*banyan\.yaml:\d+ allows it/,
    'explain billing__refund': /✗ billing__refund .*banyan\.yaml:\d+ denies the tool/,
    example: /^three views of one catalogue$/m,
  },
  '05-mesh-failover': {
    'up home.yaml': /home of acme[^]*right of acme/,
    'up left.yaml': /left of acme[^]*1 tool|left of acme[^]*2 tools/,
    'up edge.yaml': /edge of acme[^]*left +up[^]*right +up/,
    call: /^docs\/search: fig$/m,
    routes: /^docs at home\n {2}\* edge → left → home .*\n {4}edge → right → home/m,
    example: /^a way was killed, and no call was lost$/m,
  },
  '08-desktop-client': {
    check: /node desktop of home/,
    example: /^a desktop client has one server, which is many$/m,
  },
  '06-partition-lab': {
    'lab sim': /ok +sometimes route-lost[^]*calls answered, [1-9]\d* took another way/,
    'lab sim --seeds': /20 ok, 0 broken, 0 unknown/,
    'lab graph': /digraph "partition"/,
    example: /^the sites were apart, and found together again$/m,
  },
  '07-research-sweep': {
    'lab sim': /5 ok, 0 broken, 0 unknown/,
    example: /^the sweep has the shape that the README shows$/m,
  },
  '09-keycloak': {
    check: /ok, node edge of acme/,
    example: /^the node, the realm and the containers speak of the same$/m,
  },
}

/** A configuration without what says where its parts are and where it writes. */
function withoutPlaces(text: string): unknown {
  const {
    audit: _,
    node,
    ...rest
  } = parse(text.replaceAll('../../shared', '../shared')) as {
    audit?: unknown
    node: Record<string, unknown>
  }
  return { ...rest, node: { ...node, state: 'anywhere' } }
}

/** What must hold when all lines have been typed. */
const AFTER: Readonly<Record<string, (shell: Shell) => void>> = {
  // What containers and the check start from is what the commands have made.
  '03-three-organisations': (shell) => {
    for (const name of ['acme.yaml', 'globex.yaml', 'initech.yaml']) {
      const made = withoutPlaces(shell.read(name))
      expect(made).toEqual(withoutPlaces(shell.read(join('federated', name))))
    }
  },
}

const examples = globSync('[0-9]*', { cwd: EXAMPLES }).toSorted()

async function typedAll(shell: Shell, lines: readonly Told[]): Promise<readonly Typed[]> {
  const typed: Typed[] = []
  for (const told of lines) {
    // What was just changed may take a moment, which is less than people take to type.
    const done = async (): Promise<Typed | undefined> => {
      const one = await shell.type(told.line)
      return one.code === told.code || !told.line.includes(' call ') ? one : undefined
    }
    typed.push(await until(done, told.line))
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

function check(
  shown: Readonly<Record<string, RegExp>>,
  told: readonly Told[],
  typed: readonly Typed[],
): void {
  for (const [at, { line, code, out, err }] of typed.entries()) {
    expect({ line, code, ...(code !== told[at]?.code && { out, err }) }).toEqual(told[at])
    const key = keyOf(line, Object.keys(shown))
    const wanted = shown[key ?? ''] ?? /nobody has said what this line shows/
    expect(`${line}\n${out}${err}`).toMatch(wanted)
  }
}

describe.each(examples.filter((name) => name !== APART))('%s', (example) => {
  const told = commandsOf(join(EXAMPLES, example, 'README.md'))
  const here = told.filter(({ line }) => composeFileOf(line) === undefined && line !== LONG)

  test('has a check, and its commands do what the page says', { timeout: 60_000 }, async () => {
    expect(told.map(({ line }) => line)).toContain(`npm run example ${example}`)
    const shown = SHOWN[example] ?? {}
    const shell = await Shell.open(example)
    try {
      check(shown, here, await typedAll(shell, here))
      AFTER[example]?.(shell)
    } finally {
      await shell.close()
    }
  })
})
