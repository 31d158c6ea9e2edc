// The table of attacks on identity, row by row, and where each is shown. Tests name the rows they show: "attack 12: ...",
// in this folder over whole nodes, and beside the parts for what shows better there.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** In brief, by number. */
const ATTACKS: Readonly<Record<number, string>> = {
  // Tokens that are none
  1: 'alg none, an empty signature',
  2: 'HMAC with the public key of the issuer',
  3: 'an algorithm of another family under a known key id',
  4: 'key ids that are paths, queries or URLs; a flood of unknown ones',
  5: 'headers that bring a key along, or say where one is',
  6: 'unknown critical members; a payload that is not encoded',
  7: 'every artefact in the place of every other',
  8: 'the audience of somebody else, or several, or one that looks like it',
  9: 'issuers mixed up; one key id in two key sets',
  10: 'metadata about somebody else, or that changes to an attacker',
  11: 'expired, not yet, for ever',
  12: 'a grant redeemed again, also fifty times at once',
  // Proofs
  13: 'proofs used again, for something else, with a wrong key, twice, without a nonce',
  14: 'a bound token as Bearer; an issuer that ignores the proof',
  15: 'a stolen hop token',
  // A node in the middle
  16: 'a client that says who acted',
  17: 'older actors dropped or rewritten',
  18: 'scope, budget or life raised',
  19: 'the people of another organisation asserted',
  20: 'subject and actor of two calls in one chain',
  21: 'an ID-JAG of or for somebody else',
  22: 'cycles and self-upstreams',
  // Resources
  23: 'one call that becomes many exchanges',
  24: 'URLs that lead to where the node must not go',
  25: 'documents that are too large, too slow, too deep',
  26: 'tokens that are too large or too deep',
  27: 'JSON and text that two readers read differently',
  // Transport
  28: 'another form than a form at the token endpoint',
  29: 'tokens in queries, cookies, arguments',
  30: 'headers that say two things',
  31: 'credentials passed through, or taken along by a redirect',
  32: 'challenges and descriptions of an upstream',
  33: 'a step-up that never ends',
  // What is kept and shown
  34: 'tokens in logs, errors and dumps',
  35: 'one cached token for two callers',
  36: 'refusals that tell what is there',
  37: 'forged or old gossip',
  38: 'a flood of revocations',
  39: 'a client assertion for another server',
  40: 'keys that were removed, or changed under one id',
  41: 'the state of one caller sent by another',
  42: 'results and descriptions changed in the middle',
  43: 'token exchange by whoever, for wherever',
  44: 'an issuer that answers with more than it was asked for',
}

/** What nothing can show yet, and why. */
const NOT_YET: ReadonlyMap<number, string> = new Map([[37, 'there is no gossip yet']])

const TESTS = fileURLToPath(new URL('..', import.meta.url))
const CITED = /\b[Aa]ttacks? (\d+(?:(?:, | and | to )\d+)*)(?=[:,])/g

/** Rows by file, as the titles of tests name them. */
function shown(): ReadonlyMap<number, ReadonlySet<string>> {
  const rows = new Map<number, Set<string>>()
  for (const file of readdirSync(TESTS, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(test|contract)\.ts$/.test(file) || file === 'security/table.test.ts') continue
    const text = readFileSync(join(TESTS, file), 'utf8').replaceAll(/^ *\/\/.*$/gm, '')
    const lists = [...text.matchAll(CITED)].map(([, list = '']) => list)
    for (const row of lists.flatMap((list) => (list.match(/\d+/g) ?? []).map(Number))) {
      rows.set(row, (rows.get(row) ?? new Set()).add(file))
    }
  }
  return rows
}

test('every attack is shown by a test, but for those that wait', () => {
  const rows = shown()
  const missing = Object.keys(ATTACKS).filter((row) => !rows.has(Number(row)))
  expect(missing.map(Number)).toEqual([...NOT_YET.keys()])
})

test('and over whole nodes at that', () => {
  const rows = shown()
  const apart = Object.keys(ATTACKS)
    .map(Number)
    .filter((row) => !NOT_YET.has(row))
    .filter((row) => ![...(rows.get(row) ?? [])].some((file) => /^(security|mesh)\//.test(file)))
  expect(apart).toEqual([])
})

test('no test names an attack that is not there', () => {
  expect([...shown().keys()].filter((row) => !(row in ATTACKS))).toEqual([])
})
