import { markdownTable } from '../markdown-table.ts'
import { BOUNDS } from './histogram.ts'
import { LABELS } from './spec.ts'
import { METRIC_GROUPS } from './table.ts'

const HEAD = `# Metrics

A node with an \`admin\` listener answers \`GET /metrics\` there as Prometheus reads it (text exposition format 0.0.4). The key of
an operator opens it, as everything else on that listener; a key with \`readOnly\` is enough. Reading looks at what is there, and
asks nobody else anything.

No label names a caller, a session or a tool, and each has as many values as the configuration has names, or as a closed list
has entries. Counters begin at zero when the node starts, and those of an upstream when its configuration changes. Without a value
there is no series.

An example for Prometheus is in [prometheus.yml](prometheus/prometheus.yml), alerts are in
[alerts.yml](prometheus/alerts.yml), a dashboard for Grafana in [grafana/banyan.json](grafana/banyan.json).

This page is generated from the table in \`node/core/metrics/table.ts\`.
`

/** The page docs/metrics.md. */
export function publishMetrics(): string {
  const groups = Object.entries(METRIC_GROUPS).map(([title, metrics]) => {
    const rows = Object.entries(metrics).map(([name, { type, help, labels }]) => {
      return [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help]
    })
    return `## ${title}\n\n${markdownTable([['metric', 'type', 'labels', 'meaning'], ...rows])}\n`
  })
  const labels = Object.entries(LABELS).map(([label, of]) => [`\`${label}\``, of])
  const bounds = `Buckets of histograms end at ${BOUNDS.join(', ')} seconds.\n`
  const told = `## Labels\n\n${markdownTable([['label', 'values'], ...labels])}\n`
  return [HEAD, ...groups, bounds, told].join('\n')
}
