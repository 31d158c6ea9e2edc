// The published description of what operators can ask is the one the routes are served by.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { ROUTES } from '../../../node/control/admin-routes.ts'
import { API_BASE, describeRoutes, publishDescription } from '../../../node/control/openapi.ts'
import { isObject, type JsonObject } from '../../../protocol/jsonrpc.ts'

const PUBLISHED = new URL('../../../docs/admin.openapi.json', import.meta.url)
const described = describeRoutes(ROUTES) as JsonObject

/** All values below one, with their keys. */
function* below(value: unknown): Generator<readonly [string, unknown]> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) {
    yield [key, member]
    yield* below(member)
  }
}

function at(path: string): unknown {
  return path
    .replace('#/', '')
    .split('/')
    .reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), described)
}

test('docs/admin.openapi.json is what the routes say: run "npm run schema" when not', () => {
  expect(readFileSync(PUBLISHED, 'utf8')).toBe(publishDescription(ROUTES))
})

test('every route is described once, each operation by a name of its own', () => {
  const paths = at('#/paths') as Readonly<Record<string, Readonly<Record<string, JsonObject>>>>
  const found = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const wanted = ROUTES.map(({ method, path }) => `${method} ${API_BASE}${path}`)
  expect(found.toSorted()).toEqual(wanted.toSorted())
  const ids = [...below(paths)].flatMap(([key, id]) => (key === 'operationId' ? [id] : []))
  expect(new Set(ids).size).toBe(ROUTES.length)
})

test('every reference leads somewhere, and nothing else is named', () => {
  const references = [...below(described)].flatMap(([key, value]) =>
    key === '$ref' ? [value] : [],
  )
  expect(references.length).toBeGreaterThan(20)
  expect(references.filter((one) => at(String(one)) === undefined)).toEqual([])
  const names = Object.keys(at('#/components/schemas') as object)
  const used = new Set(references.map((one) => String(one).split('/').at(-1)))
  expect(names.filter((name) => !used.has(name))).toEqual([])
})

test('what a program made of the description accepts is what the node takes', () => {
  const schema = at('#/components/schemas/ExplainRequest') as JsonObject
  const somebody = at('#/components/schemas/Somebody')
  const local = JSON.parse(
    JSON.stringify({ ...schema, $defs: { Somebody: somebody } }).replaceAll(
      '#/components/schemas/',
      '#/$defs/',
    ),
  ) as z.core.JSONSchema.JSONSchema
  const asked = z.fromJSONSchema(local)
  const [route] = ROUTES.filter(({ path }) => path === '/explain')
  for (const [body, isGood] of [
    [{ as: { classes: ['analyst'] } }, true],
    [{ as: { classes: ['*'], scopes: ['ns:docs'] }, endpoint: 'main', limit: 5 }, true],
    [{ as: { claims: { sub: 'ann' } }, name: 'docs__read', kind: 'tool' }, true],
    [{ as: { key: 'ops' }, visible: false }, true],
    [{}, false],
    [{ as: { classes: [] } }, false],
    [{ as: { classes: ['a'], key: 'b' } }, false],
    [{ as: { key: 'ops' }, limit: 0 }, false],
    [{ as: { key: 'ops' }, more: 1 }, false],
  ] as const) {
    expect([body, asked.safeParse(body).success]).toEqual([body, isGood])
    expect([body, route?.body?.safeParse(body).success]).toEqual([body, isGood])
  }
})
