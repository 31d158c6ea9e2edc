// Proofs for tasks: those of the core of 2025-11-25 by clients of that era, those of the extension by clients of 2026.
import { expect } from 'vitest'
import type { Asked } from '../fixtures/guest.ts'
import { TASKS_EXTENSION } from '../fixtures/tasks-board.ts'
import { CODE, isObject, objectAt, type JsonObject } from '../fixtures/wire.ts'
import { willing, type MatrixClient } from './client.ts'
import { all, call, textOf, told, type Feature, type Proof, type Scene } from './scene.ts'
import type { ServerKind } from './servers.ts'

const ENDED = ['completed', 'failed', 'cancelled']
const FILE = { filename: 'a.txt' }
const CONFIRMED = { action: 'accept', content: { confirm: true } }

/** @throws Error when the client is not told that there are tasks */
function needTasks({ client }: Scene): void {
  const { declared, era } = client
  const settings =
    era === '2025'
      ? objectAt(objectAt(objectAt(declared, 'tasks'), 'requests'), 'tools')['call']
      : objectAt(declared, 'extensions')[TASKS_EXTENSION]
  if (!isObject(settings)) throw new Error('no tasks are declared')
}

/** Calls a tool for a task, and gives its id. */
async function start(scene: Scene, tool: string, args: JsonObject = {}): Promise<string> {
  needTasks(scene)
  const { client, prefix } = scene
  const params = { name: `${prefix}${tool}`, arguments: args }
  const result = await client.requestTask('tools/call', params)
  const { taskId, status } = client.era === '2025' ? objectAt(result, 'task') : result
  if (typeof taskId !== 'string') throw new Error(`no task: ${JSON.stringify(result)}`)
  expect(typeof status).toBe('string')
  return taskId
}

async function look({ client }: Scene, taskId: string): Promise<JsonObject> {
  const task = await client.requestTask('tasks/get', { taskId })
  expect(task['taskId']).toBe(taskId)
  return task
}

/** What `tasks/get` says in the end. In era 2026 what it asks on the way is answered. */
async function endOf(scene: Scene, taskId: string): Promise<JsonObject> {
  let task: JsonObject = {}
  await scene.soon(async () => {
    task = await look(scene, taskId)
    const { inputRequests } = task
    if (isObject(inputRequests)) await answer(scene, taskId, inputRequests)
    return ENDED.includes(String(task['status']))
  }, 'the end of the task')
  return task
}

async function answer({ client }: Scene, taskId: string, asked: JsonObject): Promise<void> {
  const inputResponses: JsonObject = {}
  for (const [key, question] of Object.entries(asked)) {
    const { method, params } = question as Omit<Asked, 'key'>
    client.asked.push({ method, params, key })
    inputResponses[key] = await client.answer({ method, params, key })
  }
  await client.requestTask('tasks/update', { taskId, inputResponses })
}

/** The result of the call that the task is: era 2025 has a method for it, on which the task asks its questions. */
async function resultOf(scene: Scene, taskId: string): Promise<JsonObject> {
  if (scene.client.era === '2025') return scene.client.requestTask('tasks/result', { taskId })
  return objectAt(await endOf(scene, taskId), 'result')
}

async function runs(scene: Scene): Promise<void> {
  const taskId = await start(scene, 'failing_job')
  expect(await resultOf(scene, taskId)).toMatchObject({
    isError: true,
    content: [{ type: 'text', text: 'The job failed.' }],
  })
  expect((await look(scene, taskId))['status']).toBe('completed')
}

async function fails(scene: Scene): Promise<void> {
  const taskId = await start(scene, 'protocol_error_job')
  const code = CODE.internal
  if (scene.client.era === '2025') {
    await expect(resultOf(scene, taskId)).rejects.toMatchObject({ code })
    expect((await look(scene, taskId))['status']).toBe('failed')
  } else {
    expect(await endOf(scene, taskId)).toMatchObject({ status: 'failed', error: { code } })
  }
}

/** Runs something that asks whether to confirm, and gives what was asked. */
async function confirming({ client }: Scene, work: () => Promise<unknown>): Promise<string[]> {
  const before = client.asked.length
  client.answer = () => CONFIRMED
  try {
    await work()
  } finally {
    client.answer = willing
  }
  return client.asked.slice(before).map(({ method }) => method)
}

async function asks(scene: Scene): Promise<void> {
  const asked = await confirming(scene, async () => {
    const taskId = await start(scene, 'confirm_delete', FILE)
    expect(textOf(await resultOf(scene, taskId))).toBe('a.txt was deleted.')
  })
  expect(asked).toEqual(['elicitation/create'])
}

async function cancelled(scene: Scene): Promise<void> {
  const taskId = await start(scene, 'confirm_delete', FILE)
  await scene.client.requestTask('tasks/cancel', { taskId })
  expect((await endOf(scene, taskId))['status']).toBe('cancelled')
}

async function isTold(scene: Scene): Promise<void> {
  const { client } = scene
  const taskId = await start(scene, 'confirm_delete', FILE)
  const from = client.heard.length
  if (client.watchTasks === undefined) {
    // Whoever waits for the result is asked, and the task goes on: that is what there is to tell.
    await confirming(scene, () => resultOf(scene, taskId))
    return told(scene, from, 'notifications/tasks/status', { taskId })
  }
  client.watchTasks([taskId])
  await told(scene, from, 'notifications/subscriptions/acknowledged')
  await confirming(scene, () => endOf(scene, taskId))
  await told(scene, from, 'notifications/tasks', { taskId, status: 'completed' })
}

async function withoutTask(scene: Scene): Promise<void> {
  const asked = await confirming(scene, async () => {
    expect(textOf(await call(scene, 'confirm_delete', FILE))).toBe('a.txt was deleted.')
  })
  expect(asked).toEqual(['elicitation/create'])
}

/** A tool of the other era that only runs as a task: hidden where the server says so, refused where it does not. */
function outOfReach(tool: string): Proof {
  return async (scene) => {
    const { client, prefix } = scene
    const tools = await all(client, 'tools/list', 'tools')
    const isListed = tools.some(({ name }) => name === `${prefix}${tool}`)
    expect(isListed).toBe(client.era === '2025')
    expect(JSON.stringify(tools)).not.toContain('taskSupport')
    const code = isListed ? CODE.missingCapability : CODE.invalidParams
    await expect(call(scene, tool)).rejects.toMatchObject({ code })
  }
}

/** Where client and server have the same tasks. */
function isOneEra({ era }: ServerKind, client: ServerKind['era']): boolean {
  return era === client
}

const ROWS: readonly Omit<Feature, 'of'>[] = [
  { id: 'task', title: 'Tasks: run to a result', proof: runs },
  { id: 'task-error', title: 'Tasks: one that fails', proof: fails },
  { id: 'task-asks', title: 'Tasks: one that asks', proof: asks },
  { id: 'task-cancel', title: 'Tasks: cancelled', proof: cancelled },
  {
    id: 'task-news',
    title: 'Tasks: told how they stand',
    proof: isTold,
    // SDK v2 serves no listen to tasks; the fixture does over HTTP.
    isMissing: ({ make, transport }) => make === 'SDK v2' && transport === 'stdio',
  },
  {
    id: 'task-optional',
    title: 'A tool that may run as a task, called without one',
    proof: withoutTask,
  },
  {
    id: 'task-only',
    title: 'A tool that only runs as a task of the other era: hidden or refused',
    proof: outOfReach('failing_job'),
    isMissing: isOneEra,
  },
]

/** The rows about tasks. */
export const TASK_ROWS: readonly Feature[] = ROWS.map((row) => ({ ...row, of: 'tasks' }))

const RESEARCH = 'simulate-research-query'

interface Research {
  readonly report: string
  readonly asked: readonly string[]
}

const done = new WeakMap<MatrixClient, Promise<Research>>()

async function research(scene: Scene): Promise<Research> {
  const before = scene.client.asked.length
  const taskId = await start(scene, RESEARCH, { topic: 'trees', ambiguous: true })
  expect((await look(scene, taskId))['status']).toBe('working')
  const report = textOf(await resultOf(scene, taskId))
  expect((await look(scene, taskId))['status']).toBe('completed')
  // The server asks for the roots as well, some time after the session has begun.
  const asked = scene.client.asked.slice(before).map(({ method }) => method)
  return { report, asked: asked.filter((method) => method !== 'roots/list') }
}

/** The research takes seconds, so that there is one for each client, and what there is to see is seen in it. */
function onceFor(scene: Scene): Promise<Research> {
  const { client } = scene
  const running = done.get(client) ?? research(scene)
  done.set(client, running)
  return running
}

/** The same against the reference server, which has one tool with tasks. */
export const EVERYTHING_TASKS: Readonly<Record<Feature['id'], Proof>> = {
  task: async (scene) => {
    expect((await onceFor(scene)).report).toContain('Research Report: trees')
  },
  'task-asks': async (scene) => {
    const { report, asked } = await onceFor(scene)
    expect(report).toContain('After receiving clarification')
    expect(asked).toEqual(['elicitation/create'])
  },
  'task-cancel': async (scene) => {
    const taskId = await start(scene, RESEARCH, { topic: 'trees' })
    await scene.client.requestTask('tasks/cancel', { taskId })
    expect((await endOf(scene, taskId))['status']).toBe('cancelled')
  },
  'task-news': async (scene) => {
    await onceFor(scene)
    await told(scene, 0, 'notifications/tasks/status')
  },
  'task-only': outOfReach(RESEARCH),
}
