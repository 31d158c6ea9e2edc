// Clients that nobody here wrote: SDK v1 for era 2025, SDK v2 for era 2026.
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as HttpV2,
} from '@modelcontextprotocol/client'
import { SkillsClient } from '@modelcontextprotocol/client/ext/skills'
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ResultSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import { ALL_CAPABILITIES, type Asked, type Interest } from '../fixtures/guest.ts'
import { TASKS_EXTENSION } from '../fixtures/tasks-board.ts'
import { META, objectAt, type JsonObject } from '../fixtures/wire.ts'
import {
  ASKABLE,
  CLIENT_INFO,
  willing,
  type MatrixClient,
  type RequestOptions,
  type Target,
} from './client.ts'
import { RawRequests } from './raw-requests.ts'

/** The part of both SDKs' clients that the matrix uses; what one method takes is that method's business. */
type Method = (params: JsonObject, options: object) => Promise<object>

interface Tappable {
  onmessage?: ((message: never) => void) | undefined
}

/** Writes down all notifications that a transport hands to its client, and keeps from it what another has taken. */
function tap(
  transport: Tappable,
  heard: JsonObject[],
  taken: (message: JsonObject) => boolean = () => false,
): void {
  const { onmessage } = transport
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the one hook a transport has
  transport.onmessage = (message: JsonObject) => {
    if (taken(message)) return
    if ('method' in message && !('id' in message)) heard.push(message)
    onmessage?.call(transport, message as never)
  }
}

/** Methods of extensions that both clients send as they are. */
const AS_THEY_ARE = ['skills/list', 'skills/get', 'resources/directory/read']

/** The typed methods of a client by the method they send. */
function methodsOf(
  client: ClientV1 | ClientV2,
  { callTool, send }: { callTool: Method; send: (method: string) => Method },
): Record<string, Method> {
  const same = client as unknown as Record<string, Method>
  const names = {
    'tools/list': 'listTools',
    'prompts/list': 'listPrompts',
    'prompts/get': 'getPrompt',
    'resources/list': 'listResources',
    'resources/templates/list': 'listResourceTemplates',
    'resources/read': 'readResource',
    'completion/complete': 'complete',
  }
  const typed = Object.entries(names).map(([method, name]): [string, Method] => [
    method,
    (params, options) => (same[name] as Method).call(client, params, options),
  ])
  return {
    ...Object.fromEntries([
      ...typed,
      ...AS_THEY_ARE.map((method): [string, Method] => [method, send(method)]),
    ]),
    'tools/call': callTool,
    ping: (_params, options) => client.ping(options),
  }
}

/** What both clients have in common. */
abstract class SdkClient {
  readonly asked: Asked[] = []
  readonly heard: JsonObject[] = []
  answer: MatrixClient['answer'] = willing
  protected abstract readonly methods: Record<string, Method>

  async request(
    method: string,
    params: JsonObject = {},
    { signal, progress = false }: RequestOptions = {},
  ): Promise<JsonObject> {
    const run = this.methods[method]
    if (run === undefined) throw new Error(`the matrix has no ${method}`)
    const options = {
      // Its cache would answer in the server's place.
      cacheMode: 'bypass',
      ...(signal === undefined ? {} : { signal }),
      ...(progress ? { onprogress: () => undefined } : {}),
    }
    return (await run(this.withMeta(params), options)) as JsonObject
  }

  protected withMeta(params: JsonObject): JsonObject {
    return params
  }

  protected async question(method: string, params: unknown): Promise<object> {
    const question: Asked = { method, params: objectAt({ params }, 'params'), key: method }
    this.asked.push(question)
    return this.answer(question)
  }
}

const TASK_TTL_MS = 60_000

class V1 extends SdkClient implements MatrixClient {
  readonly era = '2025'
  readonly #client: ClientV1
  readonly #capabilities: JsonObject
  protected readonly methods: Record<string, Method>

  constructor(capabilities: JsonObject) {
    super()
    this.#capabilities = capabilities
    this.#client = new ClientV1(CLIENT_INFO, { capabilities })
    this.methods = methodsOf(this.#client, {
      callTool: (params, options) =>
        this.#client.callTool(params as never, CallToolResultSchema, options),
      send: (method) => (params) => this.#client.request({ method, params }, ResultSchema),
    })
  }

  async open(target: Target): Promise<this> {
    const schemas = Object.entries({
      elicitation: ElicitRequestSchema,
      sampling: CreateMessageRequestSchema,
      roots: ListRootsRequestSchema,
    }).filter(([name]) => name in this.#capabilities)
    for (const [, schema] of schemas) {
      this.#client.setRequestHandler(
        schema,
        async ({ method, params }) => (await this.question(method, params)) as never,
      )
    }
    const transport =
      typeof target === 'string'
        ? new HttpV1(new URL(target))
        : new StdioV1({ ...target, stderr: 'ignore' })
    await this.#client.connect(transport)
    tap(transport, this.heard)
    return this
  }

  get declared(): JsonObject {
    return { ...this.#client.getServerCapabilities() }
  }

  async requestTask(method: string, params: JsonObject): Promise<JsonObject> {
    const all = method === 'tools/call' ? { ...params, task: { ttl: TASK_TTL_MS } } : params
    return (await this.#client.request({ method, params: all }, ResultSchema)) as JsonObject
  }

  async wantLogs(level: string): Promise<void> {
    await this.#client.setLoggingLevel(level as never)
  }

  async watch({ resourceSubscriptions: uris = [] }: Interest): Promise<() => Promise<void>> {
    for (const uri of uris) await this.#client.subscribeResource({ uri })
    return async () => {
      for (const uri of uris) await this.#client.unsubscribeResource({ uri })
    }
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}

const ANYTHING = z.looseObject({})

class V2 extends SdkClient implements MatrixClient {
  readonly era = '2026'
  readonly #client: ClientV2
  readonly #capabilities: JsonObject
  protected readonly methods: Record<string, Method>
  #raw: RawRequests | undefined
  #logLevel: string | undefined

  constructor(capabilities: JsonObject) {
    super()
    this.#capabilities = capabilities
    this.#client = new ClientV2(CLIENT_INFO, {
      capabilities,
      versionNegotiation: { mode: { pin: '2026-07-28' } },
    })
    this.methods = methodsOf(this.#client, {
      callTool: (params, options) => this.#client.callTool(params as never, options),
      send: (method) => (params) => this.#client.request({ method, params }, ANYTHING),
    })
  }

  async open(target: Target): Promise<this> {
    const askable = ASKABLE.filter(([name]) => name in this.#capabilities)
    for (const [, method] of askable) {
      this.#client.setRequestHandler(
        method,
        async ({ params }) => (await this.question(method, params)) as never,
      )
    }
    const transport =
      typeof target === 'string'
        ? new HttpV2(new URL(target))
        : new StdioV2({ ...target, stderr: 'ignore' })
    await this.#client.connect(transport)
    const raw = new RawRequests(transport)
    tap(transport, this.heard, (message) => raw.take(message))
    this.#raw = raw
    return this
  }

  get declared(): JsonObject {
    return { ...this.#client.getServerCapabilities() }
  }

  /** The SDK takes no result that is a task. */
  async requestTask(method: string, params: JsonObject): Promise<JsonObject> {
    if (this.#raw === undefined) throw new Error('not connected')
    const extensions = { [TASKS_EXTENSION]: {} }
    return this.#raw.send(method, params, { ...this.#capabilities, extensions })
  }

  watchTasks(taskIds: readonly string[]): void {
    // Never answered: it ends with the connection.
    void this.requestTask('subscriptions/listen', { notifications: { taskIds } }).catch(() => 0)
  }

  async verifySkills(): Promise<number> {
    const skills = new SkillsClient(this.#client)
    let files = 0
    for (const skill of (await skills.list()).skills) {
      if (!Array.isArray(skill.resources)) throw new Error(`${skill.uri} lists no files`)
      for (const { uri } of skill.resources) {
        const { verified } = await skills.read(skill, uri, { cacheMode: 'bypass' })
        files += verified ? 1 : 0
      }
    }
    return files
  }

  wantLogs(level: string): Promise<void> {
    this.#logLevel = level
    return Promise.resolve()
  }

  async watch(interest: Interest): Promise<() => Promise<void>> {
    const subscription = await this.#client.listen(interest as never)
    return () => subscription.close()
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  protected override withMeta(params: JsonObject): JsonObject {
    if (this.#logLevel === undefined) return params
    return { ...params, _meta: { [META.logLevel]: this.#logLevel } }
  }
}

/** Connects with SDK v1, in era 2025. By default the client can be asked everything. */
export function connectV1(
  target: Target,
  capabilities: JsonObject = ALL_CAPABILITIES,
): Promise<MatrixClient> {
  return new V1(capabilities).open(target)
}

/** Connects with SDK v2, in era 2026. By default the client can be asked everything. */
export function connectV2(
  target: Target,
  capabilities: JsonObject = ALL_CAPABILITIES,
): Promise<MatrixClient> {
  return new V2(capabilities).open(target)
}
