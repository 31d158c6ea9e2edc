import { readdirSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import type { Exposition } from '../../core/metrics/exposition.ts'
import { Histogram } from '../../core/metrics/histogram.ts'

/** How often it is looked how late the event loop is, ms: two looks a second cost nothing. */
const LOOK_MS = 500
const DESCRIPTORS = '/proc/self/fd'

/** What the process uses, and how late its event loop is. */
export class ProcessWatch {
  readonly #lag = new Histogram()
  readonly #timer: NodeJS.Timeout
  #due = performance.now() + LOOK_MS

  constructor() {
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  write(out: Exposition): void {
    const { user, system } = process.cpuUsage()
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
    out.set('process_cpu_seconds_total', (user + system) / 1e6)
    out.set('process_resident_memory_bytes', rss)
    out.set('process_start_time_seconds', performance.timeOrigin / 1_000)
    const descriptors = openDescriptors()
    if (descriptors !== undefined) out.set('process_open_fds', descriptors)
    out.set('nodejs_heap_size_used_bytes', heapUsed)
    out.set('nodejs_heap_size_total_bytes', heapTotal)
    out.set('nodejs_external_memory_bytes', external)
    out.set('nodejs_active_resources', process.getActiveResourcesInfo().length)
    const { active } = performance.eventLoopUtilization()
    out.set('nodejs_eventloop_active_seconds_total', active / 1_000)
    out.histogram('nodejs_eventloop_lag_seconds', this.#lag)
  }

  #look(): void {
    const now = performance.now()
    this.#lag.observe((now - this.#due) / 1_000)
    this.#due = now + LOOK_MS
  }
}

/** Undefined where the system does not say. */
function openDescriptors(): number | undefined {
  try {
    // Reading the folder opens one more.
    return readdirSync(DESCRIPTORS).length - 1
  } catch {
    return undefined
  }
}
