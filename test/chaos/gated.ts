// What a chaotic upstream has besides its usual tools: one of each kind that begins, and goes on when the gate is open.
import type { FixturePrompt, FixtureResource } from '../fixtures/fixture-offers.ts'
import type { FixtureServer } from '../fixtures/fixture-server.ts'
import { text, type FixtureTool } from '../fixtures/fixture-tools.ts'
import { objectAt, type JsonObject } from '../fixtures/wire.ts'
import { TASKS } from '../mesh/task-caller.ts'

/** Name of the prompt, and of the resource. */
export const GATED = 'gated'
export const GATED_URI = 'test://gated/1'

/** Says that it has begun, waits for the gate, says more, answers. */
export const GATED_TOOL: FixtureTool = {
  definition: { name: GATED, inputSchema: { type: 'object' } },
  run: async ({ progress, gate }) => {
    progress(1, 2)
    await gate.opened
    progress(2, 2)
    return text('through')
  },
}

export const GATED_PROMPT: FixturePrompt = {
  definition: { name: GATED, arguments: [{ name: 'word' }] },
  get: async ({ gate }) => {
    await gate.opened
    return { messages: [{ role: 'user', content: { type: 'text', text: 'through' } }] }
  },
  complete: () => ['through'],
}

export const GATED_RESOURCE: FixtureResource = {
  definition: { uri: GATED_URI, name: GATED, mimeType: 'text/plain' },
  read: async ({ call }) => {
    await call.gate.opened
    return { mimeType: 'text/plain', text: 'through' }
  },
}

/** Name of the tool whose calls become tasks. */
export const GATED_TASK = 'gated_task'
/** Under which name it is counted how often somebody asks what became of one. */
export const OF_TASK = 'of a task'

const TASK_ID = 'task 1'
const TASK: JsonObject = { taskId: TASK_ID, status: 'working', createdAt: '', lastUpdatedAt: '' }

export const GATED_TASK_TOOL: FixtureTool = {
  definition: {
    name: GATED_TASK,
    inputSchema: { type: 'object' },
    execution: { taskSupport: 'optional' },
  },
  run: () => text('no task'),
}

/** Declares the tasks that the era of the server has. */
export function declareTasks(method: string, result: JsonObject): JsonObject {
  const tasks = { requests: { tools: { call: {} } } }
  const more = { initialize: { tasks }, 'server/discover': { extensions: { [TASKS]: {} } } }[method]
  if (more === undefined) return result
  return { ...result, capabilities: { ...objectAt(result, 'capabilities'), ...more } }
}

/** Makes a task of each call of the tool; what became of it is told when the gate is open. */
export function giveTasks(server: FixtureServer): void {
  server.on(`tools/call:${GATED_TASK}`, (exchange) => {
    const isOld = server.era === '2025'
    exchange.result(
      isOld ? { task: { ...TASK, ttl: null } } : { ...TASK, ttlMs: null, resultType: 'task' },
    )
  })
  for (const method of ['tasks/get', 'tasks/result']) {
    server.on(method, async (exchange) => {
      await server.gate.opened
      exchange.result(text('through'))
    })
  }
}
