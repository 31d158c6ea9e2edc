import { markdownTable } from './markdown-table.ts'
import { z } from 'zod'
import { LIMITS, type LimitSpec } from './config-limits.ts'
import { configSchema } from './config-schema.ts'
import { formatSize } from './units.ts'

/** A JSON Schema, or a part of one, as far as it is read here. */
export interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | false
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly [keyword: string]: unknown
}

let published: JsonSchema | undefined

/** The JSON Schema (draft 2020-12) of a configuration as it is written, for editors. Made once: it takes a while. */
export function jsonSchema(): JsonSchema {
  published ??= z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  return published
}

/** {@link jsonSchema} as the text of `banyan.schema.json`. */
export function publishSchema(): string {
  return `${JSON.stringify(jsonSchema(), null, 2)}\n`
}

function limitRow([name, spec]: [string, LimitSpec]): readonly string[] {
  const written = (value: number | string): string =>
    typeof value === 'number' && spec.unit === 'bytes' ? formatSize(value) : String(value)
  const range = `${written(spec.min)} to ${written(spec.max)}`
  return [`\`${name}\``, written(spec.default), range, spec.unit, spec.meaning]
}

/** The table of limits as Markdown, its columns aligned. */
export function limitsTable(): string {
  return markdownTable([
    ['limit', 'default', 'range', 'unit', 'meaning'],
    ...Object.entries(LIMITS).map(limitRow),
  ])
}

/** The text of `LIMITS.md`. */
export function publishLimits(): string {
  return `# Limits

Every input of a node has a limit. Set them under \`limits\` in the configuration; sizes take \`KiB\`, \`MiB\`, \`GiB\`, times
take \`ms\`, \`s\`, \`m\`, \`h\`, \`d\`. Limits of one upstream (\`timeout\`, \`maxTimeout\`, \`concurrency\`) and of one endpoint
(\`nameLength\`, \`pageSize\`) stand with the upstream and the endpoint.

This page is generated from the schema.

${limitsTable()}
`
}
