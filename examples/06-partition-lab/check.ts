// Exits with 0 when the lab finds what it should, and otherwise with 1 and the reason.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { placeOf } from '../shared/place.ts'
import { banyan } from '../shared/process.ts'

interface Result {
  readonly verdict: string
  readonly folder: string
  /** Of all events, so that two runs can be compared. */
  readonly events: string
}

interface Summary {
  readonly calls: { readonly asked: number; readonly answered: number; readonly failovers: number }
}

const place = await placeOf(import.meta.url)

/** Runs a file of the copy. @param code that it must end with */
async function simulate(file: string, code: number): Promise<Result> {
  const out = place.file('runs')
  const ran = await banyan('lab', 'sim', place.file(file), '--out', out, '--format', 'json')
  assert.equal(ran.code, code, ran.out)
  return JSON.parse(ran.out) as Result
}

try {
  const good = await simulate('partition.mesh.yaml', 0)
  assert.equal(good.verdict, 'ok')
  const { calls } = JSON.parse(await readFile(join(good.folder, 'summary.json'), 'utf8')) as Summary
  assert.ok(calls.failovers > 0, 'no call took the other line')
  assert.ok(calls.answered > calls.asked / 2, 'most calls are answered')
  assert.ok(calls.answered < calls.asked, 'all calls were answered, though there was no way')

  // A lab that finds nothing wrong must be able to: nobody notices a line that is mended within a second.
  const text = await readFile(place.file('partition.mesh.yaml'), 'utf8')
  await writeFile(place.file('hasty.mesh.yaml'), text.replace('within: 15s', 'within: 1s'))
  assert.equal((await simulate('hasty.mesh.yaml', 1)).verdict, 'broken')
} finally {
  await place.remove()
}
process.stdout.write('the sites were apart, and found together again\n')
