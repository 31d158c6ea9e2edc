// What a chaotic upstream has besides its usual tools: one of each kind that begins, and goes on when the gate is open.
import type { AnswerSettings, ExtraMethod } from '../fixtures/fixture-answers.ts'
import {
  BUILT_IN_PROMPTS,
  BUILT_IN_RESOURCES,
  type FixturePrompt,
  type FixtureResource,
} from '../fixtures/fixture-offers.ts'
import { BUILT_IN_TOOLS, text, type FixtureTool } from '../fixtures/fixture-tools.ts'
import type { Offers } from '../fixtures/fixture-world.ts'
import { objectAt, type JsonObject } from '../fixtures/wire.ts'
import { TASKS_EXTENSION } from '../fixtures/tasks-board.ts'

/** Name of the prompt, and of the resource. */
export const GATED = 'gated'
export const GATED_URI = 'test://gated/1'

/** Says that it has begun, waits for the gate, says more, answers. */
const GATED_TOOL: FixtureTool = {
  definition: { name: GATED, inputSchema: { type: 'object' } },
  run: async ({ progress, gate }) => {
    progress(1, 2)
    await gate.opened
    progress(2, 2)
    return text('through')
  },
}

const GATED_PROMPT: FixturePrompt = {
  definition: { name: GATED, arguments: [{ name: 'word' }] },
  get: async ({ gate }) => {
    await gate.opened
    return { messages: [{ role: 'user', content: { type: 'text', text: 'through' } }] }
  },
  complete: () => ['through'],
}

const GATED_RESOURCE: FixtureResource = {
  definition: { uri: GATED_URI, name: GATED, mimeType: 'text/plain' },
  read: async ({ call }) => {
    await call.gate.opened
    return { mimeType: 'text/plain', text: 'through' }
  },
}

/** Name of the tool whose calls become tasks. */
export const GATED_TASK = 'gated_task'
const TASK: JsonObject = {
  taskId: 'task 1',
  status: 'working',
  createdAt: '',
  lastUpdatedAt: '',
}

const GATED_TASK_TOOL: FixtureTool = {
  definition: {
    name: GATED_TASK,
    inputSchema: { type: 'object' },
    execution: { taskSupport: 'optional' },
  },
  run: async ({ args, gate, isModern }) => {
    if (args['wait'] === true) await gate.opened
    return isModern
      ? { ...TASK, ttlMs: null, resultType: 'task' }
      : { task: { ...TASK, ttl: null } }
  },
}

/** What is asked about a task is answered when the gate is open. */
const gatedTask: ExtraMethod = async (_params, { gate }) => {
  await gate.opened
  return text('through')
}

/** Declares the tasks that the era of the server has. */
function declareTasks(method: string, result: JsonObject): JsonObject {
  const tasks = { requests: { tools: { call: {} } } }
  const more = {
    initialize: { tasks },
    'server/discover': { extensions: { [TASKS_EXTENSION]: {} } },
  }[method]
  if (more === undefined) return result
  return { ...result, capabilities: { ...objectAt(result, 'capabilities'), ...more } }
}

/** What a chaotic upstream has, and how it answers. */
export const GATED_OFFERS: Offers = {
  tools: [...BUILT_IN_TOOLS, GATED_TOOL, GATED_TASK_TOOL],
  prompts: [...BUILT_IN_PROMPTS, GATED_PROMPT],
  resources: [...BUILT_IN_RESOURCES, GATED_RESOURCE],
}
export const GATED_ANSWERS: Partial<AnswerSettings> = {
  decorate: declareTasks,
  methods: { 'tasks/get': gatedTask, 'tasks/result': gatedTask, 'tasks/cancel': gatedTask },
}
