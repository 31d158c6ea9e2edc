// Proofs for tools, and for what goes on around a call.
import { expect } from 'vitest'
import { objectAt } from '../fixtures/wire.ts'
import { all, call, outcomes, textOf, told, type Feature, type Scene } from './scene.ts'

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

async function ping({ client }: Scene): Promise<void> {
  expect(await client.request('ping')).toEqual({})
}

/** The rows about tools and calls. */
export const TOOL_ROWS: readonly Feature[] = [
  { id: 'tools-list', title: 'Tools: list, over several pages', proof: toolsList },
  { id: 'tool-call', title: 'Tools: call', proof: toolCall },
  { id: 'tool-error', title: 'Tools: `isError`', proof: toolError },
  { id: 'protocol-error', title: 'Tools: JSON-RPC error with data', proof: protocolError },
  { id: 'structured', title: 'Tools: structured content', proof: structured },
  { id: 'progress', title: 'Progress', proof: progress },
  { id: 'cancel', title: 'Cancellation', proof: cancel },
  { id: 'logging', title: 'Logging: levels', proof: logging },
  { id: 'ping', title: 'Ping', proof: ping, only: '2025' },
]
