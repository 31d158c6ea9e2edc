// The whole sweep: prints the table of the README, and draws sweep.svg.
import { writeFile } from 'node:fs/promises'
import { placeOf } from '../shared/place.ts'
import { plotOf } from './plot.ts'
import { sweep, tableOf } from './sweep.ts'

const place = await placeOf(import.meta.url)
try {
  const rows = await sweep(place, [8, 16, 32, 64, 96], 5)
  await writeFile(new URL('sweep.svg', import.meta.url), plotOf(rows))
  process.stdout.write(tableOf(rows))
} finally {
  await place.remove()
}
