// Runs a small part of the sweep. Exits with 0 when it has the shape the README shows, and otherwise with 1 and the reason.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { placeOf } from '../shared/place.ts'
import { plotOf } from './plot.ts'
import { sweep, tableOf } from './sweep.ts'

function cells(line: string | undefined): readonly string[] {
  return (line ?? '').split('|').map((cell) => cell.trim())
}

const place = await placeOf(import.meta.url)
try {
  const rows = await sweep(place, [8, 32], 1)
  const [smallBus, smallLinks, largeBus, largeLinks] = rows
  assert.ok(smallBus && smallLinks && largeBus && largeLinks, 'two sizes, with a bus and without')
  assert.ok(largeBus.converged < 1.2 * smallBus.converged, 'with a bus, size makes no difference')
  assert.ok(largeLinks.converged > 1.2 * smallLinks.converged, 'without, each hop takes its time')
  assert.ok(largeLinks.records > largeBus.records, 'and each record goes over the links')

  assert.match(plotOf(rows), /^<svg [^]*(?:<polyline [^]*){2}<\/svg>\n$/)
  const readme = await readFile(place.file('README.md'), 'utf8')
  const [head] = tableOf(rows).split('\n')
  const shown = readme.split('\n').find((line) => line.startsWith('| nodes'))
  assert.deepEqual(cells(shown), cells(head), 'the README shows these columns')
} finally {
  await place.remove()
}
process.stdout.write('the sweep has the shape that the README shows\n')
