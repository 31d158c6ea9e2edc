// The same rows against the reference server that has a bit of everything, where it has it.
import { expect } from 'vitest'
import { objectAt, type JsonObject } from '../fixtures/wire.ts'
import { EVERYTHING_TASKS } from './proofs-tasks.ts'
import { all, call, read, textOf, uriOf, type Feature, type Proof, type Scene } from './scene.ts'

const TEXT_TEMPLATE = 'Dynamic Text Resource'

async function toolsList({ client, prefix }: Scene): Promise<void> {
  const names = (await all(client, 'tools/list', 'tools')).map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining([`${prefix}echo`, `${prefix}get-sum`]))
}

async function toolCall(scene: Scene): Promise<void> {
  expect(textOf(await call(scene, 'echo', { message: 'grüße' }))).toBe('Echo: grüße')
}

async function toolError(scene: Scene): Promise<void> {
  expect(await call(scene, 'get-sum', { a: 'one' })).toMatchObject({ isError: true })
}

async function structured(scene: Scene): Promise<void> {
  const result = await call(scene, 'get-structured-content', { location: 'Chicago' })
  expect(result['structuredContent']).toMatchObject({ temperature: 36 })
}

async function progress(scene: Scene): Promise<void> {
  const { heard } = scene.client
  const before = heard.length
  const args = { duration: 0.04, steps: 4 }
  await call(scene, 'trigger-long-running-operation', args, { progress: true })
  await scene.soon(() => heard.length - before >= 3, 'progress')
}

async function promptsList({ client, prefix }: Scene): Promise<void> {
  const names = (await all(client, 'prompts/list', 'prompts')).map(({ name }) => name)
  expect(names).toContain(`${prefix}args-prompt`)
}

async function promptGet({ client, prefix }: Scene): Promise<void> {
  const args = { city: 'Paris', state: 'Texas' }
  const params = { name: `${prefix}args-prompt`, arguments: args }
  expect(JSON.stringify(await client.request('prompts/get', params))).toContain('Paris, Texas')
}

async function promptResource(scene: Scene): Promise<void> {
  const args = { resourceType: 'Text', resourceId: '2' }
  const params = { name: `${scene.prefix}resource-prompt`, arguments: args }
  const { messages } = await scene.client.request('prompts/get', params)
  const embedded = objectAt(objectAt((messages as JsonObject[])[1], 'content'), 'resource')
  expect((await read(scene, embedded['uri']))['text']).toMatch(/^Resource 2:/)
}

async function resourcesList({ client }: Scene): Promise<void> {
  const listed = await all(client, 'resources/list', 'resources')
  expect(listed.map(({ name }) => name)).toContain('features.md')
}

async function resourceRead(scene: Scene): Promise<void> {
  const content = await read(scene, await uriOf(scene, 'features.md'))
  expect(String(content['text']).length).toBeGreaterThan(100)
}

async function textTemplate({ client }: Scene): Promise<string> {
  const listed = await all(client, 'resources/templates/list', 'resourceTemplates')
  return String(listed.find(({ name }) => name === TEXT_TEMPLATE)?.['uriTemplate'])
}

async function template(scene: Scene): Promise<void> {
  const uri = (await textTemplate(scene)).replace('{resourceId}', '3')
  expect((await read(scene, uri))['text']).toMatch(/^Resource 3:/)
}

async function links(scene: Scene): Promise<void> {
  const { content } = await call(scene, 'get-resource-links', { count: 2 })
  const found = (content as JsonObject[]).filter(({ type }) => type === 'resource_link')
  expect(found).toHaveLength(2)
  for (const { uri } of found) await read(scene, uri)
  const reference = await call(scene, 'get-resource-reference', { resourceId: 4 })
  const embedded = (reference['content'] as JsonObject[]).find(({ type }) => type === 'resource')
  const { uri } = objectAt(embedded, 'resource')
  expect((await read(scene, uri))['text']).toMatch(/^Resource 4:/)
}

async function completePrompt({ client, prefix }: Scene): Promise<void> {
  const { completion } = await client.request('completion/complete', {
    ref: { type: 'ref/prompt', name: `${prefix}completable-prompt` },
    argument: { name: 'name', value: 'A' },
    context: { arguments: { department: 'Engineering' } },
  })
  expect(completion).toMatchObject({ values: ['Alice'] })
}

async function completeTemplate(scene: Scene): Promise<void> {
  const { completion } = await scene.client.request('completion/complete', {
    ref: { type: 'ref/resource', uri: await textTemplate(scene) },
    argument: { name: 'resourceId', value: '7' },
  })
  expect(completion).toMatchObject({ values: ['7'] })
}

async function subscribe(scene: Scene): Promise<void> {
  const { client } = scene
  const uri = await uriOf(scene, 'features.md')
  const stop = await client.watch({ resourceSubscriptions: [uri] })
  const from = client.heard.length
  const updated = (): boolean =>
    client.heard.slice(from).some(({ params }) => objectAt({ params }, 'params')['uri'] === uri)
  await call(scene, 'toggle-subscriber-updates')
  try {
    await scene.soon(updated, 'an update')
  } finally {
    await call(scene, 'toggle-subscriber-updates')
    await stop()
  }
}

/** Tools that ask are there only for who can be asked, which a node may have learned from the first call. */
async function untilListed(scene: Scene, name: string): Promise<void> {
  await call(scene, 'echo', { message: 'here' })
  await scene.soon(async () => {
    const tools = await all(scene.client, 'tools/list', 'tools')
    return tools.some((tool) => tool['name'] === `${scene.prefix}${name}`)
  }, `${name} to be listed`)
}

/** A tool that asks one thing, and hands out the answer in its text. */
function asking(name: string, args: JsonObject, method: string, told: string): Proof {
  return async (scene) => {
    await untilListed(scene, name)
    const before = scene.client.asked.length
    const { content } = await call(scene, name, args)
    const asked = scene.client.asked.slice(before).map((question) => question.method)
    // The server asks for the roots as well, some time after the session has begun.
    expect(asked.filter((other) => other !== 'roots/list')).toEqual([method])
    expect(JSON.stringify(content)).toContain(told)
  }
}

/** It asks when its session begins, which several clients of a node share, and hands out what it was told then. */
async function roots(scene: Scene): Promise<void> {
  await untilListed(scene, 'get-roots-list')
  expect(textOf(await call(scene, 'get-roots-list'))).toContain('file:///srv')
}

async function ping({ client }: Scene): Promise<void> {
  expect(await client.request('ping')).toEqual({})
}

/** What the reference server has, by the id of the row. */
export const EVERYTHING: Readonly<Record<Feature['id'], Proof>> = {
  'tools-list': toolsList,
  'tool-call': toolCall,
  'tool-error': toolError,
  structured,
  progress,
  'prompts-list': promptsList,
  'prompt-get': promptGet,
  'prompt-resource': promptResource,
  'resources-list': resourcesList,
  'resource-read': resourceRead,
  template,
  links,
  'complete-prompt': completePrompt,
  'complete-template': completeTemplate,
  subscribe,
  'subscribe-unasked': subscribe,
  form: asking('trigger-elicitation-request', {}, 'elicitation/create', 'given'),
  page: asking(
    'trigger-url-elicitation',
    { url: 'https://sign-in.example/', message: 'Please sign in' },
    'elicitation/create',
    'accept',
  ),
  sampling: asking(
    'trigger-sampling-request',
    { prompt: 'Say a word', maxTokens: 10 },
    'sampling/createMessage',
    'word',
  ),
  roots,
  ping,
  ...EVERYTHING_TASKS,
}
