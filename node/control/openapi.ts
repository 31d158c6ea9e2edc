import { z } from 'zod'
import { askedAbout, explanation, hopDecision } from './admin-explain-models.ts'
import { configProblem } from './admin-models.ts'
import type { Route } from './admin-route.ts'

/** Where all of it is served. */
export const API_BASE = '/api/v1'

/** Version of what is described; it changes when what is described does. */
const API_VERSION = '1.0.0'

type Json = Readonly<Record<string, unknown>>

const KEY = 'operatorKey'

/** RFC 9457. */
const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('What went wrong, for programs.'),
    problems: z.array(z.looseObject({})).optional().describe('Of a file that was refused.'),
    parameter: z.string().optional().describe('Which part of the request is at fault.'),
  })
  .meta({ id: 'Problem', description: 'What went wrong (RFC 9457).' })

/** What others are made of, and has a name. */
const PARTS = { input: [askedAbout], output: [configProblem, explanation, hopDecision] }

/** The name of a schema; undefined for one that has none. */
function idOf(schema: z.ZodType): string | undefined {
  const id = z.globalRegistry.get(schema)?.id
  return typeof id === 'string' ? id : undefined
}

function reference(id: string): string {
  return `#/components/schemas/${id}`
}

/** Schemas by name, each of which may refer to the others. */
function named(schemas: readonly z.ZodType[], io: 'input' | 'output'): Json {
  const registry = z.registry<{ id: string }>()
  for (const schema of schemas) registry.add(schema, { id: idOf(schema) ?? '' })
  const made = z.toJSONSchema(registry, { io, uri: reference }).schemas
  return Object.fromEntries(
    Object.entries(made).map(([id, schema]) => {
      const { $schema: _, $id: __, id: ___, ...rest } = schema as Json
      return [id, rest]
    }),
  )
}

function parametersOf({ path, query }: Route): readonly Json[] {
  const inPath = path.includes('{endpoint}')
    ? [{ name: 'endpoint', in: 'path', required: true, schema: { type: 'string' } }]
    : []
  if (query === undefined) return inPath
  const { properties = {}, required = [] } = z.toJSONSchema(query, {
    io: 'input',
    unrepresentable: 'any',
  })
  const inQuery = Object.entries(properties).map(([name, schema]) => {
    const { description, ...rest } = typeof schema === 'object' ? schema : {}
    return { name, in: 'query', required: required.includes(name), description, schema: rest }
  })
  return [...inPath, ...inQuery]
}

function content(schema: z.ZodType, type = 'application/json'): Json {
  return { [type]: { schema: { $ref: reference(idOf(schema) ?? '') } } }
}

/** `getViews`, `postPolicyDiff`. */
function operationId({ method, path }: Route): string {
  const words = path.split('/').filter((word) => /^[a-z]+$/.test(word))
  const capital = words.map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
  return `${method.toLowerCase()}${capital.join('')}`
}

function operationOf(route: Route): Json {
  const { summary, body, reply, writes } = route
  const parameters = parametersOf(route)
  return {
    operationId: operationId(route),
    summary: writes === true ? `${summary} Needs admin.write.` : summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: content(body) } }),
    responses: {
      200: { description: 'Done.', content: content(reply) },
      default: {
        description: 'What went wrong.',
        content: content(problem, 'application/problem+json'),
      },
    },
  }
}

/** Describes everything that can be asked (OpenAPI 3.1), from the routes themselves. */
export function describeRoutes(routes: readonly Route[]): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes) {
    const operations = (paths[`${API_BASE}${route.path}`] ??= {})
    operations[route.method.toLowerCase()] = operationOf(route)
  }
  const requests = routes.flatMap(({ body }) => (body === undefined ? [] : [body]))
  return {
    openapi: '3.1.1',
    info: {
      title: 'Banyan node, for operators',
      version: API_VERSION,
      description:
        'Served at the listener "admin" of the configuration, to who has one of its keys. Answers hold no credential.',
    },
    security: [{ [KEY]: [] }],
    paths,
    components: {
      schemas: {
        ...named([...routes.map(({ reply }) => reply), problem, ...PARTS.output], 'output'),
        ...named([...requests, ...PARTS.input], 'input'),
      },
      securitySchemes: { [KEY]: { type: 'http', scheme: 'bearer' } },
    },
  }
}

/** {@link describeRoutes} as the text of `docs/admin.openapi.json`. */
export function publishDescription(routes: readonly Route[]): string {
  return `${JSON.stringify(describeRoutes(routes), null, 2)}\n`
}
