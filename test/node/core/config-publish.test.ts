import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { LIMITS } from '../../../node/core/config-limits.ts'
import {
  jsonSchema,
  limitsTable,
  publishLimits,
  publishSchema,
  type JsonSchema,
} from '../../../node/core/config-publish.ts'
import { FULL as IDENTITY } from './identity-config.ts'

const ROOT = new URL('../../../', import.meta.url)

/** Every field below a schema, with its path. */
function fieldsOf(schema: JsonSchema, path = ''): [string, JsonSchema][] {
  const named = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
    [`${path}.${name}`, field] as [string, JsonSchema],
    ...fieldsOf(field, `${path}.${name}`),
  ])
  const { additionalProperties, items, anyOf = [] } = schema
  const each =
    typeof additionalProperties === 'object' ? fieldsOf(additionalProperties, `${path}.*`) : []
  const inItems = typeof items === 'object' ? fieldsOf(items, `${path}[]`) : []
  return [...named, ...each, ...inItems, ...anyOf.flatMap((choice) => fieldsOf(choice, path))]
}

test.each([
  ['banyan.schema.json', publishSchema],
  ['LIMITS.md', publishLimits],
])('%s is what the schema says: run "node node/main/schema.ts" when not', (file, publish) => {
  expect(readFileSync(new URL(file, ROOT), 'utf8')).toBe(publish())
})

test('every field is described, and every number has a default', () => {
  const fields = fieldsOf(jsonSchema())
  expect(fields.length).toBeGreaterThan(150)
  expect(fields.filter(([, field]) => field['description'] === undefined)).toEqual([])
  const numbers = fields.filter(([, field]) => field['type'] === 'integer')
  expect(numbers.length).toBeGreaterThan(5)
  expect(numbers.filter(([, field]) => field['default'] === undefined)).toEqual([])
})

test('the table names every limit once', () => {
  const names = limitsTable()
    .split('\n')
    .slice(2)
    .map((row) => /^\| `(\w+)`/.exec(row)?.[1])
  expect(names).toEqual(Object.keys(LIMITS))
})

test('an editor that uses the published schema accepts a good file and refuses bad ones', () => {
  const schema = z.fromJSONSchema(JSON.parse(publishSchema()) as z.core.JSONSchema.JSONSchema)
  const good = {
    node: { name: 'edge', organisation: 'acme', sessionKey: '${KEY}' },
    limits: { bodyBytes: '1MiB', headerBytes: 8_192, keepAlive: '5s' },
    upstreams: { files: { stdio: { command: 'x', env: { T: '${T}' } }, timeout: '5s' } },
  }
  expect(schema.safeParse(good).error).toBeUndefined()
  expect(schema.safeParse(IDENTITY).error).toBeUndefined()
  const bad = [
    { ...good, node: { name: 'edge' } },
    { ...good, gossip: { nats: 4222 } },
    { ...good, limits: { keepAlive: 5 } },
    { ...good, issuer: { mode: 'own' } },
    { ...good, trust: {} },
    { ...IDENTITY, trust: [{ issuer: 'https://gw.a.example' }] },
    { ...good, endpoints: { main: { namespaces: ['x'], auth: 'open' } } },
    { ...good, upstreams: { files: {} } },
    { ...good, upstreams: { files: { stdio: { command: 'x' }, http: { url: 'http://x' } } } },
  ]
  expect(bad.map((input) => schema.safeParse(input).success)).toEqual(bad.map(() => false))
})
