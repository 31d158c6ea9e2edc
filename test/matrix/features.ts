// The features of the matrix: what each is, and how it shows that it works, against the world of the fixtures.
import { expect } from 'vitest'
import { ALL_CAPABILITIES, type Asked, type Interest } from '../fixtures/guest.ts'
import { legacySession } from '../fixtures/raw-client.ts'
import {
  isObject,
  objectAt,
  type Era,
  type Id,
  type JsonObject,
  type ListKind,
} from '../fixtures/wire.ts'
import { willing, type MatrixClient, type Target } from './client.ts'

/** One client in front of one server, with any number of nodes between. */
export interface Scene {
  readonly client: MatrixClient
  /** In front of every name of the server's: `fx__` behind a node, nothing at the server itself. */
  readonly prefix: string
  /** Where the client is connected to. */
  readonly target: Target
  /** Resolves when the condition holds. @throws Error naming `what` when the time for it is over */
  soon(condition: () => boolean | Promise<boolean>, what: string): Promise<void>
}

/** Shows that a feature works, or throws. */
export type Proof = (scene: Scene) => Promise<void>

/** One row of the matrix. */
export interface Feature {
  readonly id: string
  readonly title: string
  readonly proof: Proof
  /** The only era whose clients have it. Default: both. */
  readonly only?: Era
  /** Needs a stream that can be broken at will, so a raw client over HTTP. */
  readonly isRaw?: boolean
}

/** `tools/call`. */
export function call(
  { client, prefix }: Scene,
  name: string,
  args: JsonObject = {},
  options: Parameters<MatrixClient['request']>[2] = {},
): Promise<JsonObject> {
  return client.request('tools/call', { name: `${prefix}${name}`, arguments: args }, options)
}

/** The text of the first block of a tool result. */
export function textOf(result: JsonObject): string {
  const [block] = result['content'] as JsonObject[]
  return String(block?.['text'])
}

/** All items of a list, over all its pages. */
export async function all(
  client: MatrixClient,
  method: string,
  items: string,
): Promise<JsonObject[]> {
  const found: JsonObject[] = []
  let cursor: unknown
  do {
    const part = await client.request(method, cursor === undefined ? {} : { cursor })
    found.push(...(part[items] as JsonObject[]))
    cursor = part['nextCursor']
  } while (cursor !== undefined)
  return found
}

/** The URI under which a resource of that name is listed here. */
export async function uriOf({ client }: Scene, name: string): Promise<string> {
  const listed = await all(client, 'resources/list', 'resources')
  const found = listed.find((resource) => resource['name'] === name)
  if (found === undefined) throw new Error(`no resource ${name} is listed`)
  return String(found['uri'])
}

/** The one content of a resource. */
export async function read({ client }: Scene, uri: unknown): Promise<JsonObject> {
  const { contents } = await client.request('resources/read', { uri })
  expect(contents).toHaveLength(1)
  const [content] = contents as JsonObject[]
  expect(content?.['uri']).toBe(uri)
  return content ?? {}
}

/** How the runs of a tool, prompt or resource ended, in order. */
async function outcomes(scene: Scene, name: string): Promise<string[]> {
  return JSON.parse(textOf(await call(scene, 'outcomes', { name }))) as string[]
}

/** Runs `work` and gives the questions that were asked for it. */
async function questions({ client }: Scene, work: () => Promise<unknown>): Promise<Asked[]> {
  const before = client.asked.length
  await work()
  return client.asked.slice(before)
}

async function toolsList(scene: Scene): Promise<void> {
  const names = (await all(scene.client, 'tools/list', 'tools')).map(({ name }) => name)
  expect(names).toContain(`${scene.prefix}echo`)
  // More than one page of the server's, and the last of its tools.
  expect(names).toContain(`${scene.prefix}need_url`)
  expect(new Set(names).size).toBe(names.length)
}

async function toolCall(scene: Scene): Promise<void> {
  const message = 'grüße ☃ \u2028 "\\'
  expect(textOf(await call(scene, 'echo', { message }))).toBe(message)
}

async function toolError(scene: Scene): Promise<void> {
  expect(await call(scene, 'fail')).toMatchObject({ isError: true })
}

async function protocolError(scene: Scene): Promise<void> {
  const data = { deep: [1, null, 'ü'] }
  await expect(
    call(scene, 'error', { code: 4711, message: 'as told', data }),
  ).rejects.toMatchObject({
    code: 4711,
    message: expect.stringContaining('as told') as string,
    data,
  })
}

async function structured(scene: Scene): Promise<void> {
  const result = await call(scene, 'add', { a: 2, b: 0.5 })
  expect(result['structuredContent']).toEqual({ sum: 2.5 })
}

async function progress(scene: Scene): Promise<void> {
  const { heard } = scene.client
  const before = heard.length
  await call(scene, 'progress', { steps: 4 }, { progress: true })
  const steps = (): unknown[] =>
    heard
      .slice(before)
      .filter(({ method }) => method === 'notifications/progress')
      .map(({ params }) => objectAt({ params }, 'params')['progress'])
  await scene.soon(() => steps().length >= 3, 'progress')
  // SDK clients may lose the last step, which comes together with the result.
  expect([1, 2, 3, 4].slice(0, steps().length)).toEqual(steps())
}

async function cancel(scene: Scene): Promise<void> {
  const abort = new AbortController()
  const before = (await outcomes(scene, 'slow')).length
  const given = call(scene, 'slow', {}, { signal: abort.signal }).catch((error: unknown) => error)
  await scene.soon(
    async () => (await outcomes(scene, 'slow')).length > before,
    'the call at the server',
  )
  abort.abort()
  expect(await given).toBeInstanceOf(Error)
  await scene.soon(
    async () => (await outcomes(scene, 'slow'))[before] === 'cancelled',
    'the cancel',
  )
}

async function promptsList({ client, prefix }: Scene): Promise<void> {
  const prompts = await all(client, 'prompts/list', 'prompts')
  expect(prompts).toContainEqual(
    expect.objectContaining({
      name: `${prefix}greet`,
      arguments: [{ name: 'name', required: true }, { name: 'language' }],
    }),
  )
}

async function promptGet({ client, prefix }: Scene): Promise<void> {
  const result = await client.request('prompts/get', {
    name: `${prefix}greet`,
    arguments: { name: 'Ada', language: 'de' },
  })
  expect(result['messages']).toEqual([
    { role: 'user', content: { type: 'text', text: 'Hallo Ada' } },
  ])
}

async function promptResource(scene: Scene): Promise<void> {
  const name = `${scene.prefix}with_resource`
  const { messages } = await scene.client.request('prompts/get', { name })
  const [embedded, link] = (messages as JsonObject[]).map((message) => objectAt(message, 'content'))
  const resource = objectAt(embedded, 'resource')
  expect(resource['text']).toBe('static 1')
  expect(resource['uri']).toBe(await uriOf(scene, 'static 1'))
  expect(await read(scene, link?.['uri'])).toMatchObject({ text: 'unlisted 1' })
}

async function resourcesList(scene: Scene): Promise<void> {
  const listed = await all(scene.client, 'resources/list', 'resources')
  expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining(['static 1', 'pixel']))
  const uris = listed.map(({ uri }) => String(uri))
  expect(new Set(uris).size).toBe(uris.length)
  for (const uri of uris) expect(URL.canParse(uri)).toBe(true)
}

async function resourceRead(scene: Scene): Promise<void> {
  const text = await read(scene, await uriOf(scene, 'static 2'))
  expect(text).toMatchObject({
    mimeType: 'text/plain',
    text: expect.stringMatching('^static 2') as string,
  })
  const pixel = await read(scene, await uriOf(scene, 'pixel'))
  expect(pixel).toMatchObject({
    mimeType: 'image/png',
    blob: expect.stringMatching('^iVBOR') as string,
  })
}

async function resourceMissing(scene: Scene): Promise<void> {
  const uri = (await uriOf(scene, 'static 1')).replace(/1$/, '404')
  const code = scene.client.era === '2026' ? -32_602 : expect.toBeOneOf([-32_002, -32_602])
  await expect(read(scene, uri)).rejects.toMatchObject({ code })
}

async function templateOf({ client }: Scene, name: string): Promise<string> {
  const listed = await all(client, 'resources/templates/list', 'resourceTemplates')
  return String(listed.find((item) => item['name'] === name)?.['uriTemplate'])
}

async function template(scene: Scene): Promise<void> {
  const item = await templateOf(scene, 'item')
  expect(await read(scene, item.replace('{id}', '7'))).toMatchObject({ text: 'item 7' })
  const find = await templateOf(scene, 'find')
  const uri = find.replace('{+path}', 'a/b').replace('{?word}', '?word=x%20y')
  expect(await read(scene, uri)).toMatchObject({ text: 'found test://find/a/b?word=x%20y' })
}

async function links(scene: Scene): Promise<void> {
  const { content } = await call(scene, 'link_resource')
  const [link, embedded, unlisted] = content as JsonObject[]
  expect(link?.['uri']).toBe(await uriOf(scene, 'static 1'))
  expect(objectAt(embedded, 'resource')).toMatchObject({
    uri: await uriOf(scene, 'static 2'),
    text: 'static 2',
  })
  expect(await read(scene, unlisted?.['uri'])).toMatchObject({ text: 'unlisted 1' })
}

async function view(scene: Scene): Promise<void> {
  const tools = await all(scene.client, 'tools/list', 'tools')
  const tool = tools.find(({ name }) => name === `${scene.prefix}show_view`)
  const { resourceUri } = objectAt(objectAt(tool, '_meta'), 'ui')
  expect(String(resourceUri)).toMatch(/^ui:\/\//)
  expect(await read(scene, resourceUri)).toMatchObject({ text: '<p>view</p>' })
}

async function completePrompt({ client, prefix }: Scene): Promise<void> {
  const ref = { type: 'ref/prompt', name: `${prefix}greet` }
  const name = await client.request('completion/complete', {
    ref,
    argument: { name: 'name', value: 'A' },
  })
  expect(name['completion']).toMatchObject({ values: ['Ada', 'Alan'] })
  const language = await client.request('completion/complete', {
    ref,
    argument: { name: 'language', value: 'e' },
    context: { arguments: { name: 'Ada' } },
  })
  expect(language['completion']).toMatchObject({ values: ['en-GB'] })
}

async function completeTemplate(scene: Scene): Promise<void> {
  const uri = await templateOf(scene, 'item')
  const { completion } = await scene.client.request('completion/complete', {
    ref: { type: 'ref/resource', uri },
    argument: { name: 'id', value: '1' },
  })
  expect(completion).toMatchObject({ values: ['1', '10', '11'] })
}

/** Waits for a notification that comes after `from`. */
function told(scene: Scene, from: number, method: string, about: JsonObject = {}): Promise<void> {
  return scene.soon(
    () =>
      scene.client.heard.slice(from).some((message) => {
        const params = objectAt(message, 'params')
        const isAbout = Object.entries(about).every(([key, value]) => params[key] === value)
        return message['method'] === method && isAbout
      }),
    method,
  )
}

async function subscribe(scene: Scene): Promise<void> {
  const { client } = scene
  const [uri, other] = [await uriOf(scene, 'static 1'), await uriOf(scene, 'static 2')]
  const from = client.heard.length
  const updated = (about: string): boolean =>
    client.heard.slice(from).some(({ params }) => isObject(params) && params['uri'] === about)
  const stop = await client.watch({ resourceSubscriptions: [uri] })
  await call(scene, 'touch', { uri: 'test://static/2' })
  await scene.soon(async () => {
    await call(scene, 'touch', { uri: 'test://static/1' })
    return updated(uri)
  }, 'an update')
  expect(String((await read(scene, uri))['text'])).toMatch(/^static 1 r\d+$/)
  await stop()
  await scene.soon(
    async () => (await watchers(scene, 'test://static/1')) <= 0,
    'the end at the server',
  )
  expect(updated(other)).toBe(false)
}

async function watchers(scene: Scene, uri: string): Promise<number> {
  return Number(textOf(await call(scene, 'watchers', { uri })))
}

function changes(of: ListKind, method: string, key: 'name' | 'uri'): Proof {
  return async (scene) => {
    const { client } = scene
    const interest: Interest = { [`${of}ListChanged`]: true }
    const stop = await client.watch(interest)
    const name = of === 'resources' ? 'test://late/1' : 'late'
    const isListed = async (): Promise<boolean> =>
      (await all(client, method, of)).some(
        (item) => String(item[key]).endsWith('late') || String(item['name']) === 'late/1',
      )
    for (const isThere of [true, false]) {
      const from = client.heard.length
      await call(scene, 'toggle', { of, name })
      await told(scene, from, `notifications/${of}/list_changed`)
      await scene.soon(async () => (await isListed()) === isThere, `${of} to follow`)
    }
    await stop()
  }
}

/** A tool that asks: its questions, and that it ran to its end once. */
function asks(
  name: string,
  methods: readonly string[],
  check?: (answers: JsonObject) => void,
): Proof {
  return async (scene) => {
    const done = async (): Promise<number> => completed(await outcomes(scene, name))
    const before = await done()
    let result: JsonObject = {}
    const asked = await questions(scene, async () => {
      result = await call(scene, name)
    })
    expect(asked.map(({ method }) => method).toSorted()).toEqual(methods.toSorted())
    check?.(JSON.parse(textOf(result)) as JsonObject)
    expect(await done()).toBe(before + 1)
  }
}

function completed(runs: readonly string[]): number {
  return runs.filter((outcome) => outcome === 'completed').length
}

const ELICIT = 'elicitation/create'
const SAMPLE = 'sampling/createMessage'
const ROOTS = 'roots/list'
const GIVEN = { action: 'accept', content: { name: 'given' } }

function filledIn(answers: JsonObject): void {
  expect(answers).toEqual({ form: GIVEN })
}

function answering(action: 'decline' | 'cancel'): Proof {
  return async (scene) => {
    const { client } = scene
    client.answer = () => ({ action })
    try {
      expect(JSON.parse(textOf(await call(scene, 'ask_form')))).toEqual({ form: { action } })
    } finally {
      client.answer = willing
    }
  }
}

async function page(scene: Scene): Promise<void> {
  const asked = await questions(scene, async () => {
    const result = JSON.parse(textOf(await call(scene, 'ask_url'))) as JsonObject
    expect(result).toEqual({ page: { action: 'accept' } })
  })
  expect(asked).toHaveLength(1)
  const { url, elicitationId, mode } = asked[0]?.params ?? {}
  expect([mode, url]).toEqual(['url', 'https://sign-in.example/asked'])
  const hasId = scene.client.era === '2025'
  expect(typeof elicitationId).toBe(hasId ? 'string' : 'undefined')
}

let needs = 0

/** Era 2025 is refused first and calls again; era 2026 is asked. */
async function neededPage(scene: Scene): Promise<void> {
  needs += 1
  const run = (): Promise<JsonObject> => call(scene, 'need_url', { key: `${needs}` })
  const asked = await questions(scene, async () => {
    const first = await run().catch((error: unknown) => error as { code: number; data: JsonObject })
    if (scene.client.era === '2025' && 'code' in first && first.code === -32_042) {
      expect(first).toMatchObject({ data: { elicitations: [{ mode: 'url' }] } })
      expect(await run()).not.toMatchObject({ isError: true })
      return
    }
    expect(first).not.toBeInstanceOf(Error)
    expect(first).not.toMatchObject({ isError: true })
  })
  for (const { params } of asked) expect(params['mode']).toBe('url')
}

async function tooledSampling(scene: Scene): Promise<void> {
  const asked = await questions(scene, () => call(scene, 'ask_sampling_tools'))
  expect(asked[0]?.params).toMatchObject({
    tools: [{ name: 'look_up', inputSchema: { type: 'object' } }],
    toolChoice: { mode: 'auto' },
  })
}

async function pause(scene: Scene): Promise<void> {
  expect(textOf(await call(scene, 'ask_later'))).toBe('now')
}

async function promptAsks(scene: Scene): Promise<void> {
  const name = `${scene.prefix}asking`
  const asked = await questions(scene, async () => {
    const { messages } = await scene.client.request('prompts/get', { name })
    expect(JSON.stringify(messages)).toContain('given')
  })
  expect(asked.map(({ method }) => method)).toEqual([ELICIT])
}

async function resourceAsks(scene: Scene): Promise<void> {
  const uri = await uriOf(scene, 'asking')
  const asked = await questions(scene, async () => {
    expect(JSON.stringify(await read(scene, uri))).toContain('given')
  })
  expect(asked.map(({ method }) => method)).toEqual([ELICIT])
}

async function logging(scene: Scene): Promise<void> {
  const { client } = scene
  const heard = async (level: string): Promise<unknown[]> => {
    await client.wantLogs(level)
    const from = client.heard.length
    await call(scene, 'log_some')
    await told(scene, from, 'notifications/message', { level: 'error' })
    return client.heard
      .slice(from)
      .filter(({ method }) => method === 'notifications/message')
      .map(({ params }) => objectAt({ params }, 'params')['data'])
  }
  expect(await heard('warning')).toEqual(['at warning', 'at error'])
  expect(await heard('debug')).toEqual(['at debug', 'at info', 'at warning', 'at error'])
  await client.wantLogs('emergency')
}

/** The caller loses its stream while it is asked, answers all the same, and comes back for the result. */
async function resume(scene: Scene): Promise<void> {
  if (typeof scene.target !== 'string') throw new Error('a pipe cannot break')
  const session = await legacySession(scene.target, { capabilities: ALL_CAPABILITIES })
  const params = { name: `${scene.prefix}ask_form`, arguments: {} }
  const stream = await session.stream('tools/call', params)
  const question = await stream.next()
  const { lastEventId } = stream
  if (lastEventId === undefined) throw new Error('events have no ids')
  stream.close()
  await session.answer(question?.['id'] as Id, GIVEN)
  const again = await session.resume(lastEventId)
  const result = objectAt(await again.next(), 'result')
  expect(JSON.parse(textOf(result))).toEqual({ form: GIVEN })
  await session.delete()
}

async function ping({ client }: Scene): Promise<void> {
  expect(await client.request('ping')).toEqual({})
}

/** All rows, in the order of the document. */
export const FEATURES: readonly Feature[] = [
  { id: 'tools-list', title: 'Tools: list, over several pages', proof: toolsList },
  { id: 'tool-call', title: 'Tools: call', proof: toolCall },
  { id: 'tool-error', title: 'Tools: `isError`', proof: toolError },
  { id: 'protocol-error', title: 'Tools: JSON-RPC error with data', proof: protocolError },
  { id: 'structured', title: 'Tools: structured content', proof: structured },
  { id: 'progress', title: 'Progress', proof: progress },
  { id: 'cancel', title: 'Cancellation', proof: cancel },
  { id: 'prompts-list', title: 'Prompts: list', proof: promptsList },
  { id: 'prompt-get', title: 'Prompts: get, with arguments', proof: promptGet },
  { id: 'prompt-resource', title: 'Prompts: embedded resource and link', proof: promptResource },
  { id: 'resources-list', title: 'Resources: list', proof: resourcesList },
  { id: 'resource-read', title: 'Resources: read text and binary', proof: resourceRead },
  { id: 'resource-missing', title: 'Resources: one that is not there', proof: resourceMissing },
  { id: 'template', title: 'Resources: read by template', proof: template },
  { id: 'links', title: 'Resources: links and embedded in tool results', proof: links },
  { id: 'view', title: 'Resources: view of a tool (`_meta.ui`)', proof: view },
  { id: 'complete-prompt', title: 'Completion: prompt, with context', proof: completePrompt },
  { id: 'complete-template', title: 'Completion: template', proof: completeTemplate },
  { id: 'subscribe', title: 'Subscription: updates, and its end', proof: subscribe },
  {
    id: 'tools-changed',
    title: 'Changed lists: tools',
    proof: changes('tools', 'tools/list', 'name'),
  },
  {
    id: 'prompts-changed',
    title: 'Changed lists: prompts',
    proof: changes('prompts', 'prompts/list', 'name'),
  },
  {
    id: 'resources-changed',
    title: 'Changed lists: resources',
    proof: changes('resources', 'resources/list', 'uri'),
  },
  {
    id: 'form',
    title: 'Elicitation: form',
    proof: asks('ask_form', [ELICIT], filledIn),
  },
  { id: 'form-declined', title: 'Elicitation: declined', proof: answering('decline') },
  { id: 'form-cancelled', title: 'Elicitation: cancelled', proof: answering('cancel') },
  { id: 'page', title: 'Elicitation: URL', proof: page },
  { id: 'needed-page', title: 'Elicitation: URL needed first', proof: neededPage },
  { id: 'sampling', title: 'Sampling', proof: asks('ask_sampling', [SAMPLE]) },
  { id: 'sampling-tools', title: 'Sampling: with tools', proof: tooledSampling },
  { id: 'roots', title: 'Roots', proof: asks('ask_roots', [ROOTS]) },
  { id: 'two-at-once', title: 'Two questions at once', proof: asks('ask_both', [ELICIT, ROOTS]) },
  {
    id: 'two-rounds',
    title: 'Two questions, one after the other',
    proof: asks('ask_twice', [ELICIT, ELICIT]),
  },
  { id: 'pause', title: 'Asked to come again without a question', proof: pause },
  { id: 'prompt-asks', title: 'A prompt that asks', proof: promptAsks },
  { id: 'resource-asks', title: 'A resource that asks', proof: resourceAsks },
  { id: 'logging', title: 'Logging: levels', proof: logging },
  { id: 'ping', title: 'Ping', proof: ping, only: '2025' },
  {
    id: 'resume',
    title: 'Resumption of a broken stream',
    proof: resume,
    only: '2025',
    isRaw: true,
  },
]
