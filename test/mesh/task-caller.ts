// Somebody of era 2026 who can be given tasks, and looks after them.
import { callModern, streamModern, type RawReply, type RawStream } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import type { Id, JsonObject } from '../fixtures/wire.ts'

/** Name of the extension. */
export const TASKS = 'io.modelcontextprotocol/tasks'

/** What a caller declares that can be given tasks and asked for input. */
export const WITH_TASKS: JsonObject = { elicitation: {}, sampling: {}, extensions: { [TASKS]: {} } }

/** The error for a caller that cannot be given the task it would need. */
export const TASKS_MISSING: JsonObject = {
  code: -32_021,
  data: { requiredCapabilities: { extensions: { [TASKS]: {} } } },
}

/** Uses one endpoint. */
export class TaskCaller {
  readonly #url: string
  readonly #nameOf: (tool: string) => string

  /** @param nameOf how the endpoint calls a tool of the server */
  constructor(url: string, nameOf: (tool: string) => string) {
    this.#url = url
    this.#nameOf = nameOf
  }

  ask(
    method: string,
    params: JsonObject,
    capabilities: JsonObject = WITH_TASKS,
  ): Promise<RawReply> {
    const { taskId } = params
    // The client that sends it mirrors nothing of tasks by itself.
    const headers = typeof taskId === 'string' && method.startsWith('tasks/')
    return callModern(this.#url, method, params, {
      capabilities,
      ...(headers && { headers: { 'mcp-name': taskId } }),
    })
  }

  call(tool: string, args: JsonObject = {}, more: JsonObject = {}): Promise<RawReply> {
    const { capabilities = WITH_TASKS, ...params } = more
    const call = { name: this.#nameOf(tool), arguments: args, ...params }
    return this.ask('tools/call', call, capabilities as JsonObject)
  }

  /** Calls a tool and gives the id of the task that becomes of it. */
  async start(tool: string, args: JsonObject = {}): Promise<string> {
    const { taskId } = (await this.call(tool, args)).result
    if (typeof taskId !== 'string') throw new Error(`no task came of ${tool}`)
    return taskId
  }

  async get(taskId: string): Promise<JsonObject> {
    return (await this.ask('tasks/get', { taskId })).result
  }

  /** Polls until the task is in that state; gives what is said of it then. */
  async reach(taskId: string, status: string): Promise<JsonObject> {
    let found: JsonObject = {}
    await until(async () => {
      found = await this.get(taskId)
      return found['status'] === status
    }, `the task to be ${status}`)
    return found
  }

  listen(
    taskIds: unknown,
    id: Id = 'my-listen',
    capabilities: JsonObject = WITH_TASKS,
  ): Promise<RawStream> {
    const params = { notifications: { taskIds } }
    return streamModern(this.#url, 'subscriptions/listen', params, { id, capabilities })
  }
}
