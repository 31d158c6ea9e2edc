// Proofs for prompts, resources, completion, and for what is told of changes.
import { expect } from 'vitest'
import { isObject, objectAt, type JsonObject, type ListKind } from '../fixtures/wire.ts'
import type { Interest } from '../fixtures/guest.ts'
import {
  all,
  call,
  read,
  textOf,
  told,
  uriOf,
  type Feature,
  type Proof,
  type Scene,
} from './scene.ts'

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

async function subscribe(scene: Scene): Promise<void> {
  const { client } = scene
  const [uri, other] = [await uriOf(scene, 'static 1'), await uriOf(scene, 'static 2')]
  const from = client.heard.length
  const updated = (about: string): boolean =>
    client.heard.slice(from).some(({ params }) => isObject(params) && params['uri'] === about)
  const stop = await client.watch({ resourceSubscriptions: [uri] })
  try {
    await call(scene, 'touch', { uri: 'test://static/2' })
    await scene.soon(async () => {
      await call(scene, 'touch', { uri: 'test://static/1' })
      return updated(uri)
    }, 'an update')
    expect(String((await read(scene, uri))['text'])).toMatch(/^static 1 r\d+$/)
  } finally {
    await stop()
  }
  const isOver = async (): Promise<boolean> => (await watchers(scene, 'test://static/1')) <= 0
  await scene.soon(isOver, 'the end at the server')
  expect(updated(other)).toBe(false)
}

async function watchers(scene: Scene, uri: string): Promise<number> {
  return Number(textOf(await call(scene, 'watchers', { uri })))
}

function changes(of: ListKind, method: string): Proof {
  return async (scene) => {
    const { client } = scene
    const interest: Interest = { [`${of}ListChanged`]: true }
    const stop = await client.watch(interest)
    const name = of === 'resources' ? 'test://late/1' : 'late'
    const isListed = async (): Promise<boolean> =>
      (await all(client, method, of)).some((item) => /(^|__)late(\/1)?$/.test(String(item['name'])))
    try {
      for (const isThere of [true, false]) {
        const from = client.heard.length
        await call(scene, 'toggle', { of, name })
        await told(scene, from, `notifications/${of}/list_changed`)
        await scene.soon(async () => (await isListed()) === isThere, `${of} to follow`)
      }
    } finally {
      await stop()
    }
  }
}

/** The rows about prompts, resources, completion and changes. */
export const OFFER_ROWS: readonly Feature[] = [
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
    proof: changes('tools', 'tools/list'),
  },
  {
    id: 'prompts-changed',
    title: 'Changed lists: prompts',
    proof: changes('prompts', 'prompts/list'),
  },
  {
    id: 'resources-changed',
    title: 'Changed lists: resources',
    proof: changes('resources', 'resources/list'),
  },
]
