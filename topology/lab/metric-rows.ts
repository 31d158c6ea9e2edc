/** One row of metrics.csv. */
export interface MetricRow {
  /** ms. */
  readonly t: number
  /** Empty: of the whole mesh. */
  readonly node: string
  readonly metric: string
  readonly value: number
}

/** Reads metrics.csv; lines that are none are left out. */
export function readMetrics(text: string): readonly MetricRow[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [t, node, metric, value] = line.split(',')
      if (node === undefined || metric === undefined || value === undefined) return []
      return [{ t: Number(t), node, metric, value: Number(value) }]
    })
}
