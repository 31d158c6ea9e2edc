// The invariants of identity, one by one, and that each is held by a test. Tests name those they hold: "invariant 12: ...",
// "invariants 4, 5 and 7 to 9: ...".
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** In brief, by number. What goes out is a token for the next hop, what comes in the one it is made from. */
const INVARIANTS: Readonly<Record<number, string>> = {
  1: 'the audience is one text, the configured resource of the upstream',
  2: 'the issuer is the one pinned for that resource',
  3: 'what can be reached never grows',
  4: 'scopes are within the image of the map, and within what the peer allows',
  5: 'it ends no later than what it is made from, its session, and its own longest life',
  6: 'it is not older than what it is made from, but for the clocks',
  7: 'one actor more',
  8: 'the older actors are what they were, or hashes of them, as many',
  9: 'the outermost actor is the node that exchanges, and the client',
  10: 'the budget is one less, the smaller maximum counts, and never below nothing',
  11: 'the depth is within every maximum on the path',
  12: 'the delegation keeps its name',
  13: 'pairwise names: another, the same again, another elsewhere, and nobody can tell',
  14: 'no byte of what came in goes anywhere but to the own issuer',
  15: 'who is unknown is refused, and nothing is sent',
  16: 'nothing in common is a refusal, never a token without scopes',
  17: 'asking twice gives no more than asking for both at once',
  18: 'a further restriction accepts nothing that was refused before',
  19: 'whatever goes in circles ends',
  20: 'what is remembered could be had at that moment',
  21: 'two callers never share a token',
  22: 'nothing is used any more that descends from what is revoked',
  23: 'a grant is accepted once, under any interleaving',
  24: 'a proof is accepted once',
  25: 'the token is bound to the key of the node, and never to that of the caller',
  26: 'each type of token is accepted where it belongs, and nowhere else',
  27: 'a key of one issuer vouches for no other',
  28: 'gossip changes nothing that is trusted',
  29: 'one bit that differs, and it is none',
  30: 'errors hold no words of upstreams',
  31: 'what is listed can be called, and nothing else',
  32: 'clocks that are off within the leeway decide nothing but at the edges',
}

/** What there is not yet, so that nothing can hold it. */
const NOT_YET: ReadonlyMap<number, string> = new Map([[28, 'gossip']])

const FOLDER = fileURLToPath(new URL('..', import.meta.url))
const SELF = join('security', 'invariants.test.ts')
const CITED = /\binvariants? (\d+(?:(?:, | and | to )\d+)*)/gi

/** The numbers of a list like `1, 2 and 4 to 6`. */
function numbersIn(list: string): readonly number[] {
  return list.split(/, | and /).flatMap((part) => {
    const [from = 0, to = from] = part.split(' to ').map(Number)
    return Array.from({ length: to - from + 1 }, (_, at) => from + at)
  })
}

function cited(): ReadonlySet<number> {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && file !== SELF,
  )
  const texts = files.map((file) => readFileSync(join(FOLDER, file), 'utf8'))
  const lists = texts.flatMap((text) => [...text.matchAll(CITED)].map(([, list]) => list ?? ''))
  return new Set(lists.flatMap(numbersIn))
}

test('every invariant is held by a test, but for those of what there is not yet', () => {
  const held = cited()
  const missing = Object.keys(INVARIANTS).filter(
    (one) => !held.has(Number(one)) && !NOT_YET.has(Number(one)),
  )
  expect(missing).toEqual([])
})

test('no test names one that is not there, or that waits', () => {
  const wrong = [...cited()].filter((one) => !(one in INVARIANTS) || NOT_YET.has(one))
  expect(wrong).toEqual([])
})
