// What a caller who sees everything is given: names, ids, cursors and states that somebody else may get hold of.
import {
  callModern,
  legacySession,
  postStream,
  type LegacySession,
  type RawReply,
  type RawStream,
} from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { isObject, objectAt, type JsonObject } from '../fixtures/wire.ts'
import { WITH_TASKS } from '../mesh/task-caller.ts'
import { PEOPLE, SECRET, type World } from './two-worlds.ts'

/** Of `admin`, in the world that has secrets. */
export interface Captures {
  readonly tools: readonly string[]
  readonly prompts: readonly string[]
  readonly uris: readonly string[]
  readonly templates: readonly string[]
  readonly skills: readonly string[]
  readonly cursors: readonly string[]
  readonly tasks: readonly string[]
  /** Of an `input_required` in the middle of a call. */
  readonly state: string
  readonly session: string
  /** Of the session's own stream, and of one that answered a call. */
  readonly events: readonly string[]
  /** Digest of the list of all tools, as nodes are told it. */
  readonly view: string
}

export const NODE: JsonObject = {
  extensions: {
    'io.github.banyan-mcp/federation': {
      version: 1,
      node: 'n'.repeat(43),
      organisation: 'acme',
      name: 'foreign',
    },
  },
}

type Ask = (method: string, params?: JsonObject, capabilities?: JsonObject) => Promise<RawReply>

/** What begins a name or an exposed URI, up to what is behind its namespace. */
const WHERE = /^(?:\w+:\/\/)?[a-z]+/

/** A few of each namespace, the secrets among them. */
function some(names: readonly string[]): readonly string[] {
  const groups = Map.groupBy(names, (name) => WHERE.exec(name)?.[0] ?? '')
  return [...groups.values()].flatMap((group) =>
    group.filter((name, index) => index === 0 || name.includes('secret')),
  )
}

/** The items of all pages, and the cursors on the way. */
async function all(
  ask: Ask,
  method: string,
  key: string,
): Promise<{ readonly items: readonly string[]; readonly cursors: readonly string[] }> {
  const [items, cursors]: [string[], string[]] = [[], []]
  let cursor: unknown
  do {
    const { result } = await ask(method, cursor === undefined ? {} : { cursor })
    const listed = Object.values(result).filter(Array.isArray).flat().filter(isObject)
    items.push(...listed.map((item) => String(item[key])))
    cursor = result['nextCursor']
    if (typeof cursor === 'string') cursors.push(cursor)
  } while (cursor !== undefined)
  return { items, cursors }
}

/** What `admin` learns that `guest` may not know of. */
export async function capture(world: World): Promise<Captures> {
  const headers = PEOPLE.headers('admin')
  const url = world.url()
  const ask: Ask = (method, params = {}, capabilities = WITH_TASKS) =>
    callModern(url, method, params, { headers, capabilities })
  const [tools, prompts, resources, templates, skills] = [
    await all(ask, 'tools/list', 'name'),
    await all(ask, 'prompts/list', 'name'),
    await all(ask, 'resources/list', 'uri'),
    await all(ask, 'resources/templates/list', 'uriTemplate'),
    await all(ask, 'skills/list', 'uri'),
  ]
  const open = new Set(['fx__echo', 'fx__link_secret'])
  const call = { name: 'vault__slow_compute', arguments: { seconds: 600, label: 'x' } }
  const task = (await ask('tools/call', call)).result['taskId']
  const asked = await ask('tools/call', { name: 'fx__ask_stateful', arguments: {} })
  const federated = await ask('tools/list', {}, NODE)
  const view = objectAt(federated.result, '_meta')['io.github.banyan-mcp/view']
  const old = await legacySession(url, { headers })
  const core = { arguments: {}, name: 'core__failing_job', task: { ttl: 600_000 } }
  // Over a link of era 2026 there are no tasks of 2025.
  const started = (await old.call('tools/call', core)).answer['result']
  const oldTask = objectAt(started, 'task')['taskId']
  return {
    tools: some(tools.items.filter((name) => !open.has(name))),
    prompts: some(prompts.items.filter((name) => name !== 'fx__with_secret')),
    uris: some(resources.items.filter((uri) => !uri.endsWith('/fixture///static/1'))),
    templates: some(templates.items),
    skills: some(skills.items),
    cursors: [tools, prompts, resources, templates].flatMap((list) => list.cursors.slice(0, 2)),
    tasks: [task, oldTask].filter((id) => typeof id === 'string'),
    state: String(asked.result['requestState']),
    session: String(old.id),
    events: await eventsOf(url, old),
    view: String(objectAt({ view }, 'view')['digest']),
  }
}

async function eventsOf(url: string, session: LegacySession): Promise<readonly string[]> {
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'fx__slow' } }
  const accept = 'text/event-stream, application/json'
  const answer = await postStream(url, call, { ...session.headers, accept })
  return Promise.all([await session.get(), answer].map(firstEvent))
}

/** The id in the event that begins a stream, which stays open. */
async function firstEvent(stream: RawStream): Promise<string> {
  void stream.next().catch(() => undefined)
  return until(() => stream.lastEventId ?? '', 'the first event')
}

/** Names nobody ever had, of the shape of those that are hidden. */
export const NEVER: Pick<Captures, 'tools' | 'prompts' | 'uris' | 'tasks' | 'cursors'> = {
  tools: ['fx__none', 'void__echo'],
  prompts: ['fx__nothing'],
  uris: ['test://void.aaaaaaaaaaaaaaaa.banyan/vault///x', SECRET],
  tasks: ['A'.repeat(120)],
  cursors: ['B'.repeat(60)],
}
