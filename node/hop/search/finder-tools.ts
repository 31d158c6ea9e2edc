import { listedItem } from '../../../protocol/listing.ts'
import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import type { Entry } from '../../core/stages.ts'
import type { Decided } from '../sight.ts'
import type { ViewRule } from '../sources.ts'
import type { ViewItem } from '../view.ts'

/**
 * Names of the tools an endpoint has itself where it lists few of the others. Short enough never to be that of a tool of
 * a namespace: such a name has `__` in it, or has been cut to no less than 16 characters (`exposedName`).
 */
export const FINDER = {
  search: 'search_tools',
  describe: 'describe_tools',
  call: 'call_tool',
} as const

/** Longest query, characters. */
export const MAX_QUERY = 500
/** Most tools one search answers with, and how many where it does not say. */
export const MAX_RESULTS = 50
export const DEFAULT_RESULTS = 10
/** Most definitions one call asks for. */
export const MAX_DESCRIBED = 10

const READING = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
}

/** A tool of which nothing is known may do anything. */
const ANYTHING = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: true,
}

const text = (description: string): JsonObject => ({ type: 'string', description })

const DEFINITIONS: readonly JsonObject[] = [
  {
    name: FINDER.search,
    title: 'Search tools',
    description: `Finds tools of this server by what they do. It has many more tools than it lists: search here before you say that something cannot be done. Answers with names, descriptions and parameters ("?" marks the optional ones), the best match first. Then call one with ${FINDER.call}; if its parameters are not clear, look at its full definition with ${FINDER.describe} first.`,
    inputSchema: {
      type: 'object',
      properties: {
        query: {
          ...text(
            'What the tool should do, in a few words: "create calendar event", "refund payment". Empty lists all tools by name.',
          ),
          maxLength: MAX_QUERY,
        },
        limit: {
          type: 'integer',
          minimum: 1,
          maximum: MAX_RESULTS,
          default: DEFAULT_RESULTS,
          description: 'Most tools to answer with.',
        },
        offset: {
          type: 'integer',
          minimum: 0,
          default: 0,
          description: 'How many matches to pass over: nextOffset of the answer before.',
        },
      },
      required: ['query'],
      additionalProperties: false,
    },
    outputSchema: {
      type: 'object',
      properties: {
        tools: {
          type: 'array',
          description: 'The best match first.',
          items: {
            type: 'object',
            properties: {
              name: text(`What to call it by, with ${FINDER.call}.`),
              title: { type: 'string' },
              description: text('Cut where it is long.'),
              parameters: {
                type: 'array',
                items: { type: 'string' },
                description: 'Names of what it takes; those that may be left out end in "?".',
              },
            },
            required: ['name', 'parameters'],
          },
        },
        total: { type: 'integer', description: 'How many match.' },
        nextOffset: { type: 'integer', description: 'Where to go on; absent when that was all.' },
      },
      required: ['tools', 'total'],
    },
    annotations: { title: 'Search tools', ...READING },
  },
  {
    name: FINDER.describe,
    title: 'Describe tools',
    description: `Gives the full definitions of tools of this server: what they do, and the JSON Schema of their arguments. Names are those ${FINDER.search} found.`,
    inputSchema: {
      type: 'object',
      properties: {
        names: {
          type: 'array',
          items: { type: 'string' },
          minItems: 1,
          maxItems: MAX_DESCRIBED,
          description: 'Names of tools.',
        },
      },
      required: ['names'],
      additionalProperties: false,
    },
    outputSchema: {
      type: 'object',
      properties: {
        tools: {
          type: 'array',
          items: { type: 'object' },
          description: 'The definitions, in the order of the names.',
        },
        unknown: {
          type: 'array',
          items: { type: 'string' },
          description: 'Names of tools there are none of.',
        },
      },
      required: ['tools', 'unknown'],
    },
    annotations: { title: 'Describe tools', ...READING },
  },
  {
    name: FINDER.call,
    title: 'Call a tool',
    description: `Calls a tool of this server by its name, as ${FINDER.search} found it. The answer is that of the tool.`,
    inputSchema: {
      type: 'object',
      properties: {
        name: text('Name of the tool.'),
        arguments: {
          type: 'object',
          description:
            'What the tool takes, by name: an object of its own, as its inputSchema says.',
        },
      },
      required: ['name'],
      additionalProperties: false,
    },
    // The tool behind it may want to run as a task.
    execution: { taskSupport: 'optional' },
    annotations: { title: 'Call a tool', ...ANYTHING },
  },
]

const LISTED = DEFINITIONS.map((definition) => listedItem('tool', definition))

const NAMES: ReadonlySet<string> = new Set(Object.values(FINDER))

/** The tools of the endpoint itself, as if somebody listed them, in the order of their names. */
export function finderItems({ self }: Pick<ViewRule, 'self'>): readonly ViewItem[] {
  const items = LISTED.map((listed): ViewItem => {
    const { name } = listed
    const entry: Entry = {
      kind: 'tool',
      name,
      id: { ...self, namespace: '', name },
      source: '',
      namespace: '',
      paramHeaders: [],
      hints: listed.hints,
      candidates: [{ upstream: '', name, imported: false }],
    }
    // What it says of tasks is of that era.
    return { entry, listed, path: [], uris: { names: 'plain', peer: undefined }, era: '2025' }
  })
  return items.toSorted((a, b) => (a.entry.name < b.entry.name ? -1 : 1))
}

/** Whether it is one of those: no namespace is without a name. */
export function isFinder({ namespace, id: { name } }: Decided): boolean {
  return namespace === '' && NAMES.has(name)
}
