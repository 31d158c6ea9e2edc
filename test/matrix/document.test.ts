import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { CLIENT_ERAS, DEPTHS, proofOf } from './cells.ts'
import { MATRIX_PAGE, matrixDocument } from './document.ts'
import { EVERYTHING } from './everything.ts'
import { IMPOSSIBLE } from './impossible.ts'
import { MAIN, SHEETS } from './sheets.ts'

test('the published matrix is what the tests run over (node test/matrix/publish.ts)', () => {
  const page = matrixDocument()
  process.stdout.write(page)
  expect(readFileSync(MATRIX_PAGE, 'utf8')).toBe(page)
})

test('every row has an id of its own, and so has every row of the reference server', () => {
  const ids = SHEETS.flatMap(({ features }) => features.map(({ id }) => id))
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids).toEqual(expect.arrayContaining(Object.keys(EVERYTHING)))
})

test('every reason is the reason of some cell', () => {
  for (const { features: ids, where } of IMPOSSIBLE) {
    const all = SHEETS.flatMap(({ features, servers }) =>
      servers.flatMap((kind) => features.map((feature) => ({ kind, feature }))),
    )
    const cells = CLIENT_ERAS.flatMap((era) =>
      all
        .filter(({ kind, feature }) => ids.includes(feature.id) && where(kind, era))
        .map(({ kind, feature }) => proofOf({ kind, era, depth: 1, feature })),
    )
    expect(cells.filter((proof) => proof !== undefined)).not.toEqual([])
  }
})

test('eras, transports, makes and depths are all there', () => {
  for (const { servers } of SHEETS) {
    const kinds = servers.map(({ era, transport }) => `${era} ${transport}`)
    expect(new Set(kinds)).toEqual(new Set(['2025 HTTP', '2025 stdio', '2026 HTTP', '2026 stdio']))
  }
  expect(new Set(MAIN.servers.map(({ make }) => make)).size).toBe(5)
  expect(DEPTHS).toEqual([0, 1, 2, 3])
})
