// Runs ring.mesh.yaml for some sizes, with a bus and without, and some seeds: one row for each size and bus.
import { readFile, writeFile } from 'node:fs/promises'
import { parse, stringify } from 'yaml'
import type { Place } from '../shared/place.ts'
import { banyan } from '../shared/process.ts'

const BUSES = ['nats-acme', 'off'] as const

const HEAD = '| nodes | bus | ms to converge | records on links |\n| --: | --- | --: | --: |'

/** Medians over the seeds. */
export interface Row {
  readonly nodes: number
  readonly bus: (typeof BUSES)[number]
  /** From the end of the origin until nobody changes its mind any more, milliseconds of virtual time. */
  readonly converged: number
  /** Records sent over links, in the whole run. */
  readonly records: number
}

interface Mesh {
  readonly organisations: object
  readonly generate: readonly object[]
}

interface Summary {
  readonly convergence: { readonly crash: { readonly p50: number } }
  readonly messages: { readonly records: number }
}

interface Run {
  readonly summary: Summary
}

/** @param seeds how many, from 1 on */
export async function sweep(place: Place, sizes: readonly number[], seeds: number): Promise<Row[]> {
  const mesh = parse(await readFile(place.file('ring.mesh.yaml'), 'utf8')) as Mesh
  const rows: Row[] = []
  for (const nodes of sizes) {
    for (const bus of BUSES) {
      const file = place.file(`ring-${nodes}-${bus}.mesh.yaml`)
      const generate = mesh.generate.map((one) => ({ ...one, n: nodes }))
      const organisations = { acme: { gossip: bus } }
      await writeFile(file, stringify({ ...mesh, organisations, generate }))
      const summaries = await simulate(place, file, seeds)
      rows.push({
        nodes,
        bus,
        converged: median(summaries.map(({ convergence }) => convergence.crash.p50)),
        records: median(summaries.map(({ messages }) => messages.records)),
      })
    }
  }
  return rows
}

async function simulate(place: Place, file: string, seeds: number): Promise<readonly Summary[]> {
  const args = ['--seeds', `1..${seeds}`, '--out', place.file('runs'), '--format', 'json']
  const { code, out } = await banyan('lab', 'sim', file, ...args)
  if (code !== 0) throw new Error(`${file} ended with ${code}: ${out}`)
  // One run is not a list of one.
  return [JSON.parse(out) as Run | Run[]].flat().map(({ summary }) => summary)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** The rows as a table of Markdown. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ nodes, bus, converged, records }) =>
      `| ${nodes} | ${bus === 'off' ? 'none' : 'NATS'} | ${Math.round(converged)} | ${records} |`,
  )
  return `${HEAD}\n${lines.join('\n')}\n`
}
