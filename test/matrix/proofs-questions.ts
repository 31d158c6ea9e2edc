// Proofs for what a server asks its client.
import { expect } from 'vitest'
import { ALL_CAPABILITIES } from '../fixtures/guest.ts'
import { legacySession } from '../fixtures/raw-client.ts'
import { objectAt, type Id, type JsonObject } from '../fixtures/wire.ts'
import { willing } from './client.ts'
import {
  call,
  outcomes,
  questions,
  read,
  textOf,
  uriOf,
  type Feature,
  type Proof,
  type Scene,
} from './scene.ts'

const ELICIT = 'elicitation/create'
const SAMPLE = 'sampling/createMessage'
const ROOTS = 'roots/list'
const GIVEN = { action: 'accept', content: { name: 'given' } }

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

/** The rows about questions, and about answering them when the stream is gone. */
export const QUESTION_ROWS: readonly Feature[] = [
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
  {
    id: 'resume',
    title: 'Resumption of a broken stream',
    proof: resume,
    only: '2025',
    isRaw: true,
  },
]
