import { BOUNDS, type Histogram } from './histogram.ts'
import { METRICS, type MetricName } from './table.ts'
import type { MetricSpec } from './spec.ts'

/** Media type of what {@link Exposition} writes. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * Gathers samples and writes them as Prometheus reads them (text exposition format 0.0.4). A metric without samples is
 * not written.
 */
export class Exposition {
  readonly #lines = new Map<MetricName, string[]>()

  /** @param values of the labels, in the order of the table; undefined is empty */
  set(name: MetricName, value: number, ...values: readonly (string | undefined)[]): void {
    this.#of(name).push(`${name}${labelled(METRICS[name], values)} ${numberText(value)}`)
  }

  /** A series for each state there is; that of the one that holds is 1. @param values of the labels before the state */
  states<S extends string>(
    name: MetricName,
    { all, now }: { readonly all: readonly S[]; readonly now: S },
    ...values: readonly string[]
  ): void {
    for (const state of all) this.set(name, state === now ? 1 : 0, ...values, state)
  }

  histogram(name: MetricName, { counts, sum }: Histogram, ...values: readonly string[]): void {
    const lines = this.#of(name)
    const spec = METRICS[name]
    let upTo = 0
    counts.forEach((count, bucket) => {
      upTo += count
      const le = numberText(BOUNDS[bucket] ?? Infinity)
      lines.push(`${name}_bucket${labelled(spec, values, `le="${le}"`)} ${upTo}`)
    })
    lines.push(`${name}_sum${labelled(spec, values)} ${numberText(sum)}`)
    lines.push(`${name}_count${labelled(spec, values)} ${upTo}`)
  }

  text(): string {
    const parts: string[] = []
    for (const [name, { type, help }] of Object.entries(METRICS)) {
      const lines = this.#lines.get(name as MetricName)
      if (lines === undefined) continue
      parts.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines)
    }
    return `${parts.join('\n')}\n`
  }

  #of(name: MetricName): string[] {
    const known = this.#lines.get(name)
    if (known !== undefined) return known
    const lines: string[] = []
    this.#lines.set(name, lines)
    return lines
  }
}

function labelled(
  { labels }: MetricSpec,
  values: readonly (string | undefined)[],
  last?: string,
): string {
  const pairs = labels.map((label, index) => `${label}="${escaped(values[index] ?? '')}"`)
  if (last !== undefined) pairs.push(last)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`))
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  return Number.isNaN(value) ? 'NaN' : String(value)
}
