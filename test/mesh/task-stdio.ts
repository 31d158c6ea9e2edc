// The smallest stdio server of era 2026 with tasks: each call becomes one, and an update of it is told to its listens.
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { isObject, META, objectAt, type Id, type JsonObject } from '../fixtures/wire.ts'
import { TASKS } from './task-caller.ts'

const PROGRAM = fileURLToPath(import.meta.url)

/** The command that starts it, as an upstream's configuration takes it. */
export function taskCommand(): { command: string; args: string[] } {
  return { command: process.execPath, args: [PROGRAM] }
}

/** What each listen asked for. */
const listens = new Map<Id, readonly unknown[]>()
let lastTask = 0

function say(message: JsonObject): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
}

function tell(id: Id, method: string, params: JsonObject): void {
  say({ method, params: { ...params, _meta: { [META.subscriptionId]: id } } })
}

function taskOf(taskId: unknown, status: string): JsonObject {
  return { taskId, status, createdAt: '', lastUpdatedAt: '', ttlMs: null }
}

const RESULTS: Readonly<Record<string, (params: JsonObject) => JsonObject>> = {
  'server/discover': () => ({
    supportedVersions: ['2026-07-28'],
    capabilities: { tools: {}, extensions: { [TASKS]: {} } },
  }),
  'tools/list': () => ({ tools: [{ name: 'job', inputSchema: { type: 'object' } }] }),
  'tools/call': () => ({ ...taskOf(`task-${(lastTask += 1)}`, 'working'), resultType: 'task' }),
  'tasks/update': ({ taskId }) => {
    for (const [id, taskIds] of listens) {
      if (taskIds.includes(taskId)) tell(id, 'notifications/tasks', taskOf(taskId, 'completed'))
    }
    return {}
  },
}

function take({ id, method, params }: JsonObject): void {
  if (method === 'notifications/cancelled') {
    listens.delete(objectAt({ params }, 'params')['requestId'] as Id)
  } else if (method === 'subscriptions/listen') {
    const { taskIds } = objectAt(params, 'notifications')
    listens.set(id as Id, Array.isArray(taskIds) ? taskIds : [])
    tell(id as Id, 'notifications/subscriptions/acknowledged', { notifications: { taskIds } })
  } else {
    const result = RESULTS[String(method)]?.(isObject(params) ? params : {})
    const error = { code: -32_601, message: 'Method not found' }
    say({ id, ...(result === undefined ? { error } : { result }) })
  }
}

if (process.argv[1] === PROGRAM) {
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => take(JSON.parse(line) as JsonObject))
}
