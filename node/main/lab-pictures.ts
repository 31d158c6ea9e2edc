import { closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { graphSvg } from '../../topology/lab/graph-svg.ts'
import type { Lab } from '../../topology/lab/lab.ts'
import { readMetrics } from '../../topology/lab/metric-rows.ts'
import { reportHtml } from '../../topology/lab/report-html.ts'
import { spaceTimeSvg, type LabEvent } from '../../topology/lab/space-time-svg.ts'
import type { KeptRun } from './lab-read.ts'

/** Bytes of events, and of figures, that are looked at: what comes later is in the files. */
const MOST_BYTES = 16 * 1_024 ** 2

/** Writes graph.svg, space-time.svg and report.html of a run into its folder. @returns the report */
export function writePictures(lab: Lab, { checks, folder, manifest, summary }: KeptRun): string {
  const graph = graphSvg(lab)
  const events = headOf(join(folder, 'events.ndjson')).split('\n').flatMap(readEvent)
  const spaceTime = spaceTimeSvg([...lab.nodes.keys()], summary.duration, events)
  const metrics = readMetrics(headOf(join(folder, 'metrics.csv')))
  const { cut, host, repeat, started, took, versions, way } = manifest
  const facts = [
    ['run by', `banyan lab ${way}, banyan ${versions.banyan}, Node ${versions.node}`],
    ['on', `${host.platform} ${host.arch}`],
    ['started', `${started}, took ${(took / 1_000).toFixed(1)} s${cut ? ', cut short' : ''}`],
    ['size', `${summary.nodes} nodes, ${summary.links} links, ${summary.duration / 1_000} s`],
    ['again', repeat],
  ] as const
  const report = join(folder, 'report.html')
  writeFileSync(join(folder, 'graph.svg'), graph)
  writeFileSync(join(folder, 'space-time.svg'), spaceTime)
  writeFileSync(report, reportHtml({ facts, checks, summary, metrics, graph, spaceTime }))
  return report
}

/** The first whole lines of a file. */
function headOf(file: string): string {
  if (!existsSync(file)) return ''
  const handle = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(MOST_BYTES)
    const size = readSync(handle, bytes)
    const text = bytes.toString('utf8', 0, size)
    return size < MOST_BYTES ? text : text.slice(0, text.lastIndexOf('\n'))
  } finally {
    closeSync(handle)
  }
}

function readEvent(line: string): LabEvent[] {
  return line === '' ? [] : [JSON.parse(line) as LabEvent]
}

/** The text of an event log, for comparing. */
export function eventLines(folder: string): readonly string[] {
  return readFileSync(join(folder, 'events.ndjson'), 'utf8').split('\n')
}
