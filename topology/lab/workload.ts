import type { LabNode } from './lab.ts'

/**
 * What servers behind the namespaces of a lab are like. `echo` answers with what it was told, `slow` a second later,
 * `failing` with an error, `big` with a lot, `eliciting` after it has asked the caller something; `changing` has other tools
 * every few seconds.
 */
export const SERVER_KINDS = ['echo', 'slow', 'failing', 'big', 'changing', 'eliciting'] as const
export type ServerKind = (typeof SERVER_KINDS)[number]

/** How late a slow server answers, ms. */
export const SLOW_MS = 1_000
/** Between two lists of a changing server, ms. */
export const CHANGE_MS = 3_000
/** Characters in the answer of a big server. */
const BIG = 262_144
/** Lists a changing server has, in turn. */
const TURNS = 4

/** A server of a lab. */
export interface LabServer {
  readonly node: string
  readonly namespace: string
  readonly kind: ServerKind
  /** Tools it lists. */
  readonly count: number
}

/** The servers of a node. */
export function serversOf({ id, namespaces }: LabNode): LabServer[] {
  return namespaces.map(({ name, count, serves }) => {
    return { node: id, namespace: name, kind: serves, count }
  })
}

interface LabTool {
  readonly name: string
  readonly description: string
  readonly inputSchema: object
}

/** What a server lists. @param revision grows whenever that is something else */
export function toolsOf({ node, namespace, kind, count }: LabServer, revision: number): LabTool[] {
  const round = kind === 'changing' ? revision % TURNS : undefined
  return Array.from({ length: count }, (_, at) => ({
    name: round === undefined || at > 0 ? `tool${at}` : `turn${round}`,
    description: `Tool ${at} of ${namespace} at ${node}, ${kind}, revision ${revision}.`,
    inputSchema: { type: 'object', properties: { message: { type: 'string' } } },
  }))
}

/** What a call is answered, after whatever has to come before. */
export function answerOf({ node, namespace, kind }: LabServer, message: string): object {
  const said = `${namespace} at ${node}: ${message}`
  if (kind === 'failing') return { content: [{ type: 'text', text: said }], isError: true }
  const text = kind === 'big' ? said.padEnd(BIG, '.') : said
  return { content: [{ type: 'text', text }] }
}
